# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a large table surveyed by SQLite itself: ends and lengths of all values; types, and what texts say, of a sample where that will do.

It does for a load whose encoder takes these and no other values: what else there is is refused there, and the run plans anew by all values.
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
from .survey import BLOB, INTEGER, TEXT, Values

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
    known = {column: kind for column, one in zip(columns, seen) if (kind := _kind(column, one))}
    texts = {column.name: one["texts"] for column, one in zip(columns, seen)}
    found: dict[str, Values] = {}
    for begin in range(0, len(known), _COLUMNS):
        some = dict(list(known.items())[begin : begin + _COLUMNS])
        for column, told in _told(database, table, some):
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


def _told(database: sqlite3.Connection, table: Table, known: Mapping[Column, str]) -> Iterator[tuple[Column, dict[str, Any]]]:
    """In one pass. What is seen to have values of another type after all, or infinite ones, is left out."""
    wanted = ", ".join(part for column, kind in known.items() for part in _aggregates(quoted(column.name), kind, guarded=_is_guarded(column, kind)))
    row = database.execute(statement("SELECT count(*),", wanted, "FROM", quoted(table.name))).fetchone()
    for place, (column, kind) in enumerate(known.items()):
        filled, other, least, most = row[1 + 4 * place : 5 + 4 * place]
        told: dict[str, Any] = {"rows": row[0], "nulls": row[0] - filled, "types": {kind: filled}}
        if kind in (TEXT, BLOB):
            if words(least) == words(most) == kind:
                yield column, {**told, "longest": other}
        elif other in (None, row[0] - filled) and _is_finite(kind, least, most):
            yield column, {**told, **dict(zip(("least", "most") if kind == INTEGER else ("lowest", "highest"), (least, most)))}


def _is_finite(kind: str, least: Any, most: Any) -> bool:
    wanted = int if kind == INTEGER else float
    return type(least) is type(most) is wanted and least != -_INFINITY and most != _INFINITY


def _aggregates(name: str, kind: str, *, guarded: bool) -> tuple[str, ...]:
    """How many values; how many of another type, with NULL, or the longest length; the ends, or their types, between which all others are."""
    if kind in (TEXT, BLOB):
        ends = ("'text'", "'text'") if guarded else (f"typeof(min({name}))", f"typeof(max({name}))")
        return f"count({name})", f"max(length({name}))", *ends
    other = "NULL" if guarded else f"count(nullif(typeof({name}), '{kind}'))"
    return f"count({name})", other, f"min({name})", f"max({name})"
