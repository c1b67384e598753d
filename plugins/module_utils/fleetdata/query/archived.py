# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a table, or of a report, is archived: which objects make it, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..catalogue import Wanted, catalogue
from ..model import Archive, Manifest, ReportType
from ..retention.archived import archived_rows
from ..store import Store


@dataclass(frozen=True)
class Fault:
    """Why a day is not whole. reason: a sentence. damaged: whether something there is not what was proved; else it was never there."""

    name: str
    day: str
    reason: str
    damaged: bool = False


@dataclass(frozen=True)
class Held:
    """Objects that together are a table's, or a report's, days. faults: days that are not whole. report: how its files are written; None for a table."""

    name: str
    objects: tuple[Manifest, ...] = ()
    faults: tuple[Fault, ...] = ()
    report: ReportType | None = None


@dataclass(frozen=True)
class Bucket:
    """Where archived days are, and which are asked for. first, last: ISO, inclusive; None: open."""

    store: Store
    archive: Archive
    first: str | None = None
    last: str | None = None

    def table(self, name: str, database: str) -> Held:
        """What is archived of a table's rows. database: its name in the archive. Raises StoreError."""
        found = list(archived_rows(store=self.store, archive=self.archive, name=database, table=name, first=self.first, last=self.last))
        faults = tuple(Fault(name, day.day, reason, damaged=True) for day in found for reason in day.faults)
        return Held(name=name, objects=tuple(manifest for day in found for manifest in day.revisions), faults=faults)

    def report(self, name: str) -> Held:
        """What is archived of a report. Raises StoreError."""
        found = catalogue(store=self.store, archive=self.archive, report=name, first=self.first, last=self.last)
        wanted = Wanted(reports=(name,), first=self.first, last=self.last)
        objects: list[Manifest] = []
        faults: list[Fault] = []
        for day in wanted.days(found.days):
            there = found.days.get(day)
            counting = there.counting if there else None
            if counting:
                objects.append(counting)
            else:
                why = [oddity.reason for oddity in there.oddities] if there else []
                faults.append(Fault(name, day, " ".join(why) or f"{name} of {day} is not in the archive.", damaged=bool(there and there.newest)))
        return Held(name=name, objects=tuple(objects), faults=tuple(faults), report=self.archive.reports[name])


def all_columns(held: Held) -> tuple[str, ...]:
    """All columns that a report's files have: the declared ones, then others as they came."""
    declared = held.report.columns if held.report else ()
    return tuple(dict.fromkeys(_all(declared, held)))


def _all(declared: tuple[str, ...], held: Held) -> Iterator[str]:
    yield from declared
    for manifest in held.objects:
        yield from manifest.columns
