# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a folder goes now, and what must not. Pure: from what was seen and the time."""

from __future__ import annotations

import datetime
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..days import day_in_name
from ..errors import ContentError
from .model import DIRECTORIES, Key, Rule, Seen, Unit

_AHEAD = datetime.timedelta(days=1)
"""How far ahead of the clock a file may be."""
FEW_FILES, FEW_DIRECTORIES = 10, 3
"""So many may always go in one run, whatever their share: a folder of five has no smaller share than a fifth."""
_EXAMPLES = 3


@dataclass(frozen=True)
class Step:
    """What goes. day: ISO, by which its age was told. why: words. freed: bytes that the disk has back."""

    unit: Unit
    day: str
    why: str
    freed: int


@dataclass(frozen=True)
class Plan:
    """What goes, the oldest first. in_use: what would, but for who uses it. refused: why nothing goes, empty when it does. notices: what else to know."""

    steps: tuple[Step, ...] = ()
    in_use: tuple[Step, ...] = ()
    refused: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Placed:
    """Something with a place in time and in a series."""

    unit: Unit
    day: datetime.date
    series: tuple[str, ...]

    @property
    def order(self) -> tuple[datetime.date, datetime.datetime, str]:
        """From old to new."""
        return self.day, self.unit.modified, self.unit.path


def plan(*, rule: Rule, seen: Seen, now: datetime.datetime) -> Plan:
    """What goes. now: with its zone."""
    placed, notices = _place(rule, seen)
    steps, in_use = _chosen(rule, seen, placed, now)
    reasons = list(_always(rule, seen)) + (list(_objections(rule, seen, placed, steps, now)) if steps else [])
    if reasons:
        return Plan(refused=" ".join(reasons), notices=tuple(notices))
    return Plan(steps=tuple(steps), in_use=tuple(in_use), notices=tuple(notices))


def cutoff(rule: Rule, now: datetime.datetime) -> datetime.date:
    """The first day that stays."""
    return now.astimezone(datetime.timezone.utc).date() - datetime.timedelta(days=rule.keep_days)


class Ledger:
    """What the disk has back, as one unit after another goes: what has another name stays on it."""

    def __init__(self) -> None:
        self._gone: Counter[Key] = Counter()

    def goes(self, unit: Unit) -> int:
        """Bytes that come back with this one."""
        freed = 0
        for key, inode in unit.inodes.items():
            self._gone[key] += inode.names
            freed += inode.disk if self._gone[key] == inode.links else 0
        return freed


def taken(units: Iterable[Unit]) -> int:
    """Bytes that they take on disk; what has two names is there once."""
    return sum({key: inode.disk for unit in units for key, inode in unit.inodes.items()}.values())


def _place(rule: Rule, seen: Seen) -> tuple[list[_Placed], list[str]]:
    """What may go at all, from old to new, and sentences on what may not."""
    placed, notices = [], [f"{rule.folder}/{path} is another filesystem and is not looked into." for path in seen.elsewhere]
    undated, odd, alone = [], [], []
    for unit in seen.units:
        day, series = _day(rule, unit), _series(rule, unit)
        if unit.oddity:
            odd.append(f"{unit.path} ({unit.oddity})")
        elif day is None:
            undated.append(unit.path)
        elif series is None:
            alone.append(unit.path)
        else:
            placed.append(_Placed(unit, day, series))
    if not seen.there:
        notices.append(f"{rule.folder} is not there, so nothing is to go.")
    for paths, why in ((undated, "their names say no day (file_day)"), (alone, "they are of no series (series)"), (odd, "they hold what cannot go")):
        if paths:
            examples = ", ".join(paths[:_EXAMPLES]) + (", …" if len(paths) > _EXAMPLES else "")
            notices.append(f"{len(paths)} of the {len(seen.units)} in {rule.folder} always stay, as {why}: {examples}")
    return sorted(placed, key=lambda one: one.order), notices


def _day(rule: Rule, unit: Unit) -> datetime.date | None:
    if not rule.file_day:
        return unit.modified.date()
    try:
        return datetime.date.fromisoformat(day_in_name(name=unit.path, pattern=rule.file_day))
    except ContentError:
        return None


def _series(rule: Rule, unit: Unit) -> tuple[str, ...] | None:
    if not rule.series:
        return ()
    found = re.search(rule.series, unit.path)
    return None if found is None else tuple(group or "" for group in found.groups()) or (found[0],)


def _chosen(rule: Rule, seen: Seen, placed: Sequence[_Placed], now: datetime.datetime) -> tuple[list[Step], list[Step]]:
    """What goes by age, count and size, and what does not as it is in use."""
    last = _last(rule, placed, now)
    free = [one for one in placed if one.unit.path not in last]
    holders = {one.unit.path: holder for one in free if (holder := _holder(rule, one.unit, now))}
    why = {one.unit.path: reason for one in free if (reason := _too_old(rule, one, now))}
    named = why.keys() & holders.keys() - _last(rule, placed, None)  # the newest is still written: nothing to tell
    in_use = [Step(one.unit, one.day.isoformat(), holders[one.unit.path], 0) for one in free if one.unit.path in named]
    movable = [one for one in free if one.unit.path not in holders]
    if rule.max_bytes:
        going, rest = ([one.unit for one in movable if (one.unit.path in why) is goes] for goes in (True, False))
        why.update(dict.fromkeys(_oldest_until(rule.max_bytes, seen, going, rest), f"all take more than {rule.max_bytes} bytes"))
    ledger = Ledger()
    steps = [Step(one.unit, one.day.isoformat(), why[one.unit.path], ledger.goes(one.unit)) for one in movable if one.unit.path in why]
    return steps, in_use


def _last(rule: Rule, placed: Sequence[_Placed], now: datetime.datetime | None) -> set[str]:
    """The newest of each series. What is empty, or may ``now`` still be written, is not yet a good one and does not stand for one."""
    series: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for one in reversed(placed):
        if one.unit.size and len(series[one.series]) < rule.keep_last and not (now and _written(rule, one.unit, now)):
            series[one.series].append(one.unit.path)
    return {path for paths in series.values() for path in paths}


def _written(rule: Rule, unit: Unit, now: datetime.datetime) -> bool:
    """Whether it may still be written. What a link leads to is in use, and whole."""
    return bool(_holder(rule, unit, now)) and not any(unit.holder == f"{link} leads to it" for link in rule.current)


def _holder(rule: Rule, unit: Unit, now: datetime.datetime) -> str:
    """Why it must be left alone now, empty when nothing says so."""
    age = (now - unit.modified).total_seconds()
    if not unit.holder and age < rule.settle_seconds:
        return f"it was changed {max(age, 0):.0f} s ago and may still be written ({rule.settle_seconds:g} s are asked for)"
    return unit.holder


def _too_old(rule: Rule, one: _Placed, now: datetime.datetime) -> str:
    if rule.keep_days:
        return f"older than {rule.keep_days} days" if one.day < cutoff(rule, now) else ""
    return "" if rule.max_bytes else f"not among the last {rule.keep_last}"


def _oldest_until(most: int, seen: Seen, going: Sequence[Unit], rest: Sequence[Unit]) -> Iterator[str]:
    """The paths of what has to go besides, the oldest first, until all that is left fits. What gives nothing back stays: it would go in vain."""
    ledger = Ledger()
    left = taken(seen.units) - sum(ledger.goes(unit) for unit in going)
    names: Counter[Key] = Counter()
    for unit in seen.units:
        names.update({key: inode.names for key, inode in unit.inodes.items()})
    for unit in rest:
        if left <= most:
            return
        if any(inode.disk and names[key] == inode.links for key, inode in unit.inodes.items()):
            left -= ledger.goes(unit)
            yield unit.path


def _always(rule: Rule, seen: Seen) -> Iterator[str]:
    if seen.unreadable:
        yield f"Not all of {rule.folder} can be read, so nobody knows what is the last of it: {' '.join(seen.unreadable)}"
    for link in seen.missing_links:
        yield f"{link} is not there or leads nowhere (current), so nobody knows what is in use. Put it right, or leave it out of the rule."


def _objections(rule: Rule, seen: Seen, placed: Sequence[_Placed], steps: Sequence[Step], now: datetime.datetime) -> Iterator[str]:
    newest = placed[-1]
    its = f"the newest, {rule.folder}/{newest.unit.path}, is of {newest.day.isoformat()}"
    today = now.astimezone(datetime.timezone.utc).date()
    if newest.day > (now + _AHEAD).astimezone(datetime.timezone.utc).date():
        yield f"The clock says {_utc(now)}, and {its}: one of them is wrong. Set the clock, or correct the file."
    elif rule.keep_days and rule.idle_days and newest.day < today - datetime.timedelta(days=rule.idle_days):
        yield (
            f"The clock says {_utc(now)}, and {its}, more than {rule.idle_days} days ago (idle_days): "
            "either the clock is far ahead, or nothing comes in any more. Set the clock, or raise idle_days."
        )
    few = FEW_DIRECTORIES if rule.units == DIRECTORIES else FEW_FILES
    all_bytes = taken(seen.units)
    shares = [(len(steps), len(seen.units), "entries"), (all_bytes - _left(seen, steps), all_bytes, "bytes")]
    for going, there, what in shares:
        if len(steps) > few and there and going / there > rule.max_share:
            yield (
                f"{going} of the {there} {what} in {rule.folder} would go, which is {going / there:.1%}; "
                f"one run may delete {rule.max_share:.1%} (max_share). If it is right, allow it for one run."
            )
            return


def _left(seen: Seen, steps: Sequence[Step]) -> int:
    going = {step.unit.path for step in steps}
    return taken(unit for unit in seen.units if unit.path not in going)


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
