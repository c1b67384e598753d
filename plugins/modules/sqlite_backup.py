#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up live SQLite databases and folders to S3, and prove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_backup
short_description: Back up live SQLite databases and folders to S3, and prove it
version_added: 0.2.0
description:
  - Copies a database as it is at one moment, while its application writes; checks the copy (integrity, foreign keys, rows of each table), sends it, reads it
    back, opens what came back, and only then writes a manifest beside it. Of a folder only files are sent that are not there yet.
  - Only after that do older backups go, by what is to be kept. A backup that failed deletes none.
  - What is to be backed up and is empty or corrupt is C(refused); the task fails, and what was backed up before stays.
  - The same content as the newest backup's is not sent again. It is proved anew, and that is recorded as a backup of now.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: [steady.fleet.s3_place, steady.fleet.backup]
options:
  name:
    description: The backup's name. Without it, all that O(config) declares.
    type: str
  keep:
    description: Which backups of O(database) or O(folder) stay, besides the newest.
    type: dict
    suboptions:
      daily: {description: The newest of each of so many days that have one; 7 unless said., type: int}
      weekly: {description: The newest of each of so many ISO weeks; 4 unless said., type: int}
      monthly: {description: The newest of each of so many months; 12 unless said., type: int}
      last: {description: The last so many of all; 3 unless said., type: int}
  empty:
    description:
      - Whether O(database) may have lost all of its rows; false unless said.
      - Where it did, and an earlier backup has some, its backup is made, no older one is deleted, and the task fails.
    type: bool
  compression:
    description: C(fast), or C(small), which is about ten times as slow and a sixth smaller; C(fast) unless said.
    type: str
    choices: [fast, small]
attributes:
  check_mode: {support: full, description: 'Copies and checks the copy, and says what would be sent and pruned; sends and deletes nothing.'}
  diff_mode: {support: full, description: 'Each backup that is, or would be, made or pruned.'}
  idempotent: {support: none, description: Each call makes a backup of now; what is in S3 already is not sent again.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.sqlite_backup_restore
"""

EXAMPLES = r"""
- name: Have a backup before the tables change
  steady.fleet.sqlite_backup:
    config: /etc/steady-fleet/fleetdata.json
    name: catscan

- name: Back up one database by what is said here
  steady.fleet.sqlite_backup:
    name: shopifly
    database: /var/lib/shopifly/shopifly.db
    keep: {daily: 7, weekly: 4, monthly: 12}
    bucket: shopifly-backups-123456789012
    region: eu-central-1
"""

RETURN = r"""
files:
  description: What became of each backup, or in check mode would.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str}
    kind: {description: 'C(database) or C(folder).', type: str}
    path: {description: What was backed up., type: str}
    status: {description: 'C(uploaded), C(unchanged), C(refused), C(damaged) or C(failed).', type: str}
    reason: {description: A sentence unless all is well., type: str}
    stamp: {description: 'When its copy was made, UTC; names it for M(steady.fleet.sqlite_backup_restore).', type: str}
    uri: {description: The address of the object that holds it., type: str}
    version_id: {description: The object's version; empty in a bucket without versions., type: str}
    bytes: {description: 'Length of the database, or of the list of files.', type: int}
    content_sha256: {description: SHA-256 of the same., type: str}
    object_bytes: {description: Length of the objects that were sent., type: int}
    counts: {description: 'Rows by table; of a folder its files, links and bytes.', type: dict}
    files: {description: Objects that were sent., type: int}
    seconds: {description: How long it took., type: int}
    pruned: {description: The stamps of the backups that went after it., type: list, elements: str}
    stayed: {description: Why none went though it is proved; O(empty) says more., type: str}
    notices: {description: What else there is to know., type: list, elements: str}
  sample:
    - name: catscan
      kind: database
      path: /var/lib/catscan/catscan.db
      status: uploaded
      reason: ""
      stamp: 20260131T090003Z
      uri: s3://rtbcat-backups-frankfurt-123456789012/catscan/2026/01/31/catscan-20260131T090003Z.sqlite.gz
      version_id: "1"
      bytes: 4194304
      content_sha256: 0000000000000000000000000000000000000000000000000000000000000000
      object_bytes: 1048576
      counts: {import_history: 90, rtb_daily: 45000}
      files: 1
      seconds: 2
      pruned: [20260124T090002Z]
      stayed: ""
      notices: []
summary:
  description: Backups by status, and how many were pruned.
  returned: always, unless nothing was begun
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options, backup_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, limits
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import actions, findings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.run import back_up
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FAST, SMALL

KEEP: dict[str, Any] = {name: archive_options.NUMBER for name in ("daily", "weekly", "monthly", "last")}


def run(module: AnsibleModule) -> answers.Answer:
    """Back up, or in check mode say what that would do. Raises FleetDataError."""
    backups = backup_options.backups(module.params, "compression")
    context = actions.context(backups, limits.Silence())
    names = [module.params["name"]] if module.params["name"] else sorted(backups.subjects)
    results = [back_up(name=name, context=context, check=module.check_mode) for name in names]
    for notice in (f"{result.name}: {notice}" for result in results for notice in result.notices):
        module.warn(notice)
    return findings.backed_up(results, bucket=backups.bucket, check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **backup_options.ARGUMENTS,
            "name": {"type": "str"},
            "keep": {"type": "dict", "options": KEEP},
            "empty": {"type": "bool"},
            "compression": {"type": "str", "choices": [FAST, SMALL]},
        },
        required_one_of=[*backup_options.REQUIRED_ONE_OF, ("config", "database", "folder")],
        required_by=backup_options.REQUIRED_BY,
        mutually_exclusive=backup_options.EXCLUSIVE,
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
