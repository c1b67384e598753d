# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around a table of PostgreSQL while its rows are changed as SQLite has them: foreign keys, triggers, sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..sql import quoted, statement
from .planned import TablePlan

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_ENABLE = {"O": "ENABLE TRIGGER", "A": "ENABLE ALWAYS TRIGGER", "R": "ENABLE REPLICA TRIGGER"}

_NUMBERED = r"""
SELECT coalesce(pg_get_serial_sequence(%(table)s, %(column)s), substring(pg_get_expr(d.adbin, d.adrelid) FROM '^nextval\(''(.+)''::regclass\)$'))
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %(table)s::regclass AND a.attname = %(column)s
"""
"""The sequence that a column has, or, where it is nobody's, the one that its default asks."""


def locked(connection: Connection, names: Sequence[str], *, seconds: float) -> None:
    """Let others read these tables, and write to none of them, until the transaction ends. Raises psycopg.Error when somebody is in the way so long."""
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{seconds:g}s",))
    if names:
        connection.execute(f"LOCK TABLE {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE".encode())


@contextmanager
def aside(connection: Connection, names: Sequence[str]) -> Iterator[None]:
    """Foreign keys of, and to, these tables are dropped and made again behind the block, where they are checked; their triggers do not run in it."""
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
        " AND (conrelid = ANY(%(names)s::regclass[]) OR confrelid = ANY(%(names)s::regclass[])) ORDER BY oid",
        {"names": list(names)},
    ).fetchall()
    triggers = connection.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        " AND tgrelid = ANY(%s::regclass[]) ORDER BY oid",
        (list(names),),
    ).fetchall()
    for table, name, _ in keys:
        _alter(connection, table, "DROP CONSTRAINT", quoted(name))
    for table, name, _ in triggers:
        _alter(connection, table, "DISABLE TRIGGER", quoted(name))
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered
    for table, name, enabled in triggers:
        _alter(connection, table, _ENABLE[enabled], quoted(name))
    for table, name, definition in keys:
        _alter(connection, table, "ADD CONSTRAINT", quoted(name), definition)


def advance(connection: Connection, table: TablePlan, name: str, given: int) -> None:
    """Have the sequences of a table give numbers behind its largest, and behind those that SQLite gave."""
    for column, sequence in sequences(connection, table, name):
        largest = _number(connection, statement(f"SELECT coalesce(max({quoted(column)}), 0) FROM", name))
        last = taken(connection, sequence)
        if max(largest, given) > last:
            connection.execute("SELECT setval(%s::regclass, %s)", (sequence, max(largest, given)))


def taken(connection: Connection, sequence: str) -> int:
    """The last number that a sequence gave, or the one before its first."""
    return _number(connection, statement("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM", sequence))


def sequences(connection: Connection, table: TablePlan, name: str) -> list[tuple[str, str]]:
    """The columns that a sequence numbers, each with it."""
    found = [(column.target, _sequence(connection, name, column.target)) for column in table.loaded]
    return [(column, sequence) for column, sequence in found if sequence]


def _sequence(connection: Connection, name: str, column: str) -> str:
    row = connection.execute(_NUMBERED, {"table": name, "column": column}).fetchone()
    return str(row[0]) if row and row[0] else ""


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _alter(connection: Connection, table: str, *what: str) -> None:
    connection.execute(statement("ALTER TABLE", table, *what).encode())
