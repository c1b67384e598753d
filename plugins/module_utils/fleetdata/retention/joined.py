# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of rows as SQLite itself puts them together, many at once: where all values of a column are of one kind, integers or plain texts.

It takes half of the time that it takes to make Python's values of them, and other threads run meanwhile. Whatever it does not make, ``rows`` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any

from ..sql import statement, words
from . import keyed, rows
from .keyed import Condition
from .table import Table

_MOST_COLUMNS = 100
"""SQLite limits how deep an expression may be."""
_TYPES = {"t": "text", "i": "integer", "n": "null"}
_FIRST, _MOST, _BYTES = 100, 8000, 1 << 19
"""Rows of a block: so many first, so many at most, of about so many bytes."""
_SHORT = "substr(line, 1, 1000)"
"""A line, cut off where it is long, which shows: no block takes much more memory than it should."""


def are(database: sqlite3.Connection, table: Table, span: Condition, lines: Sequence[bytes]) -> bool:
    """Whether the rows of a span are just those of the lines: True is sure, False is not."""
    text, form = b"".join(lines), _form(table, _kinds(lines[0]))
    if not form or not _plain(table, text, len(lines)):
        return False
    select = _lines(table, form, span.sql, len(lines) + 1)
    found = database.execute(_together(select, "line"), span.values).fetchone()
    # As many delimiters and newlines as there must be are those between cells and rows: no value has one.
    return bool(found == (len(lines), text))


def blocks(database: sqlite3.Connection, table: Table, first: str, further: str, bound: Sequence[Any]) -> Generator[tuple[bytes, int], None, bool]:
    """The lines of rows in the order of their keys, and how many they are, a block after the other. Returns whether those were all.

    first: a condition of SQL for the rows; further: for those behind a key that has it; bound: what is bound in either.
    """
    select = statement("SELECT", table.listed, "FROM", table.quoted, "WHERE", first, "ORDER BY", table.ordered, "LIMIT 1")
    if _sorts(database, select, bound):
        return False
    row = database.execute(select, bound).fetchone()
    form = _form(table, _kinds(rows.line(row))) if row else ""
    if not form:
        return row is None
    where, values, many = first, list(bound), _FIRST
    while True:
        select = _lines(table, form, where, many)
        if _sorts(database, select, values):
            return False
        some, text = database.execute(_together(select, _SHORT), values).fetchone()
        if some and not (text and _plain(table, text, some)):
            return False
        if some:
            yield text, some
        if some < many:
            return True
        behind = keyed.behind(table, text[text.rfind(b"\n", 0, -1) + 1 :])
        where, values = f"{further} AND {behind.sql}", [*bound, *behind.values]
        many = max(1, min(_MOST, 2 * many, _BYTES * some // len(text)))


def _lines(table: Table, form: str, where: str, many: int) -> str:
    return statement("SELECT", form, "AS line FROM", table.quoted, "WHERE", where, "ORDER BY", table.ordered, "LIMIT", str(many))


def _together(select: str, line: str) -> str:
    return statement("SELECT count(*), CAST(group_concat(", line, ", '') AS BLOB) FROM (", select, ")")


def _plain(table: Table, text: bytes, many: int) -> bool:
    return rows.is_plain(text, rows=many, cells=many * len(table.columns))


def _kinds(line: bytes) -> str:
    return line[line.rfind(rows.DELIMITER) + 1 : -1].decode()


def _sorts(database: sqlite3.Connection, select: str, bound: Sequence[Any]) -> bool:
    """Whether SQLite would sort all rows to give some."""
    return any("TEMP B-TREE" in words(row[3]) for row in database.execute(statement("EXPLAIN QUERY PLAN", select), bound))


@lru_cache(maxsize=64)
def _form(table: Table, kinds: str) -> str:
    """A row's line, for SQL, where its values are of these kinds, NULL where they are of others; empty where SQLite would write a value in another way."""
    if not set(kinds) <= _TYPES.keys() or not len(kinds) == len(table.columns) <= _MOST_COLUMNS:
        return ""
    columns = [table.sql(column) for column in table.columns]
    checks = [f"typeof({column}) = '{_TYPES[kind]}'" for column, kind in zip(columns, kinds)]
    # printf makes more than one cell at once, but takes a NUL byte in a text for its end.
    parts: list[str] = []
    text, integers = "", list[str]()
    for kind, column in zip(kinds, columns):
        if kind == "t":
            parts += [_printed(text, integers), column]
            text, integers = "", []
        elif kind == "i":
            text += "%d"
            integers.append(column)
        text += rows.DELIMITER.decode()
    parts.append(_printed(f"{text}{kinds}\n", integers))
    return f"iif({' AND '.join(checks)}, {' || '.join(filter(None, parts))}, NULL)"


def _printed(text: str, integers: Sequence[str]) -> str:
    """What is between texts, for SQL."""
    return f"printf('{text}', {', '.join(integers)})" if integers else f"'{text}'" if text else ""
