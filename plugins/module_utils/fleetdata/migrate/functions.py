# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions of SQLite that PostgreSQL has as well, each in the form that means the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

from . import conversions, fits
from .parts import BOOLEAN, DOUBLE, NULL, NUMBERS, NUMERIC, WHOLE, WORDS, Part, alike, as_double, as_number, as_words
from .survey import INTEGER, REAL
from .syntax import Unlike

Function = Callable[[Sequence[Part]], Part]


def called(name: str, parts: Sequence[Part], *, exact: bool) -> Part:
    """Raises Unlike. exact: not only for finding rows."""
    if not exact and name in ("LOWER", "UPPER") and len(parts) == 1:
        return Part(f"{name.lower()}({as_words(parts[0]).sql})", WORDS)
    known = _KNOWN.get((name, len(parts))) or _KNOWN.get((name, -1))
    if known is None:
        raise Unlike(f"{name.lower()}() is not surely the same in PostgreSQL")
    return known(parts)


def _case(name: str) -> Function:
    """A-Z alone, as in SQLite, whatever the database's language is."""
    return lambda parts: Part(f'{name}({as_words(parts[0]).sql} COLLATE "C")', WORDS)


def _length(parts: Sequence[Part]) -> Part:
    (part,) = parts
    if part.kind == fits.BYTEA:
        return Part(f"octet_length({part.sql})", WHOLE, wide=False)
    return Part(f"char_length({as_words(part).sql})", WHOLE, wide=False)


def _of_texts(name: str) -> Function:
    return lambda parts: Part(f"{name}({', '.join(as_words(part).sql for part in parts)})", WORDS)


def _instr(parts: Sequence[Part]) -> Part:
    return Part(f"strpos({as_words(parts[0]).sql}, {as_words(parts[1]).sql})", WHOLE, wide=False)


def _substr(parts: Sequence[Part]) -> Part:
    """Only from a place that is counted from the start: from the end, or before it, SQLite has rules of its own."""
    numbers = [part.number for part in parts[1:]]
    if any(number is None or not number.isdigit() or len(number) > 9 for number in numbers) or int(numbers[0] or 0) < 1:
        raise Unlike("substr() with such numbers is SQLite's own")
    return Part(f"substr({', '.join([as_words(parts[0]).sql, *(str(number) for number in numbers)])})", WORDS)


def _coalesce(parts: Sequence[Part]) -> Part:
    return _chosen(parts, lambda said: f"COALESCE({said})")


def _nullif(parts: Sequence[Part]) -> Part:
    if any(part.kind == WORDS and part.collation not in ("", "BINARY") for part in parts):
        raise Unlike("nullif() would regard the case of letters")
    return _chosen(parts, lambda said: f"NULLIF({said})")


def _ends(name: str) -> Function:
    """The least or greatest; NULL where one of them is."""

    def found(parts: Sequence[Part]) -> Part:
        part = _chosen([as_number(part) for part in parts], lambda said: f"{name}({said})")
        nulls = " OR ".join(f"{one.sql} IS NULL" for one in parts)
        return Part(f"(CASE WHEN {nulls} THEN NULL ELSE {part.sql} END)", part.kind, wide=part.wide, real=part.real)

    return found


def _chosen(parts: Sequence[Part], form: Callable[[str], str]) -> Part:
    whole = alike(list(parts))
    said = ", ".join("NULL" if part.kind == NULL else as_double(part).sql if whole.kind == DOUBLE else part.sql for part in parts)
    return Part(form(said), whole.kind, wide=whole.wide, real=whole.real)


def _iif(parts: Sequence[Part]) -> Part:
    condition, *values = parts
    if condition.kind not in (*NUMBERS, BOOLEAN):
        raise Unlike("a condition is neither true nor false")
    truth = condition.sql if condition.kind == BOOLEAN else f"({condition.sql} <> 0)"
    whole = alike(values)
    first, second = ("NULL" if part.kind == NULL else as_double(part).sql if whole.kind == DOUBLE else part.sql for part in values)
    return Part(f"(CASE WHEN {truth} THEN {first} ELSE {second} END)", whole.kind, wide=whole.wide, real=whole.real)


def _abs(parts: Sequence[Part]) -> Part:
    (part,) = parts
    if part.kind not in (WHOLE, DOUBLE, NUMERIC):
        raise Unlike(f"{part.sql} is no number")
    return Part(f"abs({part.sql})", part.kind, wide=part.wide, real=part.real)


_TYPES: Mapping[str, tuple[str, frozenset[str]]] = {
    conversions.INTEGER: ("integer", frozenset({INTEGER})),
    conversions.FLOAT: ("real", frozenset({REAL})),
    conversions.TEXT: ("text", frozenset({"text"})),
    conversions.BYTES: ("blob", frozenset({"blob"})),
}


def _typeof(parts: Sequence[Part]) -> Part:
    """The type of a column of PostgreSQL is always the same."""
    column = parts[0].column
    name, only = _TYPES.get(column.conversion, ("", frozenset())) if column else ("", frozenset[str]())
    if column is None or not name or not set(column.values.types) <= only:
        raise Unlike("typeof() of values that may be of several types")
    return Part(f"(CASE WHEN {parts[0].sql} IS NULL THEN 'null' ELSE '{name}' END)", WORDS)


def _json_valid(parts: Sequence[Part]) -> Part:
    if parts[0].kind not in (fits.JSON, fits.JSONB):
        raise Unlike("json_valid() of what is no json")
    return Part(f"(CASE WHEN {parts[0].sql} IS NOT NULL THEN TRUE END)", BOOLEAN)


def _itself(parts: Sequence[Part]) -> Part:
    return parts[0]


_KNOWN: Mapping[tuple[str, int], Function] = {
    ("LOWER", 1): _case("lower"), ("UPPER", 1): _case("upper"), ("LENGTH", 1): _length, ("TRIM", 1): _of_texts("btrim"), ("TRIM", 2): _of_texts("btrim"),
    ("LTRIM", 1): _of_texts("ltrim"), ("LTRIM", 2): _of_texts("ltrim"), ("RTRIM", 1): _of_texts("rtrim"), ("RTRIM", 2): _of_texts("rtrim"),
    ("REPLACE", 3): _of_texts("replace"), ("INSTR", 2): _instr, ("SUBSTR", 2): _substr, ("SUBSTR", 3): _substr, ("SUBSTRING", 2): _substr,
    ("SUBSTRING", 3): _substr, ("COALESCE", -1): _coalesce, ("IFNULL", 2): _coalesce, ("NULLIF", 2): _nullif, ("MAX", 2): _ends("GREATEST"),
    ("MIN", 2): _ends("LEAST"), ("IIF", 3): _iif, ("ABS", 1): _abs, ("TYPEOF", 1): _typeof, ("JSON_VALID", 1): _json_valid, ("LIKELY", 1): _itself,
    ("UNLIKELY", 1): _itself,
}  # fmt: skip
