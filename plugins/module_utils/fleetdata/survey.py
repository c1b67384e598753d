# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bucket holds of the days that are archived now: read once, kept up to date with what this run adds."""

from __future__ import annotations

import dataclasses
import threading

from . import keys
from .catalogue import Day, Listing, Revision, classify, list_days, read_manifest, sort_keys
from .errors import StoreError
from .model import Archive, Manifest
from .store import Store

FEW = 4
"""So many files of a report ask for their days one by one; for more, the whole report is listed once: a request for a thousand keys."""


class Survey:
    """Holdings by report and day. counts: how many files of each report are to be archived."""

    def __init__(self, *, store: Store, archive: Archive, counts: dict[str, int]) -> None:
        self._store, self._archive, self._counts = store, archive, counts
        self._listings: dict[str, Listing] = {}
        self._failures: dict[str, StoreError] = {}
        self._days: dict[tuple[str, str], Day] = {}
        self._stale: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def day(self, *, report: str, day: str) -> Day:
        """The revisions of a day, with their manifests. Raises StoreError."""
        known = self._days.get((report, day))
        if known is None:
            known = self._days[report, day] = self._look(report, day)
        return known

    def forget(self, *, report: str, day: str) -> None:
        """Ask S3 again at the next question: somebody else writes here."""
        self._days.pop((report, day), None)
        self._stale.add((report, day))

    def done(self, *, report: str, day: str) -> None:
        """Nothing more is asked of a day: many files must not fill the memory."""
        self._days.pop((report, day), None)

    def add(self, *, manifest: Manifest) -> None:
        """Remember what this run wrote, or in a check would have written."""
        held = self.day(report=manifest.report, day=manifest.day)
        revision = Revision(number=manifest.revision, key=manifest.key, bytes=manifest.object_bytes, manifest=manifest)
        others = tuple(other for other in held.revisions if other.number != revision.number)
        revisions = tuple(sorted((*others, revision), key=lambda one: one.number))
        self._days[manifest.report, manifest.day] = dataclasses.replace(held, revisions=revisions)

    def _look(self, report: str, day: str) -> Day:
        alone = self._counts.get(report, 0) <= FEW or (report, day) in self._stale
        listing = self._one_day(report, day) if alone else self._listing(report)
        sizes = listing.days.get(day)
        if not sizes:
            return Day(report=report, day=day, revisions=())
        manifests = {key: read_manifest(self._store, key) for key in sizes if key.endswith(keys.MANIFEST)}
        return classify(self._archive, dataclasses.replace(listing, days={day: sizes}), manifests).days[day]

    def _listing(self, report: str) -> Listing:
        with self._lock:
            if report in self._failures:  # what could not be listed for one file is not asked for again by the next
                raise self._failures[report]
            if report not in self._listings:
                try:
                    self._listings[report] = list_days(store=self._store, archive=self._archive, report=report)
                except StoreError as error:
                    self._failures[report] = error
                    raise
            return self._listings[report]

    def _one_day(self, report: str, day: str) -> Listing:
        stem = keys.day_stem(self._archive, report=report, day=day)
        return sort_keys(self._archive, report, {found.key: found.size for found in self._store.list(prefix=stem)}, day, day)
