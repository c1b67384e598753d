# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of an archive: one state for every day of every report, their totals, and what they cost a month.

Pure: from what the catalogue found, what the reports declare, and a clock. ``calendar_text`` and ``calendar_html`` show it.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from . import catalogue
from .catalogue import MARKED, Catalogue
from .model import Archive, Manifest, ReportType
from .prices import AS_OF, CURRENCY, Storage, basis, cost_per_month, one_object

ARCHIVED, EMPTY, REVISED, CONFLICTING, MISSING, LATE = "archived", "empty", "revised", "conflicting", "missing", "late"
"""A day is archived and verified, so with 0 rows, so with several revisions of which the highest counts; or it holds an object that does not count;
or nothing is archived and it is past its lateness, or not yet."""
EXPECTED = "expected"
"""Nothing is archived and need not be: the day is not over."""

STATES: Mapping[str, str] = {
    ARCHIVED: "verified by reading it back",
    EMPTY: "verified, a report without rows",
    REVISED: "verified, with several revisions: the highest counts",
    CONFLICTING: "holds an object that does not count",
    MISSING: "not archived and overdue",
    LATE: "not archived yet, still in time",
}
"""The states that are shown, in a legend's order, and what they mean."""
PROBLEMS = (CONFLICTING, MISSING, LATE)
"""The states that somebody must look at, the worst first."""

_MOST_DAYS = 36525


@dataclass(frozen=True)
class Day:
    """One day of one report. manifest: of the revision that counts, unless its object is damaged. revisions: how many are proved.

    storage: by storage class. reasons: a sentence for each thing that is odd.
    """

    day: str
    state: str
    manifest: Manifest | None = None
    revisions: int = 0
    storage: Mapping[str, Storage] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Totals:
    """states: days by state. archived: days of which a revision counts; rows, content_bytes: of these revisions. object_bytes: of all objects.

    cost_per_month: None when a price is not known.
    """

    states: Mapping[str, int]
    archived: int
    rows: int
    content_bytes: int
    object_bytes: int
    storage: Mapping[str, Storage]
    cost_per_month: float | None


@dataclass(frozen=True)
class Problem:
    """Consecutive days of one report in the same state of PROBLEMS, or no day where it is of none. reason: what to know, sentences or empty."""

    report: str
    state: str
    first: str = ""
    last: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.report}: {self.state} {span(self.first, self.last)}".rstrip() + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True)
class ReportCalendar:
    """The days of one report, ascending: each from its first day to today, and whatever else is archived. None without a first day and archived days."""

    report: str
    days: tuple[Day, ...]
    totals: Totals
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Calendar:
    """What people look at. generated_at: UTC. cost_basis: a sentence on the prices, to be shown with every cost."""

    bucket: str
    region: str
    generated_at: str
    reports: tuple[ReportCalendar, ...]
    totals: Totals
    cost_basis: str

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of all reports, the worst first."""
        found = (problem for report in self.reports for problem in report.problems)
        return tuple(sorted(found, key=lambda problem: (PROBLEMS.index(problem.state), problem.report, problem.first)))

    @property
    def verdict(self) -> str:
        """What there is to say first, in a sentence."""
        counts = [f"{self.totals.states[state]:,} {state}" for state in PROBLEMS if self.totals.states[state]]
        if counts:
            return f"Days with a problem: {', '.join(counts)}."
        if not self.totals.archived:
            return "Nothing is archived."
        return "Every day that is due is archived and verified" + (", but there are other problems." if self.problems else ".")


def calendar(*, archive: Archive, catalogues: Iterable[Catalogue], now: datetime.datetime, first: str | None = None, last: str | None = None) -> Calendar:
    """The calendar of the catalogues' reports.

    now: with a time zone. first, last: only these days (ISO, inclusive), which the catalogues must cover; None: all there are.
    """
    now = now.astimezone(datetime.timezone.utc)
    reports = tuple(_report(archive=archive, found=found, now=now, window=(first, last)) for found in catalogues)
    totals = _totals((day for report in reports for day in report.days), archive.region)
    return Calendar(
        bucket=archive.bucket,
        region=archive.region,
        generated_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        reports=reports,
        totals=totals,
        cost_basis=basis(region=archive.region, storage=totals.storage),
    )


def state(*, report: ReportType, day: str, found: catalogue.Day | None, now: datetime.datetime) -> str:
    """The one state of a day on which the report is due. A day is over at midnight UTC, overdue ``late_after_hours`` later."""
    if found is not None and found.revisions:
        return _state_of_found(found)
    over = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc) + datetime.timedelta(days=1)
    if now < over:
        return EXPECTED
    return LATE if now < over + datetime.timedelta(hours=report.late_after_hours) else MISSING


def _state_of_found(found: catalogue.Day) -> str:
    counting = found.counting
    # What read back wrong and was archived again since is settled: nothing is left to do, nothing may ever be deleted.
    settled = {MARKED} if counting is not None else set()
    if counting is None or any(oddity.kind not in settled or oddity.revision > counting.revision for oddity in found.oddities):
        return CONFLICTING
    if _proved(found) > 1:
        return REVISED
    return EMPTY if counting.rows == 0 else ARCHIVED


def _proved(found: catalogue.Day) -> int:
    return sum(revision.proved for revision in found.revisions)


def span(first: str, last: str) -> str:
    """Days in short: 2026-03-04, 2026-03-04..06, 2026-03-30..04-02 or 2025-12-30..2026-01-02."""
    if first == last:
        return first
    same = 8 if first[:8] == last[:8] else 5 if first[:5] == last[:5] else 0
    return f"{first}..{last[same:]}"


def as_dict(shown: Calendar) -> dict[str, object]:
    """The calendar as JSON has it."""
    return {
        "bucket": shown.bucket,
        "region": shown.region,
        "generated_at": shown.generated_at,
        "currency": CURRENCY,
        "prices_as_of": AS_OF,
        "cost_basis": shown.cost_basis,
        "totals": asdict(shown.totals),
        "problems": [asdict(problem) for problem in shown.problems],
        "reports": [{"report": one.report, "totals": asdict(one.totals), "days": [_day_dict(day) for day in one.days]} for one in shown.reports],
    }


def _day_dict(day: Day) -> dict[str, object]:
    facts: dict[str, object] = {"day": day.day, "state": day.state}
    if day.reasons:
        facts["reasons"] = list(day.reasons)
    if day.manifest is not None:
        names = ("uri", "version_id", "revision", "rows", "content_bytes", "content_sha256", "object_bytes", "object_sha256", "archived_at")
        facts.update({name: getattr(day.manifest, name) for name in names}, revisions=day.revisions)
    if day.storage:
        facts["storage"] = {name: asdict(kept) for name, kept in day.storage.items()}
    return facts


def _report(*, archive: Archive, found: Catalogue, now: datetime.datetime, window: tuple[str | None, str | None]) -> ReportCalendar:
    report = archive.reports[found.report]
    days = tuple(
        _day(day, found.days.get(day), state(report=report, day=day, found=found.days.get(day), now=now))
        for day in sorted({*_due(report, found, now.date()), *found.days})
        if (window[0] or "") <= day and (window[1] is None or day <= window[1])
    )
    foreign = (Problem(report=report.name, state=CONFLICTING, reason=oddity.reason) for oddity in found.foreign)
    problems = (*_problems(report.name, days), *foreign)
    if not report.first_day and not found.days:
        problems += (Problem(report=report.name, state=MISSING, reason="Nothing is archived; declare its first_day to see since when it is missing."),)
    return ReportCalendar(report=report.name, days=days, totals=_totals(days, archive.region), problems=problems)


def _due(report: ReportType, found: Catalogue, today: datetime.date) -> Iterator[str]:
    """The days on which a report should exist: a slip of the pen (0206-01-31 is archived) does not make 1,800 years of them."""
    first_day = report.first_day or min(found.days, default="")
    if first_day:
        first = max(datetime.date.fromisoformat(first_day), today - datetime.timedelta(days=_MOST_DAYS))
        yield from ((first + datetime.timedelta(days=number)).isoformat() for number in range((today - first).days + 1))


def _day(day: str, found: catalogue.Day | None, state: str) -> Day:
    if found is None:
        return Day(day=day, state=state)
    storage: dict[str, Storage] = {}
    for item in found.objects:
        storage[item.storage_class] = storage.get(item.storage_class, Storage()) + one_object(storage_class=item.storage_class, size=item.size)
    # An object that is lost or overwritten holds nothing, whatever its manifest says.
    intact = found.newest is not None and found.newest.oddity is None
    return Day(
        day=day,
        state=state,
        manifest=found.counting if intact else None,
        revisions=_proved(found),
        storage=storage,
        reasons=tuple(oddity.reason for oddity in found.oddities),
    )


def _totals(days: Iterable[Day], region: str) -> Totals:
    states = dict.fromkeys((*STATES, EXPECTED), 0)
    storage: dict[str, Storage] = {}
    counting: list[Manifest] = []
    for day in days:
        states[day.state] += 1
        counting += [day.manifest] if day.manifest is not None else []
        for name, kept in day.storage.items():
            storage[name] = storage.get(name, Storage()) + kept
    return Totals(
        states=states,
        archived=len(counting),
        rows=sum(manifest.rows for manifest in counting),
        content_bytes=sum(manifest.content_bytes for manifest in counting),
        object_bytes=sum(kept.bytes for kept in storage.values()),
        storage=storage,
        cost_per_month=cost_per_month(region=region, storage=storage),
    )


def _problems(report: str, days: Sequence[Day]) -> Iterator[Problem]:
    for (state, reasons), group in itertools.groupby(days, key=lambda day: (day.state, day.reasons)):
        run = list(group)
        if state in PROBLEMS:
            yield Problem(report=report, state=state, first=run[0].day, last=run[-1].day, reason=" ".join(reasons))
