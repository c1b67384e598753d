# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a large table surveyed by SQLite itself: ends and lengths of all values; types, and what texts say, of a sample where that will do.

It does for a load whose encoder takes these and no other values: what else there is is refused there, and the run plans anew by all values.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..sql import quoted, statement, words
from . import fits, kinds
from .choices import intent
from .glance import glance
from .model import Column, Named, Table
from .reading import Reader
from .survey import BLOB, INTEGER, REAL, TEXT, Values

ROWS = 50_000
"""A table of fewer is surveyed by all values: that is soon done."""
_SAMPLE, _COLUMNS = 500, 100
_INFINITY = float("inf")
_NUMBERS = {INTEGER: int, REAL: float}
_DAYS, _MOMENTS = frozenset({kinds.DATE}), frozenset({kinds.DATE, kinds.MOMENT})
_SURE: Mapping[str, frozenset[str]] = {fits.DATE: _DAYS, fits.STAMP: _MOMENTS}
"""By what is declared: the kinds of texts for which a type is chosen whose encoder takes these and no other. For a plain text all kinds are."""


def is_large(database: sqlite3.Connection, table: str) -> bool:
    """Whether it is worth it."""
    return database.execute(statement("SELECT 1 FROM", quoted(table), "LIMIT 1 OFFSET ?"), (ROWS - 1,)).fetchone() is not None


def is_simple(table: Table, views: Collection[Named]) -> bool:
    """Whether no expression works with its values: how one is translated depends on all of them."""
    said = any(column.generated for column in table.columns) or any(index.where or not all(index.names) for index in table.indexes)
    return not (table.checks or said or any(table.name.lower() in view.sql.lower() for view in views))


def skim(
    *, database: sqlite3.Connection, table: Table, columns: Collection[Column], number: str, beside: Reader | None = None
) -> dict[str, Values]:  # fmt: skip
    """Of those of some columns that hold one type of values. columns: about whose texts nothing is declared. number: what a row's is called.

    beside: sees the same, and looks at half of the rows meanwhile.
    """
    names = [column.name for column in columns]
    seen = _sampled(database, table.name, names, number) if number and names else []
    known = {column: kind for column, one in zip(columns, seen) if (kind := _kind(column, one))}
    texts = {column.name: one["texts"] for column, one in zip(columns, seen)}
    found: dict[str, Values] = {}
    for begin in range(0, len(known), _COLUMNS):
        some = dict(list(known.items())[begin : begin + _COLUMNS])
        for column, told in _told(database, beside, table, some, number):
            guarded = _is_guarded(column, some[column]) and column.name != table.row_number
            found[column.name] = Values(**told, texts=texts[column.name], sampled=guarded)
    return found


def _sampled(database: sqlite3.Connection, table: str, names: list[str], number: str) -> list[dict[str, Any]]:
    """The first rows and the last; nothing where a text of them is not UTF-8."""
    ends = [glance(database=database, table=table, columns=names, number=number, rest=f"ORDER BY {number} {way} LIMIT {_SAMPLE}") for way in ("ASC", "DESC")]
    first, last = ends
    if first is None or last is None:
        return []
    return [{"types": {**one["types"], **other["types"]}, "texts": {**one["texts"], **other["texts"]}} for one, other in zip(first, last)]


def _kind(column: Column, seen: Mapping[str, Any]) -> str:
    """The type of the sample's values where all of the table's may be taken for such; else empty."""
    if len(seen["types"]) != 1:
        return ""
    (kind,) = seen["types"]
    if kind != TEXT:
        return str(kind)
    meant, texts = intent(column.declared), set(seen["texts"])
    plain = meant in (fits.PLAIN, fits.BYTEA, "") and not texts & fits.BROKEN
    return TEXT if plain or texts <= _SURE.get(meant, frozenset()) else ""


def _is_guarded(column: Column, kind: str) -> bool:
    """Whether the encoder of the type that is chosen takes values of this type alone, so that they need not be asked for theirs."""
    return kind == TEXT or (kind == INTEGER and intent(column.declared) in (*fits.INTEGERS, fits.BOOLEAN))


def _told(
    database: sqlite3.Connection, beside: Reader | None, table: Table, known: Mapping[Column, str], number: str
) -> Iterator[tuple[Column, dict[str, Any]]]:  # fmt: skip
    """In one pass. What is seen to have values of another type after all, or infinite ones, is left out."""
    wanted = ", ".join(part for column, kind in known.items() for part in _aggregates(column, kind))
    query = statement("SELECT count(*),", wanted, "FROM", quoted(table.name))
    halves = [database.execute(query).fetchone()] if beside is None else _halves(database, beside, query, table, number)
    rows = sum(half[0] for half in halves)
    for place, (column, kind) in enumerate(known.items()):
        filled, other, least, most = _together(kind, [half[1 + 4 * place : 5 + 4 * place] for half in halves])
        told: dict[str, Any] = {"rows": rows, "nulls": rows - filled, "types": {kind: filled}}
        if kind in (TEXT, BLOB):
            if words(least) == words(most) == kind:
                yield column, {**told, "longest": other}
        elif other in (None, rows - filled) and _is_finite(kind, least, most):
            yield column, {**told, **dict(zip(("least", "most") if kind == INTEGER else ("lowest", "highest"), (least, most)))}


def _halves(database: sqlite3.Connection, beside: Reader, query: str, table: Table, number: str) -> list[Sequence[Any]]:
    """By the rows' numbers. SQLite lets other threads work meanwhile."""
    first, last = (database.execute(statement(f"SELECT {end}({number}) FROM", quoted(table.name))).fetchone()[0] for end in ("min", "max"))
    middle = (first + last) // 2
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(beside.select, f"{query} WHERE {number} > ?", (middle,))
        return [database.execute(f"{query} WHERE {number} <= ?", (middle,)).fetchone(), *other.result()]


def _together(kind: str, halves: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """What they tell of one column. An end that is not of its type stays, whatever the other half has."""
    if len(halves) == 1:
        return halves[0]
    others = [other for _, other, _, _ in halves if other is not None]
    other = None if not others else sum(others) if kind in _NUMBERS else max(others)
    ends = [[half[place] for half in halves if half[0]] for place in (2, 3)]
    return sum(half[0] for half in halves), other, _end(min, kind, ends[0]), _end(max, kind, ends[1])


def _end(pick: Callable[..., Any], kind: str, ends: Sequence[Any]) -> Any:
    if kind not in _NUMBERS:
        return next((end for end in ends if words(end) != kind), kind)
    odd = [end for end in ends if type(end) is not _NUMBERS[kind]]
    return odd[0] if odd else pick(ends, default=None)


def _is_finite(kind: str, least: Any, most: Any) -> bool:
    return type(least) is type(most) is _NUMBERS[kind] and least != -_INFINITY and most != _INFINITY


def _aggregates(column: Column, kind: str) -> tuple[str, ...]:
    """How many values; how many of another type, with NULL, or the longest length; the ends, or their types, between which all others are."""
    name, guarded = quoted(column.name), _is_guarded(column, kind)
    count = "count(*)" if column.not_null else f"count({name})"
    if kind in (TEXT, BLOB):
        ends = ("'text'", "'text'") if guarded else (f"typeof(min({name}))", f"typeof(max({name}))")
        return count, f"max(length({name}))", *ends
    other = "NULL" if guarded else f"count(nullif(typeof({name}), '{kind}'))"
    return count, other, f"min({name})", f"max({name})"
