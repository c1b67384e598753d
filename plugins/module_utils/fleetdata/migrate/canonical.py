# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest of a table's rows, whatever their order, made of SQLite's values; ``digest_sql`` makes it of what PostgreSQL stored.

A row is taken as record_send() of PostgreSQL sends it: the number of columns, and for each its type's number, its length (-1 for NULL) and its
bytes. Integers, doubles, times and UUIDs are sent as they are stored, so that no setting of a session has a say, and lengths keep cells apart
from each other. Columns of a fixed size go first, which is quicker, and means the same on both sides. Of SHA-256 of that the first 64 bits are
one signed number, and a table's digest is its count of rows with the sum of their numbers. Any difference in a row, or a row that is missing, doubled
or has a cell of another, changes the sum, but for one chance in 2**64: the sum is not reduced, and with the count no row can stand for none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import repeat
from struct import Struct, calcsize, error, pack
from typing import Any, Callable

from ..retention.rows import Text
from .canonical_values import UNFIT, same, way_of
from .planned import ColumnPlan, TablePlan

_FEW = 4
"""Blocks of so few rows may have very long ones, which are then not put together in memory."""
_SLICE = 1 << 20
_KNOWN_LENGTHS = 512
_SUM = Struct(">q24x")
_NONE = type(None)


@dataclass(frozen=True)
class Form:
    """How PostgreSQL sends a column. sql: around its name. number: of the type. code: for ``struct``, empty where lengths vary."""

    sql: str
    number: int
    code: str = ""


_TEXT = Form("{}::text", 25)
_INTEGER = Form("{}::bigint", 20, "q")
_DOUBLE = Form("{}::double precision", 701, "d")
_FORMS = {
    "smallint": _INTEGER,
    "integer": _INTEGER,
    "bigint": _INTEGER,
    "real": _DOUBLE,
    "double precision": _DOUBLE,
    "boolean": Form("{}::boolean", 16, "B"),
    "date": Form("{}::date", 1082, "i"),
    "time without time zone": Form("{}::time without time zone", 1083, "q"),
    "timestamp without time zone": Form("{}::timestamp without time zone", 1114, "q"),
    "timestamp with time zone": Form("{}::timestamp with time zone", 1184, "q"),
    "uuid": Form("{}::uuid", 2950, "16s"),
    "bytea": Form("{}::bytea", 17),
    "numeric": Form("trim_scale({})::text", 25),
}


def form_of(type_name: str) -> Form:
    """The form of a type, as format_type() names it; what is not known here (text in all its kinds, enums, json) is sent as text."""
    return _FORMS.get(re.sub(r"\([\d,]*\)", "", type_name), _TEXT)


def compared(table: TablePlan) -> tuple[ColumnPlan, ...]:
    """The columns whose values are compared, in the order of a row: those that are loaded, and behind them those that the server makes."""
    return (*table.loaded, *(column for column in table.columns if column.generated))


def in_order(columns: Sequence[ColumnPlan]) -> list[int]:
    """The places of columns, those of a fixed size first."""
    return sorted(range(len(columns)), key=lambda place: not form_of(columns[place].type).code)


class RowDigest:
    """The digest of rows. columns: what a row has, in its order; without them those of ``compared(table)``.

    count, sum: so far. unfit: rows that have a value which is none of its column's type in PostgreSQL, and are in neither.
    """

    def __init__(self, table: TablePlan, columns: Sequence[ColumnPlan] = ()) -> None:
        chosen = columns or compared(table)
        places = in_order(chosen)
        self._instead = {place: column for place, column in enumerate(chosen) if column.instead is not None}
        self._fields = [_Field(chosen[place], place, len(chosen) if place == places[0] else 0) for place in places]
        self.count = self.sum = self.unfit = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Some more rows."""
        numbers = [number for number in self.numbers(rows) if number is not None]
        self.count += len(numbers)
        self.sum += sum(numbers)
        self.unfit += len(rows) - len(numbers)

    def numbers(self, rows: Sequence[Sequence[Any]]) -> list[int | None]:
        """The number of each row, None for one that does not fit."""
        if self._instead:
            rows = [self._whole(row) for row in rows]
        if len(rows) > _FEW:
            try:
                digests = [sha256(row).digest() for row in self._sent(rows)]
            except (*UNFIT, error):
                pass
            else:
                return [number for (number,) in _SUM.iter_unpack(b"".join(digests))]
        return [self._number(row) for row in rows]

    def _whole(self, row: Sequence[Any]) -> list[Any]:
        """Without NULL where PostgreSQL has a value for it."""
        cells = list(row)
        for place, column in self._instead.items():
            if cells[place] is None or (column.empty_is_null and _is_empty(cells[place])):
                cells[place] = column.instead
        return cells

    def _sent(self, rows: Sequence[Sequence[Any]]) -> Iterator[bytes]:
        """Rows in their form, made column by column: fixed sizes without NULL in these rows are packed at once."""
        columns = list(zip(*rows))
        parts: list[Iterable[bytes]] = []
        codes, run = ">", []  # of fields that are packed together
        for field in self._fields:
            values = columns[field.place]
            convert, nulls = field.conversion(values)
            if field.code and not nulls:
                codes += f"{len(field.head)}s{field.code}"
                run += [repeat(field.head), values if convert is same else map(convert, values)]
                continue
            if run:
                parts.append(map(Struct(codes).pack, *run))
                codes, run = ">", []
            parts.append(field.pieces(values, convert, nulls))
        if run:
            parts.append(map(Struct(codes).pack, *run))
        return map(b"".join, zip(*parts))

    def _number(self, row: Sequence[Any]) -> int | None:
        digest = sha256()
        try:
            for field in self._fields:
                for piece in field.sliced(row[field.place]):
                    digest.update(piece)
        except (*UNFIT, error):
            return None
        return int(_SUM.unpack(digest.digest())[0])


class _Field:
    """A column of a row. first: the number of columns, before the first of them, else 0. head: what stands before a value of a fixed size."""

    def __init__(self, column: ColumnPlan, place: int, first: int) -> None:
        form = form_of(column.type)
        start = pack(">ii", first, form.number) if first else pack(">i", form.number)
        self.place, self.code = place, form.code
        self.head = start + pack(">i", calcsize(f">{form.code}"))
        self._null = start + pack(">i", -1)
        self._heads = _Heads(start)
        self._pack = Struct(f">{form.code}").pack
        self._way = way_of(column.conversion, column.type, replace=column.replace)
        self._empty_is_null = column.empty_is_null

    def conversion(self, values: Sequence[Any]) -> tuple[Callable[[Any], Any], bool]:
        """What makes of values what is sent, and whether there may be NULLs among them."""
        kinds = set(map(type, values))
        nulls = _NONE in kinds or self._empty_is_null
        kinds.discard(_NONE)
        return self._way.quick.get(kinds.pop(), self._way.value) if len(kinds) == 1 else self._way.value, nulls

    def pieces(self, values: Sequence[Any], convert: Callable[[Any], Any], nulls: bool) -> list[bytes]:
        """Values with what stands before each."""
        heads, null = self._heads, self._null
        if self._empty_is_null:
            values = [None if _is_empty(value) else value for value in values]
        if self.code:
            head, packed = self.head, self._pack
            return [null if value is None else head + packed(convert(value)) for value in values]
        if nulls:
            return [null if value is None else heads[len(sent := convert(value))] + sent for value in values]
        return [heads[len(sent)] + sent for sent in map(convert, values)]

    def sliced(self, value: Any) -> Iterator[bytes]:
        """A value and what stands before it; a long text never at once."""
        if value is None or (self._empty_is_null and _is_empty(value)):
            yield self._null
            return
        convert = self._way.quick.get(type(value), self._way.value)
        if type(value) is str and convert is str.encode and len(value) > _SLICE:
            starts = range(0, len(value), _SLICE)
            yield self._heads[sum(len(value[start : start + _SLICE].encode()) for start in starts)]
            for start in starts:
                yield value[start : start + _SLICE].encode()
            return
        sent = convert(value)
        yield self.head if self.code else self._heads[len(sent)]
        yield self._pack(sent) if self.code else sent


class _Heads(dict[int, bytes]):
    """What stands before a value, by its length."""

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self._start = start

    def __missing__(self, length: int) -> bytes:
        head = self._start + pack(">i", length)
        if length < _KNOWN_LENGTHS:
            self[length] = head
        return head


def _is_empty(value: Any) -> bool:
    return isinstance(value, (str, Text)) and not value
