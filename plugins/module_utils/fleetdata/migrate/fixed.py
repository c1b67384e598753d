# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns whose fields all have one size: a block of their values at once, as numbers for ``struct``. What is not surely right is not taken at all.

Whatever raises one of ``OTHER`` is packed again cell by cell, which takes it or names its rule.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from . import conversions, kinds
from .planned import ColumnPlan

OTHER = (struct.error, TypeError, ValueError, OverflowError)
INTEGERS = {"smallint": ("h", 2), "integer": ("i", 4), "bigint": ("q", 8)}
"""By type: its letter of ``struct``, and its bytes."""
_EPOCH = datetime.datetime(2000, 1, 1)
_MOMENTS = ("timestamp without time zone", "timestamp with time zone")
_FIRST, _KNOWN = "2000-01-01", 1 << 12
_DAY = 86_400_000_000
"""Microseconds."""
Numbers = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Fixed:
    """letter: of ``struct``. numbers: those of values, none of which may be NULL."""

    letter: str
    numbers: Numbers

    @property
    def size(self) -> int:
        """Bytes of a field."""
        return struct.calcsize(f">{self.letter}")


def fixed(column: ColumnPlan) -> Fixed | None:
    """How a column's values are packed, None where their size varies or they are seldom."""
    if column.empty_is_null or column.replace:
        return None
    if column.conversion == conversions.INTEGER:
        return Fixed(INTEGERS[column.type][0], _same)
    if column.conversion == conversions.FLOAT and column.type != "real":
        return Fixed("d", _reals)
    if column.conversion == conversions.DATE:
        return Fixed("i", _days())
    if column.conversion == conversions.MOMENT and column.type in _MOMENTS:
        return Fixed("q", _moments(zoned=column.type == _MOMENTS[1], naive=not column.by_values))
    return Fixed("B", _booleans) if column.conversion == conversions.BOOLEAN else None


def _same(values: Sequence[Any]) -> Sequence[Any]:
    return values  # struct takes nothing but integers for one


def _reals(values: Sequence[Any]) -> Sequence[Any]:
    if set(map(type, values)) != {float}:
        raise TypeError("not a real")  # of an integer, struct would take the nearest double
    return values


def _booleans(values: Sequence[Any]) -> Sequence[Any]:
    if set(map(type, values)) != {int} or not set(values) <= {0, 1}:
        raise ValueError("not 0 or 1")
    return values


def _days() -> Numbers:
    known = _Known(lambda said: _days_since(_of_kind(said, said, kinds.DATE)))
    return lambda values: [known[value] for value in values]


def _moments(*, zoned: bool, naive: bool) -> Numbers:
    """Day, minute, and what stands behind it are each looked at once: of all there are few, and their sum is what they say together."""
    rests = (*((kinds.MOMENT,) if naive or not zoned else ()), *((kinds.MOMENT_ZONE,) if zoned else ()))
    days = _Known(lambda day: _days_since(_of_kind(day, day, kinds.DATE)) * _DAY)
    minutes = _Known(lambda minute: _since(_of_kind(f"{_FIRST}{minute}", minute, kinds.DATE, kinds.MOMENT)))
    behind = _Known(lambda rest: _since(_of_kind(f"{_FIRST} 00:00{rest}", rest, *rests)))
    return lambda values: [days[value[:10]] + minutes[value[10:16]] + behind[value[16:]] for value in values]


def _of_kind(said: str, part: Any, *allowed: str) -> datetime.datetime:
    if not isinstance(part, str) or kinds.kind_of_words(said) not in allowed:
        raise ValueError("another kind of text")
    return kinds.moment(said)


def _days_since(moment: datetime.datetime) -> int:
    return (moment - _EPOCH).days


def _since(moment: datetime.datetime) -> int:
    """Microseconds since 2000, those of a zone taken off."""
    offset = moment.utcoffset() or datetime.timedelta()
    return (moment.replace(tzinfo=None) - _EPOCH - offset) // datetime.timedelta(microseconds=1)


class _Known(dict[Any, int]):
    """What texts mean, kept for the first of them."""

    def __init__(self, read: Callable[[Any], int]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, said: Any) -> int:
        number = self._read(said)
        if len(self) < _KNOWN:
            self[said] = number
        return number
