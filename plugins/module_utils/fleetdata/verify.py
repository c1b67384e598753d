# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the archive still is what was proved: its objects are read again, and what lies around them is looked at."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import errors, keys, versions
from .catalogue import GAP, LOST, MARKED, MISSING, OVERWRITTEN, UNFINISHED, Catalogue, Listing, Oddity, Wanted, list_days, prefixes, read_manifests
from .errors import ContentError, StoreError
from .limits import Progress
from .model import Archive, Manifest, ReportType
from .reading import DAMAGED, DELETED, FAILED, Reader, Trouble, each, named
from .scan import Scanner
from .store import Store, Version
from .versions import HIDDEN

GOOD, MISCOUNTED, REPLACED, UNCHECKED = "good", "miscounted", "replaced", "unchecked"
"""Read, and what was proved; rows, days or columns are not those of the manifest; not good, and a later good revision stands for it; not looked at."""

_REPLACEABLE = (DAMAGED, DELETED, HIDDEN, LOST, OVERWRITTEN)
"""Of these a later revision of the same content makes good; of MARKED, which never counted, any later one."""

_TOLD_BY_VERSIONS = (LOST, UNFINISHED, OVERWRITTEN, GAP)
"""Of these, the versions of a key tell more."""


@dataclass(frozen=True)
class Verified:
    """One object that was read, or one thing that is wrong. status: GOOD, or what is wrong: a kind of the catalogue, of versions, of reading or of verify.

    rows, bytes, object_bytes: what was read of it, 0 unless good. reason: a sentence unless good.
    """

    report: str
    day: str
    revision: int
    key: str
    status: str
    reason: str = ""
    version_id: str = ""
    rows: int = 0
    bytes: int = 0
    object_bytes: int = 0

    @property
    def fault(self) -> bool:
        """Whether something is to be done."""
        return self.status not in (GOOD, REPLACED, UNCHECKED)


@dataclass(frozen=True)
class Totals:
    """How much was read and is good: days, objects (revisions), rows, bytes of CSV and of objects. faults: how much is wrong."""

    days: int
    objects: int
    rows: int
    bytes: int
    object_bytes: int
    faults: int


@dataclass(frozen=True)
class Depth:
    """How thoroughly. sample: only so many days, chosen by ``seed``; None for all. rows: whether rows, days and columns are counted again."""

    sample: int | None = None
    seed: str = ""
    rows: bool = False


def verify(*, store: Store, archive: Archive, wanted: Wanted, depth: Depth | None = None, progress: Progress | None = None) -> list[Verified]:
    """Read all proved revisions again, compare each with its manifest, and say what else is wrong with them.

    Needs s3:ListBucket, s3:GetObject and s3:GetObjectVersion; with s3:ListBucketVersions it also tells what was put over, hidden or deleted,
    without it one result is UNCHECKED. Raises ConfigurationError (arguments) and StoreError (when a list or a manifest cannot be had).
    """
    depth = depth or Depth()
    listings = [list_days(store=store, archive=archive, report=report, first=wanted.first, last=wanted.last) for report in dict.fromkeys(wanted.reports)]
    chosen = _chosen(listings, depth)
    catalogues = [read_manifests(store=store, archive=archive, listing=listing, days=chosen[listing.report]) for listing in listings]
    told = [result for found in catalogues for result in _around(store, archive, found, wanted, chosen[found.report])]
    told += [result for listing in listings for result in _missing(listing, wanted, told)]
    gone = {result.key for result in told if result.status == DELETED}
    proved = [
        revision.manifest
        for found in catalogues
        for day in found.days.values()
        for revision in day.revisions
        if revision.manifest and revision.proved and revision.key not in gone and (revision.bytes is not None or revision.manifest.version_id)
    ]
    reader = Reader(store, progress)
    reader.expect(proved)
    check = _Check(reader, archive.reports if depth.rows else {}, {manifest.object_sha256: manifest for manifest in proved})
    read = each(of=proved, do=check.read, at_once=archive.concurrency)
    damaged = {result.key for result in read if result.status == DAMAGED}
    told = [result for result in told if result.status != OVERWRITTEN or result.key not in damaged]
    return sorted(_with_replaced([*read, *told], catalogues), key=lambda result: (result.report, result.day, result.revision, result.key))


def totals(results: Sequence[Verified]) -> Totals:
    """How much was read and how much is wrong."""
    good = [result for result in results if result.status == GOOD]
    return Totals(
        days=len({(result.report, result.day) for result in good}),
        objects=len(good),
        rows=sum(result.rows for result in good),
        bytes=sum(result.bytes for result in good),
        object_bytes=sum(result.object_bytes for result in good),
        faults=sum(result.fault for result in results),
    )


def exit_code(results: Sequence[Verified]) -> int:
    """The exit code. Nothing read is INCOMPLETE, never a green light."""
    faults = {result.status for result in results if result.fault}
    if faults - {FAILED, MISSING}:
        return errors.DAMAGED
    if FAILED in faults:
        return errors.UNREACHABLE
    return errors.OK if not faults and any(result.status == GOOD for result in results) else errors.INCOMPLETE


def _chosen(listings: Sequence[Listing], depth: Depth) -> dict[str, set[str] | None]:
    """The days to look at by report; None for all."""
    if depth.sample is None:
        return {listing.report: None for listing in listings}
    every = [(listing.report, day) for listing in listings for day in listing.days]
    every.sort(key=lambda one: hashlib.sha256(f"{depth.seed}/{one[0]}/{one[1]}".encode()).digest())
    return {listing.report: {day for report, day in every[: depth.sample] if report == listing.report} for listing in listings}


def _around(store: Store, archive: Archive, found: Catalogue, wanted: Wanted, days: set[str] | None) -> Iterator[Verified]:
    """What is wrong as far as lists and manifests tell."""
    recorded = {revision.key: revision.manifest.version_id for day in found.days.values() for revision in day.revisions if revision.manifest}
    told: list[Oddity] = []
    try:
        told = versions.judge(archive=archive, proved=recorded, versions=_versions(store, archive, found.report, wanted, days))
    except StoreError as error:
        if error.kind != "denied":
            raise
        yield Verified(found.report, "", 0, "", UNCHECKED, f"What was put over, hidden or deleted was not looked for: {error}")
    better = {(oddity.day, oddity.revision) for oddity in told}
    yield from (_result(oddity) for oddity in told)
    for oddity in found.oddities:
        if oddity.kind not in _TOLD_BY_VERSIONS or (oddity.day, oddity.revision) not in better:
            yield _result(oddity)


def _missing(listing: Listing, wanted: Wanted, told: Sequence[Verified]) -> Iterator[Verified]:
    known = {*listing.days, *(result.day for result in told if result.report == listing.report)}
    for day in wanted.days(listing.days):
        if day not in known:
            yield Verified(listing.report, day, 0, "", MISSING, f"{listing.report} of {day} is not in the archive.")


def _versions(store: Store, archive: Archive, report: str, wanted: Wanted, days: set[str] | None) -> Iterator[Version]:
    stems = prefixes(archive, report, wanted.first, wanted.last)
    if days is not None:
        stems = [keys.day_stem(archive, report=report, day=day) for day in sorted(days)]
    for stem in stems:
        for version in store.versions(prefix=stem):
            place = keys.read_key(archive, version.key)
            if place and place.report == report and wanted.holds(place.day) and (days is None or place.day in days):
                yield version


def _result(oddity: Oddity) -> Verified:
    return Verified(oddity.report, oddity.day, oddity.revision, oddity.key, oddity.kind, oddity.reason)


def _with_replaced(results: Sequence[Verified], catalogues: Sequence[Catalogue]) -> Iterator[Verified]:
    """The results, of which those that a later good revision makes good are no faults."""
    good = {result.key for result in results if result.status == GOOD}
    replaced = {
        (found.report, day.day, revision.number, kind)
        for found in catalogues
        for day in found.days.values()
        for revision in day.revisions
        for later in day.revisions
        if revision.manifest and later.manifest and later.number > revision.number and later.key in good
        for kind in ([MARKED, *_REPLACEABLE] if later.manifest.content_sha256 == revision.manifest.content_sha256 else [MARKED])
    }
    for result in results:
        is_replaced = (result.report, result.day, result.revision, result.status) in replaced
        yield dataclasses.replace(result, status=REPLACED) if is_replaced else result


class _Check:
    """Reads objects and compares. reports: those whose rows are counted again. known: whose bytes are whose."""

    def __init__(self, reader: Reader, reports: Mapping[str, ReportType], known: Mapping[str, Manifest]) -> None:
        self._reader = reader
        self._reports = reports
        self._known = known

    def read(self, manifest: Manifest) -> Verified:
        """Read one object."""
        read = self._reader.read(manifest, lambda blocks: self._differences(manifest, blocks), name=manifest.key)
        status, reason = (read.kind, read.reason + self._whose(read.reason)) if isinstance(read, Trouble) else (MISCOUNTED if read else GOOD, read)
        good = status == GOOD
        return Verified(
            manifest.report, manifest.day, manifest.revision, manifest.key, status, reason, manifest.version_id,
            manifest.rows * good, manifest.content_bytes * good, manifest.object_bytes * good,
        )  # fmt: skip

    def _whose(self, reason: str) -> str:
        other = next((other for sha256, other in self._known.items() if f"SHA-256 {sha256}" in reason), None)
        return f" It is what was proved of {other.report} of {other.day}, revision {other.revision}." if other else ""

    def _differences(self, manifest: Manifest, blocks: Iterator[bytes]) -> str:
        if manifest.report not in self._reports:
            for _ in blocks:
                pass
            return ""
        scanner = Scanner(report=self._reports[manifest.report], name=named(manifest))
        try:
            for block in blocks:
                scanner.feed(block)
            facts = scanner.finish()
        except ContentError as error:
            return str(error)
        pairs = {"rows": (facts.rows, manifest.rows), "days": (dict(facts.days), dict(manifest.days)), "columns": (facts.columns, manifest.columns)}
        wrong = [f"{name} are {found}, its manifest says {said}" for name, (found, said) in pairs.items() if found != said]
        return f"{named(manifest)}: {'; '.join(wrong)}. The report was declared otherwise when it was archived, or the manifest is wrong." if wrong else ""
