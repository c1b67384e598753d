# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the target keeps of a migration until it is done: the plan, and what each table held when it was loaded, cut over or brought back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..sql import statement
from .packing import pack, unpack
from .planned import Plan

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

LOADED, CUT_OVER, BACK = "loaded", "cut over", "back"
"""The rows are in SQLite and were copied; they are in PostgreSQL, and SQLite is kept; they are in SQLite again."""
SCHEMA = "steady_fleet"
_TABLE = f"{SCHEMA}.migration"

Sum = tuple[int, int]
"""Rows, and the sum of their digests."""


@dataclass(frozen=True)
class Record:
    """sums: of the target's rows, by the table's name in the source. lite: of SQLite's, where they are known. stamp: UTC, of the state."""

    name: str
    state: str
    plan: Plan
    sums: Mapping[str, Sum]
    stamp: str
    lite: Mapping[str, Sum] = field(default_factory=dict)


def keep(connection: Connection, record: Record) -> None:
    """Keep it in place of what there is of that migration, in the transaction that there is."""
    _alone(connection)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {_TABLE} (name text PRIMARY KEY, state text NOT NULL, stamp text NOT NULL, source text NOT NULL,"
        " sums json NOT NULL, lite json NOT NULL, plan json NOT NULL)"
    )
    connection.execute(
        statement(
            "INSERT INTO",
            _TABLE,
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET state = EXCLUDED.state, stamp = EXCLUDED.stamp,"
            " source = EXCLUDED.source, sums = EXCLUDED.sums, lite = EXCLUDED.lite, plan = EXCLUDED.plan",
        ),
        (record.name, record.state, record.stamp, record.plan.source.path, _said(record.sums), _said(record.lite), pack(record.plan)),
    )


def find(connection: Connection, name: str, *, hold: bool = False) -> Record:
    """What is kept of a migration. hold: until the transaction ends nobody else may. Raises ConfigurationError where there is nothing."""
    row = None
    if _there(connection):
        query = statement("SELECT state, sums::text, lite::text, plan::text, stamp FROM", _TABLE, "WHERE name = %s", "FOR UPDATE" if hold else "")
        row = connection.execute(query, (name,)).fetchone()
    if not row:
        raise ConfigurationError(f"The target knows of no migration {name!r}: it was never loaded, or is done. Run fleetdata migrate run first.")
    return Record(name=name, state=row[0], plan=unpack(row[3]), sums=_sums(row[1]), lite=_sums(row[2]), stamp=row[4])


def known(connection: Connection, name: str) -> bool:
    """Whether something is kept of a migration."""
    return _there(connection) and bool(connection.execute(statement("SELECT 1 FROM", _TABLE, "WHERE name = %s"), (name,)).fetchone())


def forget(connection: Connection, name: str) -> bool:
    """Drop what is kept of a migration, and the schema with the last one; whether there was something."""
    if not _there(connection):
        return False
    with connection.transaction():
        _alone(connection)
        found = connection.execute(statement("DELETE FROM", _TABLE, "WHERE name = %s"), (name,)).rowcount
        if not connection.execute(statement("SELECT 1 FROM", _TABLE, "LIMIT 1")).fetchone():
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    return found > 0


def _said(sums: Mapping[str, Sum]) -> str:
    return json.dumps({table: [count, str(total)] for table, (count, total) in sums.items()}, ensure_ascii=False)


def _sums(said: str) -> dict[str, Sum]:
    return {table: (int(count), int(total)) for table, (count, total) in json.loads(said).items()}


def _alone(connection: Connection) -> None:
    """Until the transaction ends nobody else makes or drops what all migrations share."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"steady.fleet {SCHEMA}",))


def _there(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (_TABLE,)).fetchone()
    return bool(row and row[0])
