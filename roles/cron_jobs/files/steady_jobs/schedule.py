# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a job is due: five cron fields, all in UTC, as the daemons of Debian and cronie read them. Pure arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NAMES = {**{name: number for number, name in enumerate(_MONTHS, 1)}, **{name: number for number, name in enumerate(_DAYS)}}
_BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
_HORIZON_DAYS = 50 * 366  # 29 February on a given weekday may take 40 years
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Schedule:
    """A parsed expression; moments are aware and in UTC."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    both_days: bool

    def next(self, after: datetime) -> datetime | None:
        """The first due time later than ``after``; None if there is none within 50 years."""
        return next((found for found in self._days(after, _DAY) if found > after), None)

    def last(self, at: datetime) -> datetime | None:
        """The latest due time that is not later than ``at``; None if there was none within 50 years."""
        return next((found for found in self._days(at, -_DAY) if found <= at), None)

    def _days(self, start: datetime, step: timedelta) -> Iterator[datetime]:
        """Every due time of ``start``'s day and of those beyond it, in the direction of ``step``."""
        day = start.replace(hour=0, minute=0, second=0, microsecond=0)
        order = 1 if step > timedelta(0) else -1
        for _ in range(_HORIZON_DAYS):
            if self._fits(day):
                yield from (day.replace(hour=hour, minute=minute) for hour in self.hours[::order] for minute in self.minutes[::order])
            try:
                day += step
            except OverflowError:
                return

    def _fits(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # Cron's rule: days of month and week that are both restricted are alternatives.
        return (of_month and of_week) if self.both_days else (of_month or of_week)


@functools.cache
def parse(expression: str) -> Schedule:
    """Read five fields. Raises ValueError for what is not a cron expression; the controller has judged it before."""
    fields = expression.lower().split()
    if len(fields) != len(_BOUNDS):
        raise ValueError(f"'{expression}' does not have five fields")
    minutes, hours, days, months, weekdays = (_values(field, *bounds) for field, bounds in zip(fields, _BOUNDS))
    return Schedule(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        both_days=fields[2].startswith("*") or fields[4].startswith("*"),
    )


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        values = range(_number(first), _number(last or first) + 1, int(step or 1))
        if not values or values[0] < low or values[-1] > high:
            raise ValueError(f"'{field}' is no field of a cron expression")
        found.update(values)
    return found


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)


def moment(text: str) -> datetime:
    """Read what ``stamp`` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def stamp(at: datetime) -> str:
    """Write a moment to the second. Such texts sort as the moments do."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
