# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as PostgreSQL's binary COPY takes them.

A block of rows is packed column by column, which is quick, and refuses what is not of the column's type. A block that is refused is packed again
cell by cell, which is slow, and names the cell. Fields of a fixed size that are never NULL go first: of each row, all of them are packed in one call.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Callable

from ..retention.rows import Text
from . import conversions, kinds
from .cells import cell, limit
from .fields import NULL, Cell, RefusedError, proved
from .fixed import OTHER, Fixed, fixed
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
    """Of one table. A row has the values of ``table.loaded`` in their order; what it has behind them is not sent.

    order: the places of these columns, as their fields are sent; columns: themselves.
    """

    def __init__(self, table: TablePlan) -> None:
        self._loaded = table.loaded
        self._cells = [cell(column) for column in self._loaded]
        packed = {place: form for place, column in enumerate(self._loaded) if (form := fixed(column))}
        self.order = sorted(range(len(self._loaded)), key=lambda place: place not in packed or bool(self._loaded[place].values.nulls))
        self.columns = [self._loaded[place] for place in self.order]
        self._start = struct.pack(">h", len(self._loaded))
        self._steps = _steps(self._loaded, self._cells, self.order, packed)
        self._filled = any(column.instead is not None for column in self._loaded)

    def encode(self, rows: Sequence[Row]) -> Encoded:
        """A block of rows; those that do not fit are left out and told."""
        if not rows:
            return Encoded((), ())
        if self._filled:
            rows = [tuple(map(_filled, self._loaded, row)) for row in rows]
        try:
            columns = list(zip(*rows))
            pieces = chain.from_iterable(zip(*(stream for step in self._steps for stream in step(columns))))
            return Encoded(tuple(pieces) if len(rows) < _FEW else (b"".join(pieces),), rows)
        except OTHER:
            return self._slowly(rows)

    def _slowly(self, rows: Sequence[Row]) -> Encoded:
        pieces: list[bytes] = []
        accepted: list[Row] = []
        refused: list[Refusal] = []
        for place, row in enumerate(rows):
            fields: list[bytes] = []
            for column, make, value in zip(self._loaded, self._cells, row):
                try:
                    fields.append(make(value))
                except RefusedError as error:
                    refused.append(Refusal(place, column, value, str(error)))
                    break
            else:
                pieces += (self._start, *(fields[one] for one in self.order))
                accepted.append(row)
        return Encoded(pieces, accepted, refused)


def _filled(column: ColumnPlan, value: Any) -> Any:
    return column.instead if value is None or (column.empty_is_null and value == "" and column.instead is not None) else value


_Step = Callable[[_Columns], Iterable[Iterable[bytes]]]
"""Makes from a block's columns the next bytes of each row: one stream of them or two."""


def _steps(columns: Sequence[ColumnPlan], cells: Sequence[Cell], order: Sequence[int], packed: Mapping[int, Fixed]) -> list[_Step]:
    """Fields of a fixed size, and the lengths of texts, are packed together; a step ends with a text, or before a value that is packed alone."""
    steps: list[_Step] = []
    run = _Run("h", [repeat(len(columns))])
    for place in order:
        column, form = columns[place], packed.get(place)
        if form and not column.values.nulls:
            run.add(place, form)
        elif _is_plain(column):
            steps.append(_then_text(run, place, column))
            run = _Run()
        else:
            if run.form:
                steps.append(run.step())
                run = _Run()
            steps.append(_or_null(place, form) if form and not column.not_null else _alone(place, cells[place]))
    return [*steps, run.step()] if run.form else steps


class _Run:
    """Fields of fixed sizes, one after the other."""

    def __init__(self, form: str = "", sources: Sequence[Any] = ()) -> None:
        self.form = form
        self._sources: list[Any] = list(sources)  # what is the same in each row, or what makes it of a block's columns

    def add(self, place: int, form: Fixed) -> None:
        self.form += f"i{form.letter}"
        self._sources += [repeat(form.size), (place, form.numbers)]

    def packed(self, columns: _Columns, *more: Iterable[int]) -> Iterable[bytes]:
        pack = struct.Struct(f">{self.form}{'i' * len(more)}").pack
        return map(pack, *(one[1](columns[one[0]]) if isinstance(one, tuple) else one for one in self._sources), *more)

    def step(self) -> _Step:
        return lambda columns: [self.packed(columns)]


def _is_plain(column: ColumnPlan) -> bool:
    """Whether its bytes are sent as they are."""
    if column.empty_is_null or column.replace:
        return False
    if column.conversion == conversions.JSON_TEXT:
        return column.type == "json" and proved(column, kinds.JSON)
    return column.conversion in (conversions.TEXT, conversions.BYTES)


def _then_text(run: _Run, place: int, column: ColumnPlan) -> _Step:
    read = _blobs if column.conversion == conversions.BYTES else _texts(limit(column))

    def step(columns: _Columns) -> Iterable[Iterable[bytes]]:
        values = columns[place]
        nulls = None in values
        if nulls and column.not_null:
            raise ValueError("NULL")
        encoded, lengths = read(values, nulls)
        return run.packed(columns, lengths), encoded

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


def _or_null(place: int, form: Fixed) -> _Step:
    """Of those that there are, the fields in their order."""
    pack, size = struct.Struct(f">i{form.letter}").pack, form.size

    def step(columns: _Columns) -> Iterable[Iterable[bytes]]:
        values = columns[place]
        there = [value for value in values if value is not None]
        numbers = iter(form.numbers(there) if there else ())
        return [[NULL if value is None else pack(size, next(numbers)) for value in values]]

    return step
