# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of retention over several databases: one that cannot be looked at stops no other."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..answers import system
from ..configuration import RETENTION, Configuration
from ..errors import FleetDataError, UsageError
from ..model import Archive
from ..progress import Stopped
from . import rules
from .archived import rows_archive
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


def declared(configuration: Configuration) -> dict[str, Retention]:
    """The databases by name, as the host's configuration declares them. Raises ConfigurationError."""
    part = configuration.part(RETENTION)
    return rules.parse_all(part.data, part.where)


def folders(*, archive: Archive, configuration: Configuration) -> list[str]:
    """The prefixes below which the rows of the declared databases lie. Raises ConfigurationError."""
    return [rows_archive(archive=archive, name=name, columns={}).prefix for name in names(configuration)]


def names(configuration: Configuration) -> list[str]:
    """The declared databases' names, none where nothing is declared. Raises ConfigurationError."""
    return list(declared(configuration)) if RETENTION in configuration.parts else []


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
        with _as_owner(retention.database):
            return Outcome(retention=retention, report=retain(retention=retention, context=its_own, check=check))
    except FleetDataError as error:
        return Outcome(retention=retention, report=Report(), error=error)
    except OSError as error:
        return Outcome(retention=retention, report=Report(), error=FleetDataError(system(error)))


@contextmanager
def _as_owner(path: str) -> Iterator[None]:
    """Root is the file's owner for a while: what it leaves beside it is the application's, and no link there leads further than the application may go."""
    if os.geteuid() or not os.path.isfile(path):
        yield
        return
    owner = os.stat(path)
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _sharing(retention: Retention, max_share: float) -> Retention:
    rules = {name: dataclasses.replace(rule, max_share=max_share) for name, rule in retention.rules.items()}
    return dataclasses.replace(retention, rules=rules)
