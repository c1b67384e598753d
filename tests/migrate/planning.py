# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases made for a plan, and plans made true on a server: PostgreSQL itself judges what is planned."""

from __future__ import annotations

import sqlite3

import psycopg
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import statements
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import Difference, Plan

NOWHERE = Target(host="localhost", database="app", user="app")


def planned(*sql: str, **settings: object) -> Plan:
    """The plan of a new database."""
    return look(database=database(*sql), migration=Migration(name="app", database="app.db", target=NOWHERE, **settings))


def database(*sql: str) -> sqlite3.Connection:
    """A database in memory."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    for one in sql:
        made.execute(one)
    return made


def made(plan: Plan, postgres: psycopg.Connection, schema: str = "public") -> None:
    """All of a plan but the rows."""
    for table in plan.tables.values():
        postgres.execute(statements.create_table(table, schema=schema))
    for steps in (statements.after_load, statements.references):
        for table in plan.tables.values():
            for _, sql in steps(table, schema):
                postgres.execute(sql)
    for _, sql in statements.views(plan, schema):
        postgres.execute(sql)


def told(plan: Plan) -> dict[str, Difference]:
    """The differences by their codes."""
    return {one.code: one for one in plan.differences}


def fill(plan: Plan, source: sqlite3.Connection, postgres: psycopg.Connection) -> None:
    """The rows, as the driver sends them: for plans of plain types."""
    for table in plan.tables.values():
        names = ", ".join(f'"{column.target}"' for column in table.loaded)
        query = f'INSERT INTO "{table.name}" ({names}) VALUES ({", ".join(["%s"] * len(table.loaded))})'
        for row in source.execute(f'SELECT {", ".join(f"{chr(34)}{column.source}{chr(34)}" for column in table.loaded)} FROM "{table.source.name}"'):
            postgres.execute(query, [bool(one) if column.type == "boolean" and one is not None else one for one, column in zip(row, table.loaded)])
