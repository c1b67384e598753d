# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go now, by rule, and what must not. Pure: from what was found and the time."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .holdings import Found, Holding, cutoff
from .model import Retention, Rule
from .table import Table

_AHEAD = datetime.timedelta(days=1)
"""How far ahead of the clock a row or the file may be."""


@dataclass(frozen=True)
class Step:
    """One day of a table that goes. rows, bytes: as they were counted; bytes of the values as text."""

    table: Table
    rule: Rule
    day: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What goes: a step for each table and day, the oldest first. refused: why nothing of a table goes, by table. notices: what else there is to know."""

    steps: tuple[Step, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def plan(*, retention: Retention, found: Found, now: datetime.datetime) -> Plan:
    """What goes. now: with its zone."""
    steps: list[Step] = []
    refused: dict[str, str] = {}
    notices: list[str] = []
    doubt = _clock(retention, found, now)
    for name, rule in retention.rules.items():
        held = found.holdings.get(name)
        if held is None:
            continue
        if isinstance(held, str):
            refused[name] = held
            continue
        own = [Step(held.table, rule, day, rows, held.bytes.get(day, 0)) for day, rows in held.days.items() if day < cutoff(rule, now)]
        reasons = list(_objections(held, rule, own, now, doubt))
        if reasons and own:
            refused[name] = " ".join(reasons)
        else:
            steps += own
        notices += _notices(held, rule, own)
    return Plan(steps=tuple(steps), refused=refused, notices=tuple(notices))


def _objections(held: Holding, rule: Rule, steps: list[Step], now: datetime.datetime, doubt: str) -> Iterator[str]:
    yield from [doubt] if doubt else []
    yield from held.objections
    newest, today = max(held.days, default=""), (now + _AHEAD).astimezone(datetime.timezone.utc).date().isoformat()
    if newest > today:
        yield (f"The newest row of {rule.table} is of {newest}, and the clock says {_utc(now)}: one of them is wrong. Set the clock, or correct the row.")
    going = sum(step.rows for step in steps)
    if held.rows and going / held.rows > rule.max_share:
        yield (
            f"{going} of the {held.rows} rows of {rule.table} would go, which is {going / held.rows:.1%}; "
            f"one run may delete {rule.max_share:.1%} (max_share). If it is right, allow it for one run: "
            f"--max-share {math.ceil(100 * going / held.rows) / 100}."
        )


def _notices(held: Holding, rule: Rule, steps: list[Step]) -> Iterator[str]:
    if held.undated:
        examples = ", ".join(held.examples)
        yield f"{held.undated} rows of {rule.table} say no day ({rule.day_column}: {examples}); they are never deleted. Correct them, or the day_format."
    if steps:
        yield from held.notices


def _clock(retention: Retention, found: Found, now: datetime.datetime) -> str:
    """Why the clock cannot be believed, empty when it can."""
    if found.modified > now + _AHEAD:
        return f"{retention.database} was written at {_utc(found.modified)}, and the clock says {_utc(now)}: it is behind. Set it, then run again."
    days = [day for held in found.holdings.values() if isinstance(held, Holding) for day in held.days]
    newest = max(days, default="")
    written = found.modified.date().isoformat()
    seen = [(written, f"{retention.database} was written last on {written}"), (newest, f"the newest row is of {newest}")]
    oldest = (now.astimezone(datetime.timezone.utc).date() - datetime.timedelta(days=retention.idle_days)).isoformat()
    for day, what in seen:
        if day and day < oldest:
            return (
                f"The clock says {_utc(now)}, and {what}, more than {retention.idle_days} days ago (idle_days): "
                "either the clock is far ahead, or nothing comes in any more. Set the clock, or raise idle_days."
            )
    return ""


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
