# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of the application's database as far as copies of its rows need it: types, collations, and what makes two rows the same one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ..retention.table import Table, read_table
from ..sql import quoted, statement, words

_AFFINITIES = (("INT", "INTEGER"), ("CHAR", "TEXT"), ("CLOB", "TEXT"), ("TEXT", "TEXT"), ("BLOB", "BLOB"), ("REAL", "REAL"), ("FLOA", "REAL"), ("DOUB", "REAL"))
"""Which part of a declared type makes which affinity; the first that is found."""
_LITERAL = re.compile(r"[+-]?[0-9.]+([eE][+-]?\d+)?|'([^']|'')*'|[xX]'[0-9a-fA-F]*'|NULL|TRUE|FALSE", re.IGNORECASE)
_AUTOINCREMENT = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column. affinity, collation: as SQLite names them. default: of rows that were there before it, as SQL. computed: whether it is generated."""

    name: str
    affinity: str = "TEXT"
    collation: str = "BINARY"
    default: str = "NULL"
    computed: bool = False


@dataclass(frozen=True)
class Shape:
    """A table. number: what its row's number is called when no column is it, else empty. key: where the key's first column is, if there is no such number.

    unique: columns, with collations, that no two rows share. serial: the column whose numbers are never used again, if any.
    """

    name: str
    columns: tuple[Column, ...]
    number: str = ""
    key: int = 0
    unique: tuple[tuple[tuple[str, str], ...], ...] = ()
    serial: str = ""

    def place(self, column: str) -> int:
        """Where a column is among all. Raises ValueError."""
        return [one.name for one in self.columns].index(column)


def read_shape(database: sqlite3.Connection, name: str) -> Shape:
    """The shape of a table. Raises ConfigurationError for a view or a virtual table, and sqlite3.Error."""
    table = read_table(database, name)
    shown = [column for column in table.columns if column != table.rowid]
    details = {words(each[1]): each for each in database.execute(f"PRAGMA table_xinfo({quoted(table.name)})")}
    strict = any(words(each[1]) == table.name and each[5] for each in database.execute(f"PRAGMA table_list({quoted(table.name)})"))
    columns = tuple(
        Column(
            name=column,
            affinity=_affinity(words(details[column][2]), strict),
            collation=collation,
            default=_default(words(details[column][4])),
            computed=column in table.generated,
        )
        for column, collation in zip(shown, _collations(database, table, shown))
    )
    serial = _serial(database, table)
    unique = (*([((serial, "BINARY"),)] if serial else []), *_unique(database, table))
    return Shape(name=table.name, columns=columns, number=table.rowid, key=0 if table.rowid else shown.index(table.key[0]), unique=unique, serial=serial)


def _affinity(declared: str, strict: bool) -> str:
    if not declared or (strict and declared.upper() == "ANY"):
        return "BLOB"
    return next((affinity for part, affinity in _AFFINITIES if part in declared.upper()), "NUMERIC")


def _default(declared: str) -> str:
    return declared if _LITERAL.fullmatch(declared) else "NULL"


def _collations(database: sqlite3.Connection, table: Table, shown: Sequence[str]) -> list[str]:
    """SQLite tells them only by what it would sort by."""
    order = ", ".join(f"+{quoted(column)}" for column in shown)
    steps = database.execute(statement("EXPLAIN SELECT 1 FROM", table.quoted, "ORDER BY", order)).fetchall()
    said = next((words(step[5]) for step in steps if words(step[1]) == "SorterOpen"), "")
    found = said[said.find("(") + 1 : -1].split(",")[1:]
    if len(found) != len(shown):
        return ["BINARY"] * len(shown)
    return ["BINARY" if name == "B" else name for name in found]


def _serial(database: sqlite3.Connection, table: Table) -> str:
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table.name,)).fetchone()
    return table.key[0] if table.numbered and not table.rowid and _AUTOINCREMENT.search(words(sql)) else ""


def _unique(database: sqlite3.Connection, table: Table) -> tuple[tuple[tuple[str, str], ...], ...]:
    found: list[tuple[tuple[str, str], ...]] = []
    for _, index, unique, _, partial in database.execute(f"PRAGMA index_list({quoted(table.name)})").fetchall():
        if unique and not partial:
            parts = [(words(each[2]), words(each[4])) for each in database.execute(f"PRAGMA index_xinfo({quoted(words(index))})") if each[5]]
            if all(column for column, _ in parts):  # no expression
                found.append(tuple(parts))
    return tuple(found)
