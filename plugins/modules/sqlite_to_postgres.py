#!/usr/bin/python
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a SQLite database to PostgreSQL, whole or not at all."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sqlite_to_postgres
short_description: Bring a SQLite database to PostgreSQL, whole or not at all
version_added: 0.2.0
description:
  - Looks at every value, chooses types that take them, loads into a schema of its own, compares each value that PostgreSQL then holds with what SQLite
    holds, and only then puts the tables in place, in one transaction. Killed anywhere, the target is as before, and the next run goes on.
  - Check mode returns the plan, which M(steady.fleet.sqlite_info) tells without a server.
  - What does not fit, or would be lost, stops it before anything is loaded, and is named together with the setting that resolves it.
  - The application may go on writing meanwhile; C(fleetdata migrate cutover) brings what it wrote since.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment: steady.fleet.migration
options:
  config:
    description:
      - The file of the host's archive, such as C(/etc/steady-fleet/fleetdata.json), whether it is there or not. The migration O(name) is declared in the folder
        beside it, C(/etc/steady-fleet/fleetdata.d). What other options say takes the place of what is said there.
      - Without it, O(database), O(login_host), O(login_db) and O(login_user) are required.
    type: path
  name:
    description: The declared migration.
    type: str
  login_host:
    description: The server, by a name that is in its certificate.
    type: str
  login_db:
    description: The database in it, which is there already, in UTF-8.
    type: str
  login_user:
    description: The role that is to own the tables. It needs C(CREATE) on the database and the schema, and no more.
    type: str
  login_password:
    description: Its password. Rather O(password_file), or C(PGPASSWORD) by C(environment), or C(.pgpass).
    type: str
  password_file:
    description: A file on the host that has the password alone.
    type: path
  port:
    description: The server's port; 5432 unless said.
    type: int
    aliases: [login_port]
  ssl_mode:
    description: How the server proves itself, as of libpq; C(verify-full) unless said, and only that one proves which server answers.
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca_cert:
    description: A file on the host with the certificate of the authority that signed the server's.
    type: path
    aliases: [ssl_rootcert]
  schema:
    description: The schema of the tables, made where it is not there; C(public) unless said.
    type: str
  accept:
    description: Differences that were read and are agreed to, each by its C(code).
    type: list
    elements: str
  mode:
    description: C(create) makes the tables, C(into_existing) fills those that the application made, which have to be empty. C(create) unless said.
    type: str
    choices: [create, into_existing]
  fill:
    description:
      - Values, as texts, by C(table.column) of tables that the application made, for columns that must not be empty and that SQLite does not have.
    type: dict
  on_misfit:
    description:
      - What a row does that does not fit. C(fail), nothing is loaded; C(quarantine), it goes to C(<table>__misfit), and the task fails at the end, all else
        being in place. C(fail) unless said.
    type: str
    choices: [fail, quarantine]
  verify:
    description: C(digest) compares every value, C(count) only how many rows there are. C(digest) unless said.
    type: str
    choices: [digest, count]
  jobs:
    description: How much is loaded at once, from 1 to 16; unless said, 2 where the database is large and there are two cores, else 1.
    type: int
attributes:
  check_mode: {support: full, description: Looks at the database and the server and returns the plan; writes nothing.}
  diff_mode: {support: full, description: 'Each table that is, or would be, made.'}
  idempotent: {support: partial, description: 'Tables that are there already are never replaced: a second run of what arrived says so.'}
  platform: {support: full, platforms: linux, description: Linux.}
seealso:
  - module: steady.fleet.sqlite_info
"""

EXAMPLES = r"""
- name: Bring the application's database to PostgreSQL
  steady.fleet.sqlite_to_postgres:
    database: /var/lib/chatmrpt/app.db
    login_host: chatmrpt.example.org
    login_db: chatmrpt
    login_user: chatmrpt_owner
    password_file: /etc/chatmrpt/owner.password
    ca_cert: /etc/ssl/certs/rds-bundle.pem
    secret: ["*.password_hash", "*.token"]
    casts: {uploads.size: bigint}
    accept: ["trigger:audit_sessions"]

- name: Run what the host declares
  steady.fleet.sqlite_to_postgres:
    config: /etc/steady-fleet/fleetdata.json
    name: chatmrpt
"""

RETURN = r"""
tables:
  description: Each table.
  returned: always, unless nothing was begun
  type: list
  elements: dict
  contains:
    table: {description: Its name in SQLite., type: str}
    name: {description: Its name in PostgreSQL., type: str}
    status: {description: 'C(planned), C(loaded), C(kept) of a killed run before, C(partial) or C(failed).', type: str}
    misfits: {description: How many rows of it went to its table of misfits., type: int}
    digest: {description: 'What both sides agree on: the sum of the digests of its rows.', type: str}
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
  returned: always, unless nothing was begun
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
misfits: {description: 'The first rows that did not fit: where, the rule that they break, what takes them.', returned: after a run, type: list, elements: dict}
phases: {description: Seconds of each phase., returned: after a run, type: dict}
views: {description: Views as PostgreSQL has them., returned: 'always, unless nothing was begun', type: list, elements: dict}
left: {description: 'What does not come along: triggers, virtual tables, views.', returned: 'always, unless nothing was begun', type: list, elements: dict}
extensions: {description: Extensions of PostgreSQL that are needed., returned: 'always, unless nothing was begun', type: list, elements: str}
seconds: {description: How long a migration may take., returned: 'always, unless nothing was begun', type: int}
summary: {description: 'How many tables, rows, bytes, and differences by level.', returned: 'always, unless nothing was begun', type: dict}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.steady.fleet.plugins.module_utils import archive_options, migrate_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import answers, limits
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import steps


def run(module: AnsibleModule) -> answers.Answer:
    """Migrate, or in check mode say what that would do. Raises FleetDataError."""
    migration = migrate_options.migration(module.params)
    step = steps.plan(migration) if module.check_mode else steps.migrate(migration, progress=limits.Silence())
    return step.answer


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **migrate_options.PLAN,
            **migrate_options.RUN,
            **migrate_options.LOGIN,
            "config": {"type": "path"},
            "name": {"type": "str"},
        },
        required_one_of=[("config", name) for name in ("database", "login_host", "login_db", "login_user")],
        required_by={"config": ("name",)},
        mutually_exclusive=[("login_password", "password_file")],
        supports_check_mode=True,
    )
    archive_options.conclude(module, run)


if __name__ == "__main__":
    main()
