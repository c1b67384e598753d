# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the text of a cell or of a file's name to an ISO day."""

from __future__ import annotations

import datetime
import os
import re
from typing import Callable

from .errors import ConfigurationError, ContentError
from .model import EPOCH_MILLISECONDS, EPOCH_SECONDS, ISO

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Years that a report may be of; others are mistakes, such as milliseconds read as seconds."""

_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?)?", re.ASCII)
_EPOCH = re.compile(r"(\d{1,18})(?:\.\d*)?", re.ASCII)
_YEAR = re.compile("%[YyG]")
_UNIX_EPOCH = datetime.date(1970, 1, 1).toordinal()
_CACHE = 1 << 16
_TRIALS = (datetime.date(1999, 12, 31), datetime.date(2026, 2, 1), datetime.date(2031, 11, 23))


class DayReader:
    """Reads the cells of a day column. Each distinct cell is read once, as long as there are not too many of them."""

    def __init__(self, *, day_format: str) -> None:
        """Raise ConfigurationError when ``day_format`` does not tell one day from another."""
        self._read, self._expected = _reader(day_format)
        self._known: dict[bytes, str] = {}

    def iso(self, cell: bytes) -> str:
        """The day that ``cell`` (UTF-8, without quotes around it) says. ValueError, with a sentence's end for a person, when it says none."""
        day = self._known.get(cell)
        if day is None:
            if len(self._known) >= _CACHE:
                self._known.clear()
            day = self._known[cell] = self._convert(cell.decode("utf-8"))
        return day

    def _convert(self, text: str) -> str:
        try:
            day = self._read(text)
        except (ValueError, OverflowError):
            raise ValueError(f"{brief(text)} is no day; expected is {self._expected}") from None
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValueError(f"{brief(text)} is a day of {day.year}; expected is {self._expected}, from {FIRST_YEAR} to {LAST_YEAR}")
        return day.isoformat()


def brief(text: str) -> str:
    """``text`` quoted for a message, 60 characters of it at most."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


def day_in_name(*, name: str, pattern: str) -> str:
    """The ISO day in a file's name. pattern: as ReportType.file_day. ContentError when there is none or more than one."""
    found = compile_file_day(pattern).finditer(os.path.basename(name))
    days = sorted({day for day in map(_day_of_match, found) if day})
    if len(days) != 1:
        what = f"the days {', '.join(days)}" if days else "no day"
        raise ContentError(f"{name}: its name has {what}, expected is one like {pattern}. Rename the file so that its name says its day.")
    return days[0]


def compile_file_day(pattern: str) -> re.Pattern[str]:
    """The expression of ReportType.file_day. ConfigurationError when it is none or has not the groups year, month and day."""
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ConfigurationError(f"file_day {pattern!r} is no regular expression: {error}.") from None
    missing = sorted({"year", "month", "day"} - set(compiled.groupindex))
    if missing:
        raise ConfigurationError(f"file_day {pattern!r} has no group {missing[0]!r}; write (?P<{missing[0]}>…).")
    return compiled


def _day_of_match(match: re.Match[str]) -> str | None:
    try:
        day = datetime.date(int(match["year"]), int(match["month"]), int(match["day"]))
    except (TypeError, ValueError):
        return None
    return day.isoformat() if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _reader(day_format: str) -> tuple[Callable[[str], datetime.date], str]:
    if day_format == ISO:
        return _from_iso, "a day such as 2026-01-31, with or without a time behind it"
    if day_format == EPOCH_SECONDS:
        return (lambda text: _from_epoch(text, 1)), "seconds since 1970"
    if day_format == EPOCH_MILLISECONDS:
        return (lambda text: _from_epoch(text, 1000)), "milliseconds since 1970"
    _check_pattern(day_format)
    return (lambda text: datetime.datetime.strptime(text, day_format).date()), f"a day like {_TRIALS[1].strftime(day_format)} ({day_format})"


def _from_iso(text: str) -> datetime.date:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime.date.fromisoformat(match[1])


def _from_epoch(text: str, per_second: int) -> datetime.date:
    match = _EPOCH.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime.date.fromordinal(_UNIX_EPOCH + int(match[1]) // (86400 * per_second))


def _check_pattern(pattern: str) -> None:
    """A pattern is good when it has a year, and days written with it are the same days when read with it."""
    for day in _TRIALS:
        moment = datetime.datetime(day.year, day.month, day.day, 13, 45, tzinfo=datetime.timezone.utc)
        try:
            same = _YEAR.search(pattern) is not None and datetime.datetime.strptime(moment.strftime(pattern), pattern).date() == day
        except (ValueError, re.error):
            same = False
        if not same:
            known = f"{ISO}, {EPOCH_SECONDS}, {EPOCH_MILLISECONDS}"
            raise ConfigurationError(
                f"day_format {pattern!r} does not say which day it is; use {known} or a pattern with year, month and day such as %m/%d/%Y."
            )
