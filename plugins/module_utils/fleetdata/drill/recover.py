# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Days from the archive back into a database, through the application's importer: those whose rows are not all there, and no others."""

from __future__ import annotations

import datetime
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from .. import restore, work
from ..catalogue import MISSING, Catalogue, Wanted, catalogue
from ..errors import DAMAGED as CODE_DAMAGED
from ..errors import INCOMPLETE, OK
from ..folder import Folder
from ..limits import Progress
from ..model import Archive
from ..store import Store
from . import importer
from .importer import ImporterError
from .model import DIFFERS, Importer

RECOVERED, THERE = "recovered", "there"
"""What became of a day of a table, beside MISSING (a report of it is not archived) and DIFFERS (its rows are not as many as its reports')."""


@dataclass(frozen=True)
class Recovered:
    """What became of one day of a table, or would. archived: rows that its reports have. before, rows: that the table had, and has. reason: a sentence."""

    table: str
    day: str
    status: str
    archived: int
    before: int
    rows: int
    reason: str = ""


@dataclass(frozen=True)
class Asked:
    """What is to come back. database: its file, the application's own or another one, which need not be there yet. first, last: ISO, inclusive.

    archived: whether days before the first archived one and after the last are not asked for, though they are in the range.
    since: a moment (ISO, UTC): what was archived from then on is imported anew also where the numbers of rows agree, as it may correct them.
    """

    database: str
    first: str
    last: str
    since: str = ""
    archived: bool = False


def recover(
    *, store: Store, archive: Archive, application: Importer, asked: Asked, scratch: str, check: bool = False, progress: Progress | None = None
) -> list[Recovered]:
    """Bring days back into a database. check: write nothing, say what would be.

    Raises ConfigurationError, StoreError, and ImporterError when the importer failed.
    """
    wanted = Wanted(reports=application.reports, first=asked.first, last=asked.last)
    found = [catalogue(store=store, archive=archive, report=report, first=asked.first, last=asked.last) for report in wanted.reports]
    if asked.archived:
        wanted = _as_archived(wanted, {day for one in found for day in one.days})
    results = list(_plan(application, found, wanted, importer.imported(application, asked.database), asked.since))
    needed = {one.day for one in results if one.status == RECOVERED}
    if check or not needed:
        return results
    with work.held(scratch, of="the drill or a recovery"), work.folder(scratch) as folder:
        problems = _restore(store, archive, wanted, needed, Folder(path=folder, flat=True), progress)
        importer.run(application, folder=folder, database=asked.database)
    return list(_judge(results, importer.imported(application, asked.database), problems))


def exit_code(results: Sequence[Recovered]) -> int:
    """The exit code for what became of the days. Nothing at all is INCOMPLETE."""
    seen = {result.status for result in results}
    if DIFFERS in seen:
        return CODE_DAMAGED
    return INCOMPLETE if MISSING in seen or not results else OK


def _as_archived(wanted: Wanted, days: Collection[str]) -> Wanted:
    """The same range, from the first archived day to the last."""
    return replace(wanted, first=min(days), last=max(days)) if days else replace(wanted, last="")


def _plan(application: Importer, found: Sequence[Catalogue], wanted: Wanted, there: dict[importer.DayOf, int], since: str) -> Iterator[Recovered]:
    counting = {(one.report, day.day): day.counting for one in found for day in one.days.values()}
    rows = importer.expected(application, [manifest for manifest in counting.values() if manifest])
    late = {manifest.day for manifest in counting.values() if manifest and since and manifest.archived_at >= since}
    for day in wanted.days([]):
        for table, filled in application.tables.items():
            absent = [report for report in filled.reports if counting.get((report, day)) is None]
            archived, before = rows.get((table, day), 0), there.get((table, day), 0)
            done = Recovered(table, day, THERE, archived, before, before)
            if len(absent) == len(filled.reports):
                yield replace(done, status=MISSING, reason=f"{', '.join(absent)} of {day} is not in the archive.")
            elif archived == before and day not in late:
                yield done
            else:
                reason = f"{', '.join(absent)} of {day} is not in the archive; the others are." if absent else ""
                yield replace(done, status=RECOVERED, rows=archived, reason=reason)


def _restore(store: Store, archive: Archive, wanted: Wanted, needed: Collection[str], into: Folder, progress: Progress | None) -> dict[str, str]:
    """Bring the reports of these days into a folder; why one is not there, by day."""
    problems: dict[str, str] = {}
    for first, last in _runs(sorted(needed)):
        some = Wanted(reports=wanted.reports, first=first, last=last)
        results = restore.restore(store=store, archive=archive, wanted=some, into=into, progress=progress)
        problems.update({result.day: result.reason for result in results if not result.changed and result.status != MISSING})
    if not any(name.endswith(".csv") for name in os.listdir(into.path)):
        raise ImporterError(f"None of the days came back: {' '.join(problems.values())} Nothing was imported.")
    return problems


def _judge(results: Sequence[Recovered], there: dict[importer.DayOf, int], problems: dict[str, str]) -> Iterator[Recovered]:
    for one in results:
        rows = there.get((one.table, one.day), 0)
        if one.status != RECOVERED or rows == one.archived:
            yield replace(one, rows=rows)
            continue
        why = problems.get(one.day) or "The importer passes over what it knows: rows that left by retention come back with fleetdata restore-rows."
        yield replace(one, status=DIFFERS, rows=rows, reason=f"{one.table} has {rows:,} rows of {one.day}, its reports have {one.archived:,}. {why}")


def _runs(days: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Days as ranges without a gap."""
    start = 0
    for at, day in enumerate(days):
        after = (datetime.date.fromisoformat(day) + datetime.timedelta(days=1)).isoformat()
        if at + 1 == len(days) or days[at + 1] != after:
            yield days[start], day
            start = at + 1
