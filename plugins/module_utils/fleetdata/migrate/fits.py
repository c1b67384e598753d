# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a type of PostgreSQL takes what a column holds, and by which conversion; what it does not take is counted by class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import conversions, kinds
from .survey import BLOB, INTEGER, REAL, TEXT, Values

SMALLINT, INT, BIGINT, DOUBLE, NUMERIC, PLAIN, BYTEA, BOOLEAN, DATE, TIME, STAMP, STAMP_ZONE, JSON, JSONB, UUID, VARCHAR = (
    "smallint", "integer", "bigint", "double precision", "numeric", "text", "bytea", "boolean", "date", "time without time zone",
    "timestamp without time zone", "timestamp with time zone", "json", "jsonb", "uuid", "character varying",
)  # fmt: skip
INTEGERS: Mapping[str, int] = {SMALLINT: 2**15, INT: 2**31, BIGINT: 2**63}
"""The types of whole numbers, the narrowest first, and the first number that is too large for each."""
EXACT = 2**53
"""Up to here a double has every whole number."""
_ALIASES = {
    "int2": SMALLINT, "int": INT, "int4": INT, "int8": BIGINT, "float8": DOUBLE, "float": DOUBLE, "decimal": NUMERIC, "bool": BOOLEAN, "varchar": VARCHAR,
    "char": "character", "bpchar": "character", "time": TIME, "timestamp": STAMP, "timestamptz": STAMP_ZONE,
}  # fmt: skip
_TYPE = re.compile(r"\s*([a-z][a-z0-9_ ]*?)\s*(\(\s*\d+\s*(?:,\s*\d+\s*)?\))?((?:\s+with(?:out)? time zone)?)\s*", re.ASCII)
_WORDS = frozenset({kinds.EMPTY, kinds.TRUTH, kinds.DATE, kinds.MOMENT, kinds.MOMENT_ZONE, kinds.TIME, kinds.UUID, kinds.JSON, kinds.JSON_SCALAR})
_TEXTS = _WORDS | {kinds.INTEGER, kinds.DECIMAL, kinds.BOOLEAN, kinds.PLAIN}
BROKEN = frozenset({kinds.NUL, kinds.NOT_UTF8})
_TAKES: Mapping[str, frozenset[str]] = {
    conversions.INTEGER: frozenset({INTEGER}),
    conversions.FLOAT: frozenset({INTEGER, REAL}),
    conversions.NUMERIC: frozenset({INTEGER, REAL, kinds.INTEGER, kinds.DECIMAL}),
    conversions.TEXT: _TEXTS,
    conversions.ANY_TEXT: _TEXTS | {INTEGER, REAL},
    conversions.BYTES: _TEXTS | BROKEN | {BLOB},
    conversions.BOOLEAN: frozenset({INTEGER, kinds.BOOLEAN, kinds.TRUTH}),
    conversions.DATE: frozenset({kinds.DATE}),
    conversions.TIME: frozenset({kinds.TIME}),
    conversions.MOMENT: frozenset({kinds.DATE, kinds.MOMENT}),
    conversions.SECONDS: frozenset({INTEGER, REAL}),
    conversions.MILLISECONDS: frozenset({INTEGER, REAL}),
    conversions.MICROSECONDS: frozenset({INTEGER, REAL}),
    conversions.JULIAN: frozenset({INTEGER, REAL}),
    conversions.JSON_TEXT: frozenset({kinds.JSON, kinds.JSON_SCALAR, kinds.TRUTH}),
    conversions.UUID: frozenset({kinds.UUID, BLOB}),
}
"""The classes of values that each conversion takes: a type of SQLite, or a kind of text."""
_YEARS = (31_536_000, 4_102_444_800)
"""Seconds from 1971 to 2100: a number in them is a moment in seconds, in a thousand times them one in milliseconds, and they do not overlap."""
_DAYS = (2_440_587.5, 2_488_069.5)
_UNITS = {conversions.SECONDS: 1, conversions.MILLISECONDS: 1000, conversions.MICROSECONDS: 10**6}
"""How many of them are a second."""
COUNTED = frozenset({*_UNITS, conversions.JULIAN})
"""The conversions of numbers that count time."""


@dataclass(frozen=True)
class Misfit:
    """Values that a type does not take. kind: a type of SQLite or a kind of text, or what is wrong with a number or length. row: the first of them."""

    kind: str
    rows: int = 0
    row: int = 0


def normal(said: str) -> str:
    """A type as format_type() of PostgreSQL writes it."""
    found = _TYPE.fullmatch(said.lower())
    if not found:
        return said.strip()
    name, limits, zone = found.group(1), re.sub(r"\s", "", found.group(2) or ""), found.group(3)
    name = re.sub(r"\s+", " ", name)
    full = _ALIASES.get(name, name)
    if zone:
        return f"{name}{limits}{zone}"
    if limits and " " in full and full not in (VARCHAR, DOUBLE):  # timestamp(3)
        head, _, tail = full.partition(" ")
        return f"{head}{limits} {tail}"
    return f"{full}{limits}"


def base(kind: str) -> str:
    """A type without its limits."""
    return re.sub(r"\([^)]*\)", "", kind)


def limits(kind: str) -> tuple[int, ...]:
    """The numbers in a type's brackets."""
    found = re.search(r"\(([^)]*)\)", kind)
    return tuple(int(number) for number in found.group(1).split(",")) if found else ()


def classes(values: Values) -> dict[str, int]:
    """How many values of each class: SQLite's types, but texts by their kinds."""
    found = {kind: count for kind, count in values.types.items() if kind != TEXT}
    return {**found, **values.texts}


def conversion_for(kind: str, values: Values) -> str:
    """How values become a type; empty for a type that is not known. Moments from numbers are of the unit that their size tells."""
    of = base(kind)
    if of in INTEGERS:
        return conversions.INTEGER
    if of in (STAMP, STAMP_ZONE):
        return _moments(values)
    if of in (PLAIN, VARCHAR, "character", "citext"):
        return conversions.ANY_TEXT if INTEGER in values.types or REAL in values.types else conversions.TEXT
    return _CONVERSIONS.get(of, "")


_CONVERSIONS = {
    DOUBLE: conversions.FLOAT, NUMERIC: conversions.NUMERIC, BYTEA: conversions.BYTES, BOOLEAN: conversions.BOOLEAN, DATE: conversions.DATE,
    TIME: conversions.TIME, JSON: conversions.JSON_TEXT, JSONB: conversions.JSON_TEXT, UUID: conversions.UUID,
}  # fmt: skip


def _moments(values: Values) -> str:
    if TEXT in values.types or not values.types:
        return conversions.MOMENT
    return unit(values) or conversions.MOMENT


def unit(values: Values) -> str:
    """What numbers count, if they are moments: only where each of them is one between 1971 and 2100 in that unit; else empty."""
    ends = [end for end in (values.least, values.most, values.lowest, values.highest) if end is not None]
    if not ends:
        return ""
    return next((name for name in (*_UNITS, conversions.JULIAN) if counts(name, min(ends)) and counts(name, max(ends))), "")


def counts(conversion: str, value: float) -> bool:
    """Whether a number is a moment between 1971 and 2100 in the unit that a conversion is of. True for what is none of numbers."""
    if conversion == conversions.JULIAN:
        return _DAYS[0] <= value <= _DAYS[1]
    times = _UNITS.get(conversion, 0)
    return not times or _YEARS[0] * times <= value <= _YEARS[1] * times


def takes(kind: str, conversion: str, what: str) -> bool:
    """Whether a conversion to a type takes a class of values."""
    return what in _TAKES[conversion] or (what == kinds.MOMENT_ZONE and conversion == conversions.MOMENT and base(kind) == STAMP_ZONE)


def misfits(*, kind: str, conversion: str, values: Values, empty_is_null: bool = False, replace: bool = False, utc: bool = False) -> list[Misfit]:
    """What a type does not take of a column's values. utc: moments with and without a zone may stand together, those without are of UTC."""
    takes = set(_TAKES[conversion]) | ({kinds.EMPTY} if empty_is_null else set()) | (BROKEN if replace else set())
    if conversion == conversions.MOMENT and base(kind) == STAMP_ZONE:
        takes = takes | {kinds.MOMENT_ZONE} if utc or kinds.MOMENT_ZONE not in values.texts else {kinds.MOMENT_ZONE, *(takes & {kinds.EMPTY})}
    found = [Misfit(name, count, values.examples.get(name, 0)) for name, count in classes(values).items() if name not in takes]
    return [*found, *_too_large(kind, conversion, values)]


def _too_large(kind: str, conversion: str, values: Values) -> list[Misfit]:
    """Numbers and texts of the right class that the type has no room for."""
    least, most = values.least or 0, values.most or 0
    if conversion == conversions.INTEGER and not fits(kind, values):
        return [Misfit(f"integer beyond {kind}")]
    if conversion == conversions.FLOAT and max(-least, most) > EXACT:
        return [Misfit("integer that a double does not have")]
    if conversion == conversions.NUMERIC and values.infinite:
        return [Misfit("infinite real", values.infinite)]
    if conversion == conversions.BOOLEAN and not 0 <= least <= most <= 1:
        return [Misfit("integer other than 0 and 1")]
    room = limits(kind)
    if conversion in (conversions.TEXT, conversions.ANY_TEXT) and room and values.longest > room[0]:
        return [Misfit(f"text longer than {room[0]} characters")]
    return []


def fits(kind: str, values: Values) -> bool:
    """Whether a type of whole numbers has room for a column's."""
    return -INTEGERS[kind] <= (values.least or 0) and (values.most or 0) < INTEGERS[kind]
