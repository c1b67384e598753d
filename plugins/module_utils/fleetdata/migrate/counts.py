# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted in the source beyond each column's own values, so that a plan can be made without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..sql import quoted, statement, words
from .choices import declared_limits
from .model import ForeignKey, Table


@dataclass(frozen=True)
class Counts:
    """orphans: rows whose parent is missing, by table and the columns that name it. unscaled: numbers with more digits than declared, by table and column.

    widths: bytes of the longest text or blob of columns that an index has, by table and column. bytes: of a table, about.
    """

    orphans: Mapping[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    unscaled: Mapping[tuple[str, str], int] = field(default_factory=dict)
    widths: Mapping[tuple[str, str], int] = field(default_factory=dict)
    bytes: Mapping[str, int] = field(default_factory=dict)


def count(*, database: sqlite3.Connection, tables: Sequence[Table]) -> Counts:
    """Look once more."""

    by_name = {table.name.lower(): table for table in tables}
    orphans = {
        (table.name, key.columns): _orphans(database, table, key, by_name[key.table.lower()])
        for table in tables
        for key in table.foreign_keys
        if key.table.lower() in by_name and len(key.to) == len(key.columns)
    }
    unscaled = {
        (table.name, column.name): _unscaled(database, table, column.name, limited)
        for table in tables
        for column in table.columns
        if (limited := declared_limits(column.declared))
    }
    widths = {(table.name, name): _width(database, table, name) for table in tables for name in _indexed(table)}
    return Counts(orphans=orphans, unscaled=unscaled, widths=widths, bytes=_bytes(database))


def _orphans(database: sqlite3.Connection, table: Table, key: ForeignKey, parent: Table) -> int:
    """As PostgreSQL will look: a key with a NULL in it names nothing, and texts are the same only byte by byte."""
    same = " AND ".join(f"parent.{quoted(there)} = child.{quoted(here)} COLLATE BINARY" for here, there in zip(key.columns, key.to))
    named = " AND ".join(f"child.{quoted(here)} IS NOT NULL" for here in key.columns)
    query = statement(
        "SELECT count(*) FROM", quoted(table.name), "AS child WHERE", named, "AND NOT EXISTS (SELECT 1 FROM", quoted(parent.name), "AS parent WHERE", same, ")"
    )
    try:
        return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # the parent has no such column: none of the rows has a parent
        return int(database.execute(statement("SELECT count(*) FROM", quoted(table.name), "AS child WHERE", named)).fetchone()[0])


def _unscaled(database: sqlite3.Connection, table: Table, column: str, limited: tuple[int, int]) -> int:
    digits, decimals = limited
    name = quoted(column)
    most = f"1e{min(digits - decimals, 15)}"  # abs() of the least integer is an error
    fits = f"{name} > -{most} AND {name} < {most} AND round({name}, {decimals}) = {name}"
    query = statement("SELECT count(*) FROM", quoted(table.name), "WHERE", f"typeof({name}) IN ('integer', 'real')", f"AND NOT ({fits})")
    return int(database.execute(query).fetchone()[0])


def _indexed(table: Table) -> set[str]:
    """Without the column of the rows' numbers, which are integers."""
    return {name for names in (table.primary, *(index.names for index in table.indexes)) for name in names if name and name != table.row_number}


def _width(database: sqlite3.Connection, table: Table, column: str) -> int:
    """As UTF-8, whatever the database's encoding is; a text of UTF-16 is at most half as long again."""
    encoding = words(database.execute("PRAGMA encoding").fetchone()[0])
    query = statement("SELECT max(length(CAST(", quoted(column), "AS BLOB))) FROM", quoted(table.name))
    return int(database.execute(query).fetchone()[0] or 0) * (3 if encoding.startswith("UTF-16") else 2) // 2


def _bytes(database: sqlite3.Connection) -> dict[str, int]:
    """Where this SQLite can tell; else nothing is known."""
    try:
        rows = database.execute("SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = TRUE GROUP BY name").fetchall()
    except sqlite3.DatabaseError:
        return {}
    return {words(name): int(size) for name, size in rows}
