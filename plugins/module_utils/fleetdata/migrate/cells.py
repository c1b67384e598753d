# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of SQLite as a field of binary COPY, or the rule that it breaks. Nothing is rounded, cut or guessed."""

from __future__ import annotations

import datetime
import json
import re
import struct
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Callable, NoReturn

from ..retention.rows import Text
from . import conversions, kinds
from .fixed import INTEGERS
from .planned import ColumnPlan

Cell = Callable[[Any], bytes]
NULL = b"\xff\xff\xff\xff"
_UNITS = {conversions.SECONDS: 1_000_000, conversions.MILLISECONDS: 1000, conversions.MICROSECONDS: 1}
"""Microseconds of one."""
_EPOCH = datetime.datetime(2000, 1, 1)
_FIRST_DAY = _EPOCH.toordinal()
_UNIX, _JULIAN = 946_684_800_000_000, 211_813_444_800_000  # microseconds from 1970 to 2000; milliseconds from the Julian day 0 to 2000
_LEAST, _MOST = -211_813_488_000_000_000, 9_223_371_331_200_000_000
_LIMIT = re.compile(r"(?:character varying|character|varchar|char|bpchar)\((\d+)\)")
_NUMERIC = re.compile(r"numeric(?:\((\d+)(?:,(-?\d+))?\))?")
_EXACT = Context(prec=4000)
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_length, _moment, _day = struct.Struct(">i").pack, struct.Struct(">iq").pack, struct.Struct(">ii").pack


class RefusedError(ValueError):
    """A value that its column cannot take. Its text: what it is, as "is …"."""


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
        except (struct.error, OverflowError):
            raise RefusedError(f"is out of range for {column.type}") from None

    return guarded


def limit(column: ColumnPlan) -> int:
    """How many characters it takes, 0 for any number."""
    found = _LIMIT.fullmatch(column.type)
    return int(found[1]) if found else 0


def proved(column: ColumnPlan, *allowed: str) -> bool:
    """Whether the survey saw texts alone, of these kinds alone."""
    values = column.values
    return not values.sampled and set(values.types) == {"text"} and bool(values.texts) and set(values.texts) <= set(allowed)


def _integer(column: ColumnPlan) -> Cell:
    letter, size = INTEGERS[column.type]
    pack = struct.Struct(f">i{letter}").pack

    def make(value: Any) -> bytes:
        return pack(size, value) if isinstance(value, int) else _refuse(value, "an integer")

    return make


def _float(column: ColumnPlan) -> Cell:
    single = column.type == "real"
    form = struct.Struct(">f" if single else ">d")

    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)):
            return _refuse(value, "a number")
        packed = form.pack(value)
        if form.unpack(packed)[0] != value:
            raise RefusedError(f"is a number that {column.type} does not have exactly")
        return _field(packed)

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
        return _field(_digits(number))

    return make


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str) and kinds.kind_of(value.encode("utf-8", "replace")) not in (kinds.INTEGER, kinds.DECIMAL):
        return _refuse(value, "a decimal number")
    if isinstance(value, bytes):
        return _refuse(value, "a decimal number")
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
        return _field(said.encode())

    return make


def _said(value: Any, replace: bool = False) -> str:
    """A text that PostgreSQL can hold."""
    if isinstance(value, Text):
        if not replace:
            raise RefusedError(f"is {kinds.NOT_UTF8}")
        value = value.decode("utf-8", "replace")
    said = value if isinstance(value, str) else _refuse(value, "a text")
    if "\0" in said and not replace:
        raise RefusedError(f"is {kinds.NUL}")
    return said.replace("\0", "\ufffd")


def _bytes(_column: ColumnPlan) -> Cell:
    def make(value: Any) -> bytes:
        if isinstance(value, str):
            value = value.encode()
        return _field(value) if isinstance(value, bytes) else _refuse(value, "a blob")

    return make


def _boolean(_column: ColumnPlan) -> Cell:
    @lru_cache(maxsize=64, typed=True)
    def make(value: Any) -> bytes:
        said = value.lower() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
        if said not in ("0", "1") and said not in kinds.TRUE_WORDS | kinds.FALSE_WORDS:
            return _refuse(value, "a boolean")
        return b"\0\0\0\1\1" if said == "1" or said in kinds.TRUE_WORDS else b"\0\0\0\1\0"

    return make


def _date(_column: ColumnPlan) -> Cell:
    @lru_cache(maxsize=4096)
    def make(value: Any) -> bytes:
        if _kind(value) != kinds.DATE:
            return _refuse(value, "a day as YYYY-MM-DD")
        return _day(4, datetime.date.fromisoformat(value).toordinal() - _FIRST_DAY)

    return make


def _time(_column: ColumnPlan) -> Cell:
    @lru_cache(maxsize=4096)
    def make(value: Any) -> bytes:
        if _kind(value) != kinds.TIME:
            return _refuse(value, "a time of day as HH:MM:SS")
        return _moment(8, _since(kinds.moment(f"2000-01-01T{value}")))

    return make


def _iso(column: ColumnPlan) -> Cell:
    zoned = column.type == "timestamp with time zone"
    allowed = (kinds.DATE, kinds.MOMENT, kinds.MOMENT_ZONE) if zoned else (kinds.DATE, kinds.MOMENT)
    known = proved(column, *allowed)
    read = datetime.datetime.fromisoformat

    def make(value: Any) -> bytes:
        if not known and _kind(value) not in allowed:
            return _refuse(value, "a moment in ISO 8601" if zoned else "a moment in ISO 8601 without a zone")
        try:
            return _moment(8, _since(read(value)))
        except ValueError:  # a fraction or a Z that older Pythons do not read
            return _moment(8, _since(kinds.moment(value)))
        except TypeError:
            return _refuse(value, "a moment in ISO 8601")

    return make


def _since(moment: datetime.datetime) -> int:
    """Microseconds since 2000."""
    offset = moment.utcoffset()
    if offset is not None:
        moment = moment.replace(tzinfo=None)
    gone = moment - _EPOCH
    microseconds = (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds
    return microseconds if offset is None else microseconds - offset // datetime.timedelta(microseconds=1)


def _epoch(column: ColumnPlan) -> Cell:
    unit = _UNITS[column.conversion]

    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)):
            return _refuse(value, "a number")
        exact = value * unit if isinstance(value, int) else _rounded(value, unit)
        return _in_range(exact - _UNIX, column)

    return make


def _rounded(value: float, unit: int) -> int:
    """The nearest microsecond to what the double says exactly."""
    if value in (float("inf"), float("-inf")):
        raise RefusedError("is infinite")
    above, below = value.as_integer_ratio()
    whole, rest = divmod(above * unit, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2))


def _julian(column: ColumnPlan) -> Cell:
    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)) or abs(value) > 1e9:
            return _refuse(value, "a Julian day")
        return _in_range((int(value * 86_400_000.0 + 0.5) - _JULIAN) * 1000, column)

    return make


def _in_range(microseconds: int, column: ColumnPlan) -> bytes:
    if not _LEAST <= microseconds < _MOST:
        raise RefusedError(f"is out of range for {column.type}")
    return _moment(8, microseconds)


def _json(column: ColumnPlan) -> Cell:
    known, binary = proved(column, kinds.JSON), column.type == "jsonb"

    def make(value: Any) -> bytes:
        said = _said(value, column.replace)
        if not known and not _is_json(said):
            return _refuse(value, "JSON")
        return _field(b"\1" + said.encode() if binary else said.encode())

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
        return _refuse(value, "a UUID")

    return make


def _field(data: bytes) -> bytes:
    return _length(len(data)) + data


def _kind(value: Any) -> str:
    return kinds.kind_of(value.encode("utf-8", "replace")) if isinstance(value, str) else ""


def _refuse(value: Any, wanted: str) -> NoReturn:
    named = {int: "an integer", float: "a real number", str: "a text", Text: "a text", bytes: "a blob"}[type(value)]
    raise RefusedError(f"is {named} that is not {wanted}" if named.split()[-1] not in wanted else f"is not {wanted}")


_MAKERS: dict[str, Callable[[ColumnPlan], Cell]] = {
    conversions.INTEGER: _integer, conversions.FLOAT: _float, conversions.NUMERIC: _numeric, conversions.TEXT: _text, conversions.ANY_TEXT: _text,
    conversions.BYTES: _bytes, conversions.BOOLEAN: _boolean, conversions.DATE: _date, conversions.TIME: _time, conversions.MOMENT: _iso,
    conversions.SECONDS: _epoch, conversions.MILLISECONDS: _epoch, conversions.MICROSECONDS: _epoch, conversions.JULIAN: _julian,
    conversions.JSON_TEXT: _json, conversions.UUID: _uuid,
}  # fmt: skip
