# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of an expression as PostgreSQL has it, and what is known of it: only by that can be told whether it means the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..sql import quoted
from . import conversions, fits
from .planned import ColumnPlan
from .survey import INTEGER as SQLITE_INTEGER
from .survey import TEXT
from .syntax import Unlike

WHOLE, DOUBLE, NUMERIC, WORDS, BOOLEAN, NULL = "integer", "double", "numeric", "text", "boolean", "null"
"""What a part is. What is none of these is the type of its column, which can be compared with its like, and no more."""
NUMBERS = (WHOLE, DOUBLE, NUMERIC)
BINARY, NOCASE = "BINARY", "NOCASE"
_OWN = frozenset({"rowid", "oid", "_rowid_"})


@dataclass(frozen=True)
class Part:
    """sql: closed in itself. kind: as above. wide: an integer of 64 bits. real: SQLite surely has a real there.

    collation: what SQLite compares it with, empty for a part that says nothing of it; said: by COLLATE, which goes before a column's.
    text: of a text that is written out, number: of such a number; column: of a part that is nothing else.
    """

    sql: str
    kind: str
    wide: bool = True
    real: bool = False
    collation: str = ""
    said: bool = False
    text: str | None = None
    number: str | None = None
    column: ColumnPlan | None = None


def of_column(column: ColumnPlan, before: str = "") -> Part:
    """Raises Unlike where a column's values are no longer what an expression of SQLite sees. before: an alias of its table, with a dot."""
    if column.source.lower() in _OWN:
        raise Unlike(f"{column.source} may be SQLite's own number of the row")
    types = set(column.values.types)
    sql = f"{before}{quoted(column.target)}"
    part = Part(sql, fits.base(column.type), collation=column.collation or BINARY, column=column)
    if column.empty_is_null:
        raise Unlike(f"{column.source} has NULL where SQLite has an empty text")
    if column.conversion == conversions.INTEGER:
        return replace(part, kind=WHOLE, wide=column.type == fits.BIGINT)
    if column.conversion == conversions.FLOAT and not column.values.infinite:
        return replace(part, kind=DOUBLE, real=SQLITE_INTEGER not in types)
    if column.conversion == conversions.NUMERIC and TEXT not in types and _is_exact(column):
        return replace(part, kind=NUMERIC)
    if column.conversion == conversions.TEXT:
        return replace(part, kind=WORDS)
    if column.conversion == conversions.BOOLEAN and TEXT not in types:
        return replace(part, kind=BOOLEAN)
    if column.conversion in (conversions.ANY_TEXT, conversions.BOOLEAN) or (column.conversion == conversions.BYTES and TEXT in types):
        raise Unlike(f"{column.source} had values of several kinds")
    return part


def opaque(column: ColumnPlan) -> Part:
    """A column as it is, whatever it holds: it can be selected."""
    return Part(quoted(column.target), "", column=column)


def _is_exact(column: ColumnPlan) -> bool:
    return max(-(column.values.least or 0), column.values.most or 0) <= fits.EXACT


def as_double(part: Part) -> Part:
    """A number as the double that SQLite would reckon with."""
    if part.kind == DOUBLE:
        return part
    return Part(f"({part.sql})::double precision", DOUBLE, real=part.real)


def as_number(part: Part) -> Part:
    """A truth as 1 or 0, numbers as they are. Raises Unlike."""
    if part.kind == BOOLEAN:
        return Part(f"({part.sql})::integer", WHOLE, wide=False)
    if part.kind not in NUMBERS:
        raise Unlike(f"{part.sql} is no number")
    return part


def as_truth(part: Part) -> str:
    """A condition. Raises Unlike."""
    if part.kind == BOOLEAN:
        return part.sql
    if part.kind == NULL:
        return "NULL::boolean"
    if part.kind in NUMBERS:
        return f"({part.sql} <> 0)"
    raise Unlike(f"{part.sql} is neither true nor false")


def as_words(part: Part) -> Part:
    """A text; integers as SQLite writes them. Raises Unlike."""
    if part.kind == WHOLE:
        return Part(f"({part.sql})::text", WORDS)
    if part.kind != WORDS:
        raise Unlike(f"{part.sql} is no text")
    return part


def alike(parts: list[Part]) -> Part:
    """What a choice between parts is. Raises Unlike where they are of several kinds. sql: the first one's."""
    filled = [part for part in parts if part.kind != NULL]
    kinds = {part.kind for part in filled}
    if not filled:
        raise Unlike("there is nothing but NULL")
    first = Part(filled[0].sql, filled[0].kind, wide=any(part.wide for part in filled), real=all(part.real for part in filled))
    if len(kinds) == 1 and first.kind in (*NUMBERS, WORDS, BOOLEAN):
        return first
    if kinds <= set(NUMBERS):
        return replace(first, kind=DOUBLE if DOUBLE in kinds else NUMERIC)
    raise Unlike("its values are of several kinds")
