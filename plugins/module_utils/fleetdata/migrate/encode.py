# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as PostgreSQL's binary COPY takes them.

A block of rows is packed column by column, which is quick, and refuses what is not of the column's type. A block that is refused is packed again
cell by cell, which is slow, and names the cell.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Callable

from ..retention.rows import Text
from . import conversions, kinds
from .cells import INTEGERS, NULL, Cell, RefusedError, cell, limit, proved
from .planned import ColumnPlan, TablePlan

HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""What stands before and after the rows of one COPY."""
Row = tuple[Any, ...]
_FEW = 64
"""Less rows than these may be long ones, which are not copied once more."""
_Columns = Sequence[Sequence[Any]]
_Lengths = Iterable[int]


@dataclass(frozen=True)
class Refusal:
    """A row that does not fit. place: in its block. column: whose value it is. rule: what the value is, as "is …"."""

    place: int
    column: ColumnPlan
    value: Any
    rule: str


@dataclass(frozen=True)
class Encoded:
    """pieces: of the data, one after the other. rows: those that are in it."""

    pieces: Sequence[bytes]
    rows: Sequence[Row]
    refused: Sequence[Refusal] = ()


class Encoder:
    """Of one table. A row has the values of ``table.loaded`` in their order; what it has behind them is not sent."""

    def __init__(self, table: TablePlan) -> None:
        self._columns = table.loaded
        self._cells = [cell(column) for column in self._columns]
        self._start = struct.pack(">h", len(self._columns))
        self._steps = _steps(self._columns, self._cells)

    def encode(self, rows: Sequence[Row]) -> Encoded:
        """A block of rows; those that do not fit are left out and told."""
        if not rows:
            return Encoded((), ())
        try:
            columns = list(zip(*rows))
            pieces = chain.from_iterable(zip(*(stream for step in self._steps for stream in step(columns))))
            return Encoded(tuple(pieces) if len(rows) < _FEW else (b"".join(pieces),), rows)
        except (struct.error, TypeError, ValueError, OverflowError):
            return self._slowly(rows)

    def _slowly(self, rows: Sequence[Row]) -> Encoded:
        pieces: list[bytes] = []
        accepted: list[Row] = []
        refused: list[Refusal] = []
        for place, row in enumerate(rows):
            fields = [self._start]
            for column, make, value in zip(self._columns, self._cells, row):
                try:
                    fields.append(make(value))
                except RefusedError as error:
                    refused.append(Refusal(place, column, value, str(error)))
                    break
            else:
                pieces += fields
                accepted.append(row)
        return Encoded(pieces, accepted, refused)


_Step = Callable[[_Columns], Iterable[Iterable[bytes]]]
"""Makes from a block's columns the next bytes of each row: one stream of them or two."""


def _steps(columns: Sequence[ColumnPlan], cells: Sequence[Cell]) -> list[_Step]:
    """Numbers that are never NULL, and the lengths of texts, are packed together; a step ends with a text, or before a value that is packed alone."""
    steps: list[_Step] = []
    fixed = _Fixed("h", [repeat(len(columns))])
    for place, (column, make) in enumerate(zip(columns, cells)):
        letter = _letter(column)
        if letter:
            fixed.add(letter, place)
        elif _is_plain(column):
            steps.append(_then_text(fixed, place, column))
            fixed = _Fixed()
        else:
            if fixed.form:
                steps.append(fixed.step())
                fixed = _Fixed()
            steps.append(_alone(place, _quick(column) or make))
    return [*steps, fixed.step()] if fixed.form else steps


class _Fixed:
    """Values of fixed sizes, one after the other."""

    def __init__(self, form: str = "", sources: Sequence[Any] = ()) -> None:
        self.form = form
        self._reals: list[int] = []
        self._sources: list[Any] = list(sources)  # what is the same in each row, or the place of a column

    def add(self, letter: str, place: int) -> None:
        self.form += f"i{letter}"
        self._reals += [place] if letter == "d" else []
        self._sources += [repeat(struct.calcsize(f">{letter}")), place]

    def packed(self, columns: _Columns, *more: Iterable[int]) -> Iterable[bytes]:
        if any(set(map(type, columns[place])) != {float} for place in self._reals):
            raise TypeError("not a real")  # of an integer, struct would take the nearest double
        pack = struct.Struct(f">{self.form}{'i' * len(more)}").pack
        return map(pack, *(columns[source] if isinstance(source, int) else source for source in self._sources), *more)

    def step(self) -> _Step:
        return lambda columns: [self.packed(columns)]


def _letter(column: ColumnPlan) -> str:
    """That of ``struct``, for numbers of which it takes the right ones only; empty otherwise."""
    if column.values.nulls or column.empty_is_null:
        return ""
    if column.conversion == conversions.INTEGER:
        return INTEGERS[column.type][0]
    return "d" if _is_real(column) else ""


def _is_real(column: ColumnPlan) -> bool:
    return column.conversion == conversions.FLOAT and column.type != "real" and set(column.values.types) == {"real"}


def _is_plain(column: ColumnPlan) -> bool:
    """Whether its bytes are sent as they are."""
    if column.empty_is_null or column.replace:
        return False
    if column.conversion == conversions.JSON_TEXT:
        return column.type == "json" and proved(column, kinds.JSON)
    return column.conversion in (conversions.TEXT, conversions.BYTES)


def _then_text(fixed: _Fixed, place: int, column: ColumnPlan) -> _Step:
    read = _blobs if column.conversion == conversions.BYTES else _texts(limit(column))

    def step(columns: _Columns) -> Iterable[Iterable[bytes]]:
        values = columns[place]
        nulls = None in values
        if nulls and column.not_null:
            raise ValueError("NULL")
        encoded, lengths = read(values, nulls)
        return fixed.packed(columns, lengths), encoded

    return step


def _texts(most: int) -> Callable[[Sequence[Any], bool], tuple[Sequence[bytes], _Lengths]]:
    def read(values: Sequence[Any], nulls: bool) -> tuple[Sequence[bytes], _Lengths]:
        if most and max(map(len, filter(None, values)), default=0) > most:
            raise ValueError("too long")
        encoded = [b"" if value is None else str.encode(value) for value in values] if nulls else list(map(str.encode, values))
        if b"\0" in b"".join(encoded) if len(encoded) >= _FEW else any(b"\0" in data for data in encoded):
            raise ValueError("NUL")
        return encoded, _lengths(values, encoded, nulls)

    return read


def _blobs(values: Sequence[Any], nulls: bool) -> tuple[Sequence[bytes], _Lengths]:
    encoded = [b"" if value is None else value for value in values] if nulls else values
    if not set(map(type, encoded)) <= {bytes, Text}:
        raise TypeError("not a blob")
    return encoded, _lengths(values, encoded, nulls)


def _lengths(values: Sequence[Any], encoded: Sequence[bytes], nulls: bool) -> _Lengths:
    return [-1 if value is None else len(data) for value, data in zip(values, encoded)] if nulls else map(len, encoded)


def _alone(place: int, make: Cell) -> _Step:
    return lambda columns: [[make(value) for value in columns[place]]]


def _quick(column: ColumnPlan) -> Cell | None:
    """For numbers, what packs one of the right type and no other."""
    if column.not_null or column.empty_is_null:
        return None
    if column.conversion == conversions.INTEGER:
        letter, size = INTEGERS[column.type]
        pack = struct.Struct(f">i{letter}").pack
        return lambda value: NULL if value is None else pack(size, value)
    return _real if _is_real(column) else None


def _real(value: Any) -> bytes:
    if value is None:
        return NULL
    if value.__class__ is not float:
        raise TypeError("not a real")
    return _DOUBLE(8, value)


_DOUBLE = struct.Struct(">id").pack
