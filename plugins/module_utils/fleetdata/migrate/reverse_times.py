# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of dates and times: from PostgreSQL's text to the form that a column's values have in SQLite."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .planned import ColumnPlan

_EPOCH = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_DAY_MS = 86_400_000
_JULIAN_MS = 210_866_760_000_000
"""Milliseconds from the beginning of Julian days to 1970, as SQLite counts them."""
_DATE = r"(?P<date>\d{4}-\d{2}-\d{2})"
_CLOCK = r"\d{2}:\d{2}(?P<seconds>:\d{2}(?:\.(?P<fraction>\d{1,6}))?)?"
_SAID = re.compile(rf"(?:{_DATE}(?P<between>[T ]))?{_CLOCK}(?P<zone>\s?(?:Z|[+-]\d{{2}}:\d{{2}}))?|(?P<day>\d{{4}}-\d{{2}}-\d{{2}})", re.ASCII)
_SERVER = re.compile(rf"{_DATE}(?: \d{{2}}:\d{{2}}:\d{{2}}(?:\.\d{{1,6}})?(?:\+00)?)?", re.ASCII)
_SERVER_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,6})?", re.ASCII)

Back = Callable[[str], Any]


class UnlikeError(ValueError):
    """The form that a column's values have cannot hold this one; the text completes "the value …"."""


@dataclass(frozen=True)
class Form:
    """How texts say a moment. digits: how many a fraction of seconds may have, from the least. minutes, days: no text says seconds, or a time at all."""

    between: str = " "
    zone: str = ""
    digits: tuple[int, ...] = (0, 6)
    minutes: bool = False
    days: bool = False


def date(_column: ColumnPlan, _sample: Sequence[Any]) -> Back:
    """ISO."""
    return lambda text: _moment(text).date().isoformat()


def time(_column: ColumnPlan, sample: Sequence[Any]) -> Back:
    """A time of day."""
    form = _form(sample, "")

    def back(text: str) -> str:
        if not _SERVER_CLOCK.fullmatch(text):
            raise UnlikeError("is no time of a day")
        return _clock(datetime.time.fromisoformat(_six(text)), form)

    return back


def moment(column: ColumnPlan, sample: Sequence[Any]) -> Back:
    """A date and a time, at the offset that the column's texts have."""
    form = _form(sample, "+00:00" if "with time zone" in column.type else "")
    offset = _offset(form.zone)

    def back(text: str) -> str:
        at = _moment(text) + offset
        if form.days and at.time() == datetime.time():
            return at.date().isoformat()
        return f"{at.date().isoformat()}{form.between}{_clock(at.time(), form)}{form.zone}"

    return back


def epoch(unit: int) -> Callable[[ColumnPlan, Sequence[Any]], Back]:
    """Numbers since 1970. unit: of so many microseconds."""

    def made(_column: ColumnPlan, sample: Sequence[Any]) -> Back:
        reals = _reals(sample)

        def back(text: str) -> int | float:
            count = _microseconds(text)
            if count % unit == 0 and not (reals and int(float(count // unit)) == count // unit):
                return count // unit
            number = count / unit
            if round(number * unit) != count:
                raise UnlikeError("is finer than a number of this unit can tell")
            return number

        return back

    return made


def julian(_column: ColumnPlan, sample: Sequence[Any]) -> Back:
    """Days since noon of the first Julian day; SQLite tells milliseconds of them, no more."""
    reals = _reals(sample)

    def back(text: str) -> int | float:
        count = _microseconds(text)
        whole = count // 1000 + _JULIAN_MS
        if count % 1000:
            raise UnlikeError("is finer than a millisecond, which is all that a Julian day tells")
        if whole % _DAY_MS == 0 and not reals:
            return whole // _DAY_MS
        return whole / _DAY_MS

    return back


def _moment(text: str) -> datetime.datetime:
    """What the server said, in UTC."""
    if not _SERVER.fullmatch(text):
        raise UnlikeError("is outside of the years 1 to 9999")
    day, _, clock = text.partition(" ")
    return datetime.datetime.fromisoformat(f"{day}T{_six(clock[:-3] if clock.endswith('+00') else clock or '00:00:00')}")


def _microseconds(text: str) -> int:
    return (_moment(text) - _EPOCH) // _MICROSECOND


def _six(clock: str) -> str:
    """With three digits or six, or none: older Pythons read no others."""
    whole, dot, fraction = clock.partition(".")
    return f"{whole}.{fraction.ljust(6, '0')}" if dot else whole


def _clock(at: datetime.time, form: Form) -> str:
    if form.minutes and not at.second and not at.microsecond:
        return at.strftime("%H:%M")
    said = f"{at.microsecond:06}"
    needed = len(said.rstrip("0"))
    digits = next((count for count in form.digits if count >= needed), needed)
    return at.strftime("%H:%M:%S") + (f".{said[:digits]}" if digits else "")


def _form(sample: Sequence[Any], zone: str) -> Form:
    found = [match for match in (_SAID.fullmatch(value) for value in sample if isinstance(value, str)) if match]
    clocks = [match for match in found if not match["day"]]
    if not clocks:
        return Form(zone=zone, days=bool(found))
    betweens = Counter(match["between"] or " " for match in clocks)
    zones = Counter(match["zone"] or "" for match in clocks)
    return Form(
        between=betweens.most_common(1)[0][0],
        zone=zones.most_common(1)[0][0],
        digits=tuple(sorted({len(match["fraction"] or "") for match in clocks})),
        minutes=all(not match["seconds"] for match in clocks),
    )


def _offset(zone: str) -> datetime.timedelta:
    said = zone.strip()
    if said in ("", "Z"):
        return datetime.timedelta()
    hours, minutes = said[1:].split(":")
    offset = datetime.timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if said[0] == "-" else offset


def _reals(sample: Sequence[Any]) -> bool:
    return sum(isinstance(value, float) for value in sample) * 2 > len(sample)
