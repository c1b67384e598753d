# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The day of a row, as SQL says it: strictly, so that what is no day has none. Times are UTC; a time with an offset has no day of its own."""

from __future__ import annotations

import datetime

from ..days import FIRST_YEAR, LAST_YEAR
from .model import EPOCH_MILLISECONDS, EPOCH_SECONDS, ISO, JULIAN

_DAY_GLOB = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_UNIX_EPOCH = datetime.date(1970, 1, 1).toordinal()
_JULIAN_EPOCH = 1721424.5
"""The Julian day number at the beginning of the day before 0001-01-01."""
_PER_DAY = {EPOCH_SECONDS: 86400, EPOCH_MILLISECONDS: 86400000}


def expression(column: str, day_format: str) -> str:
    """The ISO day of a row, NULL when its column says none. column: quoted for SQL."""
    if day_format == ISO:
        head = f"substr({column}, 1, 10)"
        good = (
            f"typeof({column}) = 'text' AND {head} GLOB '{_DAY_GLOB}' AND date({head}, '+0 days') = {head}"
            f" AND (length({column}) = 10 OR {column} GLOB '{_DAY_GLOB}[ T][0-9]*') AND substr({column}, 11) NOT GLOB '*[+-]*'"
            f" AND {head} BETWEEN '{FIRST_YEAR}-01-01' AND '{LAST_YEAR}-12-31'"
        )
        return f"(CASE WHEN {good} THEN {head} END)"
    first, last = bounds(f"{FIRST_YEAR}-01-01", day_format)[0], bounds(f"{LAST_YEAR}-12-31", day_format)[1]
    moment = column if day_format == JULIAN else f"CAST({column} AS INTEGER) / {_PER_DAY[day_format] // 86400}, 'unixepoch'"
    return f"(CASE WHEN typeof({column}) IN ('integer', 'real') AND {column} >= {first!r} AND {column} < {last!r} THEN date({moment}) END)"


def condition(column: str, day_format: str, *, begun: bool = False) -> str:
    """What is true of the rows of a day; the values of ``bound`` belong to it. column: quoted for SQL. begun: of rows that are not before the day anyway."""
    # Whatever is the day itself needs no closer look, and that is most of it.
    beginning = "" if begun else f"{column} >= ?1 AND "
    return f"{beginning}{column} < ?2 AND ({column} COLLATE BINARY = ?3 OR {expression(column, day_format)} = ?3)"


def bound(day: str, day_format: str) -> tuple[str | float, str | float, str]:
    """What is bound in a ``condition``."""
    return (*bounds(day, day_format), day)


def bounds(day: str, day_format: str) -> tuple[str | float, str | float]:
    """What the values of a day are not below, and what they are below: for an index to find them; ``expression`` tells exactly."""
    date = datetime.date.fromisoformat(day)
    if day_format == ISO:
        return day, (date + datetime.timedelta(days=1)).isoformat()
    if day_format == JULIAN:  # SQLite rounds to a millisecond
        start = date.toordinal() + _JULIAN_EPOCH
        return start - 1e-6, start + 1
    start = (date.toordinal() - _UNIX_EPOCH) * _PER_DAY[day_format]
    return start, start + _PER_DAY[day_format]
