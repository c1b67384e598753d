# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What values a table's columns really hold: SQLite takes any value in any column, whatever was declared, so each one is looked at."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..retention.rows import Text
from ..sql import quoted, statement
from . import kinds
from .glance import glance

INTEGER, REAL, TEXT, BLOB = "integer", "real", "text", "blob"
_ROWS = 2000
_COLUMNS = 100
"""Looked at in one pass: a query of SQLite has 2,000 results at most, and five are needed for each."""


@dataclass(frozen=True)
class Values:
    """What a column holds. rows: all of the table. types: how many values of each of SQLite's types. least, most: of its integers.

    lowest, highest: of its reals. infinite: reals that are.
    longest: characters of its longest text, bytes of its longest blob. texts: how many texts of each kind (``kinds``).
    sampled: whether types and texts are those of a sample, and every value has yet to be looked at.
    examples: by type, or kind of text, the first such row's number (its place where rows have none).
    """

    rows: int
    nulls: int = 0
    types: Mapping[str, int] = field(default_factory=dict)
    least: int | None = None
    most: int | None = None
    lowest: float | None = None
    highest: float | None = None
    infinite: int = 0
    longest: int = 0
    texts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, int] = field(default_factory=dict)
    sampled: bool = False


def survey(*, database: sqlite3.Connection, table: str, columns: Sequence[str], number: str = "") -> dict[str, Values]:
    """Look at every value of some columns. number: what the row's number is called, empty where there is none. database: with ``Text`` for texts."""
    if not columns:
        return {}
    found: dict[str, Values] = {}
    for begin in range(0, len(columns), _COLUMNS):
        some = columns[begin : begin + _COLUMNS]
        told = glance(database=database, table=table, columns=some, number=number)
        if told is None:
            _some(database, table, some, number, found)
        else:
            found.update({column: Values(**one) for column, one in zip(some, told)})
    return found


def _some(database: sqlite3.Connection, table: str, columns: Sequence[str], number: str, found: dict[str, Values]) -> None:
    rows, first = _at_once(database, table, columns)
    for column, (filled, lowest, highest, least, most) in zip(columns, first):
        types = {lowest: filled} if lowest == highest and filled else _each(database, table, column) if filled else {}
        values = Values(rows=rows, nulls=rows - filled, types=types)
        found[column] = _detailed(database, table, column, number, values, least, most)


def _at_once(database: sqlite3.Connection, table: str, columns: Sequence[str]) -> tuple[int, list[tuple[int, str, str, Any, Any]]]:
    """One pass for what most columns need: how many values, the first and last of their types by name, the least and greatest value."""
    wanted = [part for column in map(quoted, columns) for part in _aggregates(column)]
    row = database.execute(statement("SELECT count(*),", ", ".join(wanted), "FROM", quoted(table))).fetchone()
    each = [row[place : place + 5] for place in range(1, len(row), 5)]
    return int(row[0]), [(int(one[0]), _word(one[1]), _word(one[2]), one[3], one[4]) for one in each]


def _aggregates(column: str) -> tuple[str, ...]:
    kind = f"(typeof({column})) FILTER (WHERE {column} IS NOT NULL)"
    return f"count({column})", f"min{kind}", f"max{kind}", f"min({column})", f"max({column})"


def _each(database: sqlite3.Connection, table: str, column: str) -> dict[str, int]:
    kind = f"typeof({quoted(column)})"
    query = statement("SELECT", kind, ", count(*) FROM", quoted(table), "WHERE", quoted(column), "IS NOT NULL GROUP BY", kind)
    return {_word(name): int(count) for name, count in database.execute(query)}


def _detailed(database: sqlite3.Connection, table: str, column: str, number: str, values: Values, least: Any, most: Any) -> Values:
    """What its types make worth knowing."""
    pure = len(values.types) == 1
    told: dict[str, Any] = {}
    if INTEGER in values.types:
        told["least"], told["most"] = (least, most) if pure else _of_type(database, table, column, INTEGER, "min({0}), max({0})")
    if REAL in values.types:
        told["lowest"], told["highest"] = (least, most) if pure else _of_type(database, table, column, REAL, "min({0}), max({0})")
        told["infinite"] = int(_of_type(database, table, column, REAL, "count(*) FILTER (WHERE abs({0}) = 9e999)")[0])
    longest = 0
    if BLOB in values.types:
        longest = int(_of_type(database, table, column, BLOB, "max(length({0}))")[0])
    texts, examples = Counter[str](), {} if pure else _examples(database, table, column, number, values.types)
    if TEXT in values.types:
        query = statement("SELECT", number or "0", ",", quoted(column), "FROM", quoted(table), "WHERE", f"typeof({quoted(column)}) = 'text'")
        longest = max(longest, _texts(database.execute(query), texts, examples))
    return Values(rows=values.rows, nulls=values.nulls, types=values.types, longest=longest, texts=dict(texts), examples=examples, **told)


def _texts(rows: sqlite3.Cursor, texts: Counter[str], examples: dict[str, int]) -> int:
    """Count the kinds of texts, keep the first row of each; the length of the longest, in characters where it has such."""
    longest = place = 0
    while some := rows.fetchmany(_ROWS):
        for number, text in some:
            place += 1
            kind = kinds.kind_of(text)
            if kind not in texts:
                examples.setdefault(kind, number or place)
            texts[kind] += 1
            if len(text) > longest:
                longest = max(longest, len(text.decode("utf-8", "replace")))
    return longest


def _examples(database: sqlite3.Connection, table: str, column: str, number: str, types: Iterable[str]) -> dict[str, int]:
    if not number:
        return {}
    return {kind: int(_of_type(database, table, column, kind, f"min({number})")[0]) for kind in types}


def _of_type(database: sqlite3.Connection, table: str, column: str, kind: str, wanted: str) -> tuple[Any, ...]:
    query = statement("SELECT", wanted.format(quoted(column)), "FROM", quoted(table), "WHERE", f"typeof({quoted(column)}) = ?")
    return tuple(database.execute(query, (kind,)).fetchone())


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, Text) else str(value or "")
