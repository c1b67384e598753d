#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SQLite database holds, and what it would be in PostgreSQL."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_info
short_description: What a SQLite database holds, and what it would be in PostgreSQL
version_added: 0.2.0
description:
  - Looks at every value of every column, and says which classes there are, which type of PostgreSQL takes them and why, what becomes of keys, constraints,
    indexes, defaults, views and triggers, and which differences have to be resolved, each with the setting that does it. It needs no server.
    It writes nothing.
  - The application may go on writing meanwhile.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: steady.fleet.migration
options:
  database:
    required: true
attributes:
  check_mode: {support: full, description: It only reads.}
  diff_mode: {support: none, description: It changes nothing.}
  idempotent: {support: full, description: It changes nothing.}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.sqlite_to_postgres
"""

EXAMPLES = r"""
- name: See what the application's database would be in PostgreSQL
  steady.fleet.sqlite_info:
    database: /var/lib/chatmrpt/app.db
    secret: ["*.password_hash", "*.token"]
  register: found

- name: Say what is in the way
  ansible.builtin.debug:
    msg: "{{ found.differences | selectattr('level', 'equalto', 'blocks') | map(attribute='what') }}"
"""

RETURN = r"""
tables:
  description: Each table.
  returned: success
  type: list
  elements: dict
  contains:
    table: {description: Its name in SQLite., type: str}
    name: {description: Its name in PostgreSQL., type: str}
    status: {description: 'C(planned).', type: str}
    rows: {description: How many rows it has., type: int}
    bytes: {description: 'About how many bytes; 0 where that is not known.', type: int}
    key: {description: The columns that name a row., type: list, elements: str}
    columns:
      description: Each column.
      type: list
      elements: dict
      contains:
        source: {description: Its name in SQLite., type: str}
        target: {description: Its name in PostgreSQL., type: str}
        declared: {description: Its type as SQLite was told., type: str}
        type: {description: Its type in PostgreSQL., type: str}
        conversion: {description: How its values get there., type: str}
        why: {description: Why that type., type: str}
        holds: {description: 'What it holds: how many of each class, least and greatest number (not of secret columns), examples by row.', type: dict}
    constraints: {description: Keys and checks., type: list, elements: dict}
    references: {description: Foreign keys., type: list, elements: dict}
    indexes: {description: Indexes., type: list, elements: dict}
differences:
  description: What is not the same on both sides.
  returned: success
  type: list
  elements: dict
  contains:
    code: {description: Names it in C(accept)., type: str}
    level: {description: 'C(blocks) or C(notice).', type: str}
    table: {description: The table., type: str}
    column: {description: The column., type: str}
    what: {description: A sentence., type: str}
    setting: {description: What resolves it., type: str}
    rows: {description: How many rows it concerns., type: int}
    accepted: {description: Whether it was agreed to., type: bool}
views: {description: Views as PostgreSQL has them., returned: success, type: list, elements: dict}
left: {description: 'What does not come along: triggers, virtual tables, views.', returned: success, type: list, elements: dict}
extensions: {description: Extensions of PostgreSQL that are needed., returned: success, type: list, elements: str}
seconds: {description: How long a migration may take., returned: success, type: int}
summary: {description: 'How many tables, rows, bytes, and differences by level.', returned: success, type: dict}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options, migrate_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import findings, looking


def run(module: AnsibleModule) -> answers.Answer:
    """Look. Raises FleetDataError."""
    return findings.described(looking.plan_of(migrate_options.alone(module.params)))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={**migrate_options.PLAN, "database": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
