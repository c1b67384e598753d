#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a backup of a SQLite database or a folder back from S3, proved."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_backup_restore
short_description: Bring a backup of a SQLite database or a folder back from S3, proved
version_added: 0.2.0
description:
  - Reads a backup by its version, compares it with its manifest, opens it and counts its rows, and only then gives it its name.
  - O(live) replaces the database itself. Only once the backup is there and proved are the O(services) stopped; what is there is kept beside, and the services
    are started again, whatever happened. A database that another process has open is not replaced.
  - When the newest backup does not count, the task fails. An older one is only taken when O(stamp) names it.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: [steady.fleet.s3_place, steady.fleet.backup]
options:
  name:
    description: The backup's name.
    type: str
    required: true
  stamp:
    description: Which of its backups, such as C(20260131T090003Z). The newest unless said.
    type: str
  into:
    description:
      - The file that a database comes back into (in a directory it is called O(name) and C(.sqlite)), or the folder of a folder.
      - What is there with the same content is left as it is. What has another content is left, too, and is an error, unless O(replace) is set.
    type: path
  replace:
    description: Whether what is at O(into) with another content makes way. It is kept beside, under another name.
    type: bool
    default: false
  live:
    description: Whether the database itself is replaced, the one that O(config) or O(database) names. Needs root. Excludes O(into) and O(replace).
    type: bool
    default: false
  services:
    description: With O(live), the systemd units that use the database, such as C(catscan-api.service). Their sockets stop with them.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {support: full, description: 'Says which backup would come back, what it holds and where it would go; writes and stops nothing.'}
  diff_mode: {support: full, description: What is there before and after.}
  idempotent: {support: full, description: 'A second call changes nothing, as long as nobody else did.'}
  platform: {support: full, platforms: linux, description: Linux; O(services) needs systemd.}
seealso:
  - module: steady.fleet.sqlite_backup
"""

EXAMPLES = r"""
- name: Look into yesterday's database
  steady.fleet.sqlite_backup_restore:
    config: /etc/steady-fleet/fleetdata.json
    name: catscan
    stamp: 20260131T090003Z
    into: /root/yesterday.db

- name: Put the newest backup in the place of the database
  steady.fleet.sqlite_backup_restore:
    config: /etc/steady-fleet/fleetdata.json
    name: catscan
    live: true
    services: [catscan-api.service]
"""

RETURN = r"""
files:
  description: What came back, or in check mode would.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str}
    kind: {description: 'C(database) or C(folder).', type: str}
    stamp: {description: 'When its copy was made, UTC.', type: str}
    path: {description: Where it is., type: str}
    status: {description: 'C(restored), or C(unchanged) when it was there already.', type: str}
    uri: {description: The address of the object that holds it., type: str}
    version_id: {description: The object's version., type: str}
    bytes: {description: 'Length of the database, or of the list of files.', type: int}
    content_sha256: {description: SHA-256 of the same., type: str}
    counts: {description: 'Rows by table; of a folder its files, links and bytes.', type: dict}
    files: {description: Files of a folder that were written., type: int}
    kept: {description: Where what was there lies now; empty where nothing was., type: str}
    seconds: {description: How long it took., type: int}
  sample:
    - name: catscan
      kind: database
      stamp: 20260131T090003Z
      path: /var/lib/catscan/catscan.db
      status: restored
      uri: s3://rtbcat-backups-frankfurt-123456789012/catscan/2026/01/31/catscan-20260131T090003Z.sqlite.gz
      version_id: "1"
      bytes: 4194304
      content_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      counts: {import_history: 90, rtb_daily: 45000}
      files: 0
      kept: /var/lib/catscan/catscan.db.before-20260201T101500Z
      seconds: 3
summary:
  description: The same in short.
  returned: success
  type: dict
  sample: {status: restored, seconds: 3, bytes: 4194304, dry_run: false}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options, backup_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, request
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import findings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.bring_back import Target, restore_backup
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.live import Live, replace_live
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import UsageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


def run(module: AnsibleModule) -> answers.Answer:
    """Restore, or in check mode say what that would do. Raises FleetDataError."""
    params = dict(module.params)
    if bool(params["into"]) == params["live"]:
        raise UsageError("Say either into, for a copy, or live, to replace the database itself.")
    if (params["services"] and not params["live"]) or (params["replace"] and params["live"]):
        raise UsageError("services goes with live, and replace with into.")
    if not (params["config"] or params["live"] or params["database"] or params["folder"]):
        params["database"] = params["into"]  # it is known here only as what comes back
    backups, name, stamp, check = backup_options.backups(params), params["name"], params["stamp"], module.check_mode
    store = connect(archive=backups.archive)
    if params["live"]:
        live = Live(path=backups.subject(name).path, services=Services(names=tuple(params["services"])), clock=request.now)
        result = replace_live(store=store, prefix=backups.prefix, name=name, live=live, stamp=stamp, check=check)
    else:
        into = Target(path=params["into"], replace=params["replace"])
        result = restore_backup(store=store, prefix=backups.prefix, name=name, into=into, stamp=stamp, check=check)
    return findings.restored(result, check=check)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **backup_options.ARGUMENTS,
            "name": {"type": "str", "required": True},
            "stamp": {"type": "str"},
            "into": {"type": "path"},
            "replace": {"type": "bool", "default": False},
            "live": {"type": "bool", "default": False},
            "services": {"type": "list", "elements": "str", "default": []},
        },
        required_one_of=backup_options.REQUIRED_ONE_OF,
        required_by=backup_options.REQUIRED_BY,
        mutually_exclusive=backup_options.EXCLUSIVE,
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
