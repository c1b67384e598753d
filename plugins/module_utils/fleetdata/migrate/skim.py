# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a large table surveyed by SQLite itself: counts, types and ends of all values, but what texts say only of a sample.

That is enough for a load, whose encoder looks at every value: a text of another kind is refused there, and the run plans anew by all values.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..sql import quoted, statement, words
from . import fits, kinds
from .choices import intent
from .glance import glance
from .model import Column, Named, Table
from .survey import BLOB, INTEGER, REAL, TEXT, Values

ROWS = 50_000
"""A table of fewer is surveyed by all values: that is soon done."""
_SAMPLE, _COLUMNS = 500, 100
_INFINITY = float("inf")
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


def skim(*, database: sqlite3.Connection, table: Table, columns: Collection[Column], number: str) -> dict[str, Values]:
    """Of those of some columns that hold one type of values. columns: about whose texts nothing is declared. number: what a row's is called."""
    names = [column.name for column in columns]
    seen = _sampled(database, table.name, names, number) if number and names else []
    known = {column.name: kind for column, one in zip(columns, seen) if (kind := _kind(column, one))}
    texts = {column.name: one["texts"] for column, one in zip(columns, seen)}
    found: dict[str, Values] = {}
    for begin in range(0, len(known), _COLUMNS):
        some = dict(list(known.items())[begin : begin + _COLUMNS])
        for name, told in _told(database, table, some):
            found[name] = Values(**told, texts=texts[name], sampled=bool(texts[name]))
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


def _told(database: sqlite3.Connection, table: Table, known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """In one pass. What has values of another type after all, or infinite ones, is left out."""
    wanted = ", ".join(part for name, kind in known.items() for part in _aggregates(quoted(name), kind, named=name == table.row_number))
    row = database.execute(statement("SELECT count(*),", wanted, "FROM", quoted(table.name))).fetchone()
    for place, (name, kind) in enumerate(known.items()):
        filled, other, least, most = row[1 + 4 * place : 5 + 4 * place]
        told: dict[str, Any] = {"rows": row[0], "nulls": row[0] - filled, "types": {kind: filled}}
        if kind in (INTEGER, REAL):
            if other == row[0] - filled and least != -_INFINITY and most != _INFINITY:
                yield name, {**told, **dict(zip(("least", "most") if kind == INTEGER else ("lowest", "highest"), (least, most)))}
        elif words(least) == words(most) == kind:
            yield name, {**told, "longest": other}


def _aggregates(name: str, kind: str, *, named: bool) -> tuple[str, ...]:
    """How many values; those of another type with NULL, or the longest length; the ends, or their types, between which all others are."""
    if kind in (TEXT, BLOB):
        return f"count({name})", f"max(length({name}))", f"typeof(min({name}))", f"typeof(max({name}))"
    other = "0" if named else f"count(nullif(typeof({name}), '{kind}'))"
    return f"count({name})", other, f"min({name})", f"max({name})"
