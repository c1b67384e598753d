# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Days, times of day and moments of SQLite, which are texts or numbers, as fields of binary COPY."""

from __future__ import annotations

import datetime
import struct
from functools import lru_cache
from typing import Any

from . import conversions, fits, kinds
from .fields import Cell, RefusedError, kind_of, proved, refuse
from .planned import ColumnPlan

_UNITS = {conversions.SECONDS: 1_000_000, conversions.MILLISECONDS: 1000, conversions.MICROSECONDS: 1}
"""Microseconds of one."""
_EPOCH = datetime.datetime(2000, 1, 1)
_FIRST_DAY = _EPOCH.toordinal()
_UNIX, _JULIAN = 946_684_800_000_000, 211_813_444_800_000  # microseconds from 1970 to 2000; milliseconds from the Julian day 0 to 2000
_LEAST, _MOST = -211_813_488_000_000_000, 9_223_371_331_200_000_000
_moment, _day = struct.Struct(">iq").pack, struct.Struct(">ii").pack


def date(_column: ColumnPlan) -> Cell:
    """Days, as ISO texts."""

    @lru_cache(maxsize=4096)
    def make(value: Any) -> bytes:
        if kind_of(value) != kinds.DATE:
            return refuse(value, "a day as YYYY-MM-DD")
        return _day(4, datetime.date.fromisoformat(value).toordinal() - _FIRST_DAY)

    return make


def time(_column: ColumnPlan) -> Cell:
    """Times of day, as ISO texts."""

    @lru_cache(maxsize=4096)
    def make(value: Any) -> bytes:
        if kind_of(value) != kinds.TIME:
            return refuse(value, "a time of day as HH:MM:SS")
        return _moment(8, _since(kinds.moment(f"2000-01-01T{value}")))

    return make


def iso(column: ColumnPlan) -> Cell:
    """Moments, as ISO texts."""
    zoned = column.type == "timestamp with time zone"
    allowed = (kinds.DATE, kinds.MOMENT, *((kinds.MOMENT_ZONE,) if zoned else ()))
    wanted = f"a moment in ISO 8601{'' if zoned else ' without a zone'}"
    if zoned and column.by_values:
        allowed, wanted = (kinds.MOMENT_ZONE,), "a moment with a zone, as all others of its column have one"
    known = proved(column, *allowed)
    read = datetime.datetime.fromisoformat

    def make(value: Any) -> bytes:
        if not known and kind_of(value) not in allowed:
            return refuse(value, wanted)
        try:
            return _moment(8, _since(read(value)))
        except ValueError:  # a fraction or a Z that older Pythons do not read
            return _moment(8, _since(kinds.moment(value)))
        except TypeError:
            return refuse(value, "a moment in ISO 8601")

    return make


def _since(moment: datetime.datetime) -> int:
    """Microseconds since 2000."""
    offset = moment.utcoffset()
    if offset is not None:
        moment = moment.replace(tzinfo=None)
    gone = moment - _EPOCH
    microseconds = (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds
    return microseconds if offset is None else microseconds - offset // datetime.timedelta(microseconds=1)


def epoch(column: ColumnPlan) -> Cell:
    """Moments, as numbers since 1970."""
    unit = _UNITS[column.conversion]

    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)):
            return refuse(value, "a number")
        _counted(value, column)
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


def julian(column: ColumnPlan) -> Cell:
    """Moments, as Julian days."""

    def make(value: Any) -> bytes:
        if not isinstance(value, (int, float)) or abs(value) > 1e9:
            return refuse(value, "a Julian day")
        _counted(value, column)
        return _in_range((int(value * 86_400_000.0 + 0.5) - _JULIAN) * 1000, column)

    return make


def _counted(value: float, column: ColumnPlan) -> None:
    if column.by_values and not fits.counts(column.conversion, value):
        raise RefusedError(f"is no moment between 1971 and 2100 in {column.conversion}, as all others of its column are")


def _in_range(microseconds: int, column: ColumnPlan) -> bytes:
    if not _LEAST <= microseconds < _MOST:
        raise RefusedError(f"is out of range for {column.type}")
    return _moment(8, microseconds)
