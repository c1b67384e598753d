# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of retention over several databases: one that cannot be looked at stops no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..answers import system
from ..errors import FleetDataError, UsageError
from ..progress import Stopped
from .model import Retention
from .run import Context, Report, retain

WORK = ".retention"
"""What the directory for rows on their way has behind the name of its database: beside it there is room, and who may write there may delete rows."""


@dataclass(frozen=True)
class Outcome:
    """What became of a database. error: why it was not even looked at; then the report is empty."""

    retention: Retention
    report: Report
    error: FleetDataError | None = None


def chosen(retentions: dict[str, Retention], names: Sequence[str], *, max_share: float | None = None) -> list[Retention]:
    """The databases that are named, or all. max_share: for this run, instead of every table's own. Raises UsageError."""
    for name in names:
        if name not in retentions:
            raise UsageError(f"There is no database {name!r}; declared are {', '.join(sorted(retentions))}.")
    some = [retentions[name] for name in dict.fromkeys(names or retentions)]
    return some if max_share is None else [_sharing(retention, max_share) for retention in some]


def retain_each(*, retentions: Iterable[Retention], context: Context, check: bool) -> list[Outcome]:
    """What became of each, in their order; those that come after a stop are left out. context: its work is set here."""
    outcomes: list[Outcome] = []
    try:
        with context.stop.later():
            for retention in retentions:
                context.stop.check()
                outcomes.append(_retained(retention, context, check=check))
    except Stopped:
        if not outcomes:
            raise
    return outcomes


def _retained(retention: Retention, context: Context, *, check: bool) -> Outcome:
    its_own = dataclasses.replace(context, work=f"{retention.database}{WORK}")
    try:
        return Outcome(retention=retention, report=retain(retention=retention, context=its_own, check=check))
    except FleetDataError as error:
        return Outcome(retention=retention, report=Report(), error=error)
    except OSError as error:
        return Outcome(retention=retention, report=Report(), error=FleetDataError(system(error)))


def _sharing(retention: Retention, max_share: float) -> Retention:
    rules = {name: dataclasses.replace(rule, max_share=max_share) for name, rule in retention.rules.items()}
    return dataclasses.replace(retention, rules=rules)
