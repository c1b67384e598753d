# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules sqlite_to_postgres and sqlite_info have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """A SQLite database, and what its tables and columns are to become."""

    DOCUMENTATION = r"""
options:
  database:
    description: The SQLite database, an absolute path on the host. It is only read.
    type: path
  include:
    description: The tables that come along, by patterns such as C(order*); all unless said.
    type: list
    elements: str
  exclude:
    description: Tables of these that do not.
    type: list
    elements: str
  tables:
    description: New names of tables, by the old ones.
    type: dict
  columns:
    description: New names of columns, by C(table.column) with the old names.
    type: dict
  casts:
    description: Types of PostgreSQL, by C(table.column) with the old names. Unless said, a type is chosen by what is declared and by every value.
    type: dict
  empty_as_null:
    description: Columns, as C(table.column), patterns allowed, whose empty texts become NULL.
    type: list
    elements: str
  secret:
    description: Columns, as C(table.column), patterns such as C(*.token) allowed, whose values are in no message and no result.
    type: list
    elements: str
  on_text:
    description:
      - What a text does that PostgreSQL cannot hold, as it has a NUL or is not UTF-8. C(fail) stops before anything is loaded, C(replace) puts U+FFFD in
        the place of what is wrong, C(bytea) makes the column one of bytes. C(fail) unless said.
    type: str
    choices: [fail, replace, bytea]
  work:
    description: A directory with room for a copy of the database, where one is needed; C(/var/lib/fleetdata/migrate) unless said.
    type: path
  busy_seconds:
    description: How long others that hold the database are waited for; 60 unless said.
    type: float
requirements:
  - psycopg and apsw, or the command C(fleetdata) of a host with C(fleetdata_migration), whose virtual environment
    C(/opt/fleetdata/current/venv) is used where it is installed
"""
