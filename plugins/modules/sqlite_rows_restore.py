#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring rows that retention deleted back into a SQLite database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_rows_restore
short_description: Bring rows that retention deleted back from S3 into a SQLite database
version_added: 0.1.0
description:
  - Reads every proved revision of each archived day of a table, compares it with its manifest, and puts the rows that are not there into the table, exact
    to the type and read again before they are committed. Each day is one transaction.
  - A row that is there already is left, whatever it holds. Rows whose key is there with other values are named as conflicts, and fail the task after all
    other rows came back; so does a damaged object.
author: The steady.fleet developers (@steady-fleet)
options:
  config:
    description: The file on the host that declares the archive, which the role P(steady.fleet.s3_archive#role) writes.
    type: path
    default: /etc/steady-fleet/fleetdata.json
  name:
    description: The database, as it is declared for retention.
    type: str
    required: true
  table:
    description: One table, or C(all) that have archived rows.
    type: str
    default: all
  first:
    description: The first day, such as C(2026-01-31). The first archived one unless said.
    type: str
  last:
    description: The last day, included. The last archived one unless said.
    type: str
  into:
    description: The database's file that the rows come into.
    type: path
    required: true
  create:
    description:
      - Whether the file and its tables are made if they are not there, as they were when their newest rows were archived.
      - It is for a database beside the application's. Foreign keys are not enforced then; rows that refer to rows that are not there are counted.
    type: bool
    default: false
attributes:
  check_mode: {support: full, description: Reads the objects and does it in transactions that are taken back; a database that is not there is not made.}
  diff_mode: {support: full, description: How many archived rows of each day are in the table.}
  idempotent: {support: full, description: A second call changes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.s3_csv_restore
"""

EXAMPLES = r"""
- name: Look at January beside the application's database
  steady.fleet.sqlite_rows_restore:
    name: catscan
    first: "2026-01-01"
    last: "2026-01-31"
    into: /var/lib/catscan/recovery/january.db
    create: true
"""

RETURN = r"""
files:
  description: What became of each day of each table, or in check mode would.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    table: {description: The table., type: str}
    day: {description: The day., type: str}
    status: {description: 'C(restored), C(unchanged), C(conflict), C(damaged), C(stopped) or C(failed).', type: str}
    revisions: {description: How many proved revisions were read., type: int}
    in_archive: {description: 'Rows in the archive, equal ones once.', type: int}
    there: {description: Rows that were in the table., type: int}
    added: {description: Rows that came back., type: int}
    renumbered: {description: 'Of these, how many under another number, as another row has theirs.', type: int}
    conflicts: {description: Rows that did not come back., type: int}
    named: {description: A sentence for each of the first conflicts and renumbered rows., type: list, elements: str}
    unproved: {description: 'A sentence for each object that was passed over, as a run ended before it proved it.', type: list, elements: str}
    reason: {description: A sentence where rows may be missing., type: str}
    changed: {description: Whether rows came back., type: bool}
  sample:
    - table: rtb_daily
      day: "2026-01-31"
      status: restored
      revisions: 1
      in_archive: 1500
      there: 0
      added: 1500
      renumbered: 0
      conflicts: 0
      named: []
      unproved: []
      reason: ""
      changed: true
notices:
  description: What else there is to know, a sentence each.
  returned: always, unless nothing was begun
  type: list
  elements: str
  sample: []
summary:
  description: Days by status, and rows.
  returned: always, unless nothing was begun
  type: dict
  sample:
    days: 1
    restored: 1
    unchanged: 0
    conflict: 0
    damaged: 0
    stopped: 0
    failed: 0
    in_archive: 1500
    there: 0
    added: 1500
    renumbered: 0
    conflicts: 0
    dry_run: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, config, configuration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import databases
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.bring_back import Asked
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.restoring import Into, restore_rows, told
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import connect


def run(module: AnsibleModule) -> answers.Answer:
    """Bring rows back, or in check mode say what that would do. Raises FleetDataError."""
    params = module.params
    declared = configuration.load(params["config"])
    asked = Asked(**{name: params[name] for name in ("name", "table", "first", "last")})
    into = Into(path=params["into"], create=params["create"])
    archive, names = declared.archive, databases.names(declared)
    restored = restore_rows(asked=asked, into=into, store=connect(archive=archive), archive=archive, declared=names, check=module.check_mode)
    return told(restored, into=into.path, check=module.check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "config": {"type": "path", "default": config.DEFAULT_PATH},
            "name": {"type": "str", "required": True},
            "table": {"type": "str", "default": "all"},
            "first": {"type": "str"},
            "last": {"type": "str"},
            "into": {"type": "path", "required": True},
            "create": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
