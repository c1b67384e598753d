# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups stay. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from .model import Keep

JUMP = datetime.timedelta(days=45)
"""A clock that is so far ahead of the newest backup before this run's is doubted: once."""
_SKEW = datetime.timedelta(minutes=10)


def keepers(stamps: Iterable[datetime.datetime], keep: Keep, now: datetime.datetime) -> frozenset[datetime.datetime]:
    """Those that stay. stamps: of backups that count, in UTC; now: of the run that made the newest of them.

    Days, weeks and months without a backup do not count, so that a host that was off for long loses none. The newest always stays; all stay when one
    is later than now, or now is far from the one before the newest: then the clock was, or is, wrong.
    """
    newest_first = sorted(set(stamps), reverse=True)
    if jumped(newest_first, now):
        return frozenset(newest_first)
    kept = set(newest_first[: max(keep.last, 1)])
    for count, period in ((keep.daily, _day), (keep.weekly, _week), (keep.monthly, _month)):
        first: dict[tuple[int, ...], datetime.datetime] = {}
        for stamp in newest_first:
            first.setdefault(period(stamp), stamp)
        kept |= set(list(first.values())[:count])
    return frozenset(kept)


def jumped(stamps: Iterable[datetime.datetime], now: datetime.datetime) -> bool:
    """Whether the clock is, or was, wrong."""
    newest_first = sorted(set(stamps), reverse=True)
    if not newest_first:
        return False
    before = newest_first[1:2] or newest_first[:1]
    return newest_first[0] > now + _SKEW or now - before[0] > JUMP


def _day(stamp: datetime.datetime) -> tuple[int, ...]:
    return stamp.year, stamp.month, stamp.day


def _week(stamp: datetime.datetime) -> tuple[int, ...]:
    return tuple(stamp.isocalendar())[:2]


def _month(stamp: datetime.datetime) -> tuple[int, ...]:
    return stamp.year, stamp.month
