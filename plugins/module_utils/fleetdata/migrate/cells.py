# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of SQLite as a field of binary COPY, or the rule that it breaks. Nothing is rounded, cut or guessed."""

from __future__ import annotations

import json
import re
import struct
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Callable, NoReturn

from ..retention.rows import Text
from . import cells_times, conversions, kinds
from .fields import NULL, Cell, RefusedError, field, proved, refuse
from .fixed import INTEGERS
from .planned import ColumnPlan

_LIMIT = re.compile(r"(?:character varying|character|varchar|char|bpchar)\((\d+)\)")
_NUMERIC = re.compile(r"numeric(?:\((\d+)(?:,(-?\d+))?\))?")
_EXACT = Context(prec=4000)
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def cell(column: ColumnPlan) -> Cell:
    """What makes the field of a column's value. It raises RefusedError."""
    make = _MAKERS[column.conversion](column)

    def guarded(value: Any) -> bytes:
        if value is None or (column.empty_is_null and value == ""):
            if column.not_null:
                raise RefusedError("is NULL, which the column does not take")
            return NULL
        try:
            return make(value)
        except (struct.error, OverflowError, InvalidOperation):
            raise RefusedError(f"is out of range for {column.type}") from None

    return guarded


def limit(column: ColumnPlan) -> int:
    """How many characters it takes, 0 for any number."""
    found = _LIMIT.fullmatch(column.type)
    return int(found[1]) if found else 0


def _integer(column: ColumnPlan) -> Cell:
    letter, size = INTEGERS[column.type]
    pack = struct.Struct(f">i{letter}").pack

    def make(value: Any) -> bytes:
        return pack(size, value) if isinstance(value, int) else refuse(value, "an integer")

    return make


def _float(column: ColumnPlan) -> Cell:
    single = column.type == "real"
    form = struct.Struct(">f" if single else ">d")

    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)):
            return refuse(value, "a number")
        packed = form.pack(value)
        if form.unpack(packed)[0] != value:
            raise RefusedError(f"is a number that {column.type} does not have exactly")
        return field(packed)

    return make


def _numeric(column: ColumnPlan) -> Cell:
    found = _NUMERIC.fullmatch(column.type)
    bounds = (int(found[1]), int(found[2] or 0)) if found and found[1] else None

    @lru_cache(maxsize=4096, typed=True)
    def make(value: Any) -> bytes:
        number = _decimal(value)
        if bounds:
            exact = number.quantize(Decimal(1).scaleb(-bounds[1]), context=_EXACT)
            if exact != number or abs(number) >= Decimal(10) ** (bounds[0] - bounds[1]):
                raise RefusedError(f"is a number that {column.type} would {'round' if exact != number else 'not hold'}")
            number = exact
        return field(_digits(number))

    return make


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str) and kinds.kind_of(value.encode("utf-8", "replace")) not in (kinds.INTEGER, kinds.DECIMAL):
        return refuse(value, "a decimal number")
    if isinstance(value, bytes):
        return refuse(value, "a decimal number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise RefusedError("is infinite, which only double precision takes")
    return number


def _digits(number: Decimal) -> bytes:
    """As numeric_recv() takes it: groups of four digits, the weight of the first, the sign, and the digits shown after the point."""
    sign, digits, exponent = number.as_tuple()
    said, after = "".join(map(str, digits)), -int(exponent)
    if after < 0:
        said, after = said + "0" * -after, 0
    said = said.rjust(after + 1, "0")
    whole, rest = said[: len(said) - after], said[len(said) - after :]
    whole, rest = whole.rjust(-(-len(whole) // 4) * 4, "0"), rest.ljust(-(-len(rest) // 4) * 4, "0")
    groups = [int(whole[place : place + 4]) for place in range(0, len(whole), 4)] + [int(rest[place : place + 4]) for place in range(0, len(rest), 4)]
    weight = len(whole) // 4 - 1
    while groups and not groups[0]:
        groups.pop(0)
        weight -= 1
    while groups and not groups[-1]:
        groups.pop()
    return struct.pack(f">hhHH{len(groups)}H", len(groups), weight if groups else 0, 0x4000 if sign and groups else 0, after, *groups)


def _text(column: ColumnPlan) -> Cell:
    most, replace, anything = limit(column), column.replace, column.conversion == conversions.ANY_TEXT

    def make(value: Any) -> bytes:
        if anything and isinstance(value, (int, float)):
            value = repr(value)
        said = _said(value, replace)
        if most and len(said) > most:
            raise RefusedError(f"has {len(said)} characters, more than {column.type} takes")
        return field(said.encode())

    return make


def _said(value: Any, replace: bool = False) -> str:
    """A text that PostgreSQL can hold."""
    if isinstance(value, Text):
        if not replace:
            raise RefusedError(f"is {kinds.NOT_UTF8}")
        value = value.decode("utf-8", "replace")
    said = value if isinstance(value, str) else refuse(value, "a text")
    if "\0" in said and not replace:
        raise RefusedError(f"is {kinds.NUL}")
    return said.replace("\0", "\ufffd")


def _bytes(_column: ColumnPlan) -> Cell:
    def make(value: Any) -> bytes:
        if isinstance(value, str):
            value = value.encode()
        return field(value) if isinstance(value, bytes) else refuse(value, "a blob")

    return make


def _boolean(_column: ColumnPlan) -> Cell:
    @lru_cache(maxsize=64, typed=True)
    def make(value: Any) -> bytes:
        said = value.lower() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
        if said not in ("0", "1") and said not in kinds.TRUE_WORDS | kinds.FALSE_WORDS:
            return refuse(value, "a boolean")
        return b"\0\0\0\1\1" if said == "1" or said in kinds.TRUE_WORDS else b"\0\0\0\1\0"

    return make


def _json(column: ColumnPlan) -> Cell:
    known, binary = proved(column, kinds.JSON), column.type == "jsonb"

    def make(value: Any) -> bytes:
        said = _said(value, column.replace)
        if not known and not _is_json(said):
            return refuse(value, "JSON")
        return field(b"\1" + said.encode() if binary else said.encode())

    return make


def _is_json(said: str) -> bool:
    try:
        json.loads(said, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(said: str) -> NoReturn:
    raise ValueError(said)


def _uuid(_column: ColumnPlan) -> Cell:
    def make(value: Any) -> bytes:
        if isinstance(value, bytes) and len(value) == 16:
            return b"\0\0\0\x10" + value
        if isinstance(value, str) and _UUID.fullmatch(value):
            return b"\0\0\0\x10" + bytes.fromhex(value.replace("-", ""))
        return refuse(value, "a UUID")

    return make


_MAKERS: dict[str, Callable[[ColumnPlan], Cell]] = {
    conversions.INTEGER: _integer, conversions.FLOAT: _float, conversions.NUMERIC: _numeric, conversions.TEXT: _text, conversions.ANY_TEXT: _text,
    conversions.BYTES: _bytes, conversions.BOOLEAN: _boolean, conversions.DATE: cells_times.date, conversions.TIME: cells_times.time,
    conversions.MOMENT: cells_times.iso,
    conversions.SECONDS: cells_times.epoch, conversions.MILLISECONDS: cells_times.epoch,
    conversions.MICROSECONDS: cells_times.epoch, conversions.JULIAN: cells_times.julian,
    conversions.JSON_TEXT: _json, conversions.UUID: _uuid,
}  # fmt: skip
