# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bucket holds of a report: its days, their revisions, which one counts, and what is odd. From one list and the manifests; no object is read."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from . import keys, manifest
from .errors import ConfigurationError, DamageError
from .model import Archive, Manifest
from .reading import each
from .store import Found, Store

UNFINISHED, LOST, UNREADABLE, WRONG_KEY = "unfinished", "lost", "unreadable", "wrong_key"
"""An object without manifest; a manifest without object; a manifest that cannot be read; a manifest or object of another key."""

MARKED, OVERWRITTEN, GAP, FOREIGN = "marked", "overwritten", "gap", "foreign"
"""Marked as damaged when it was archived; another size than was proved; a revision number left out; a key that no report and day has."""

MISSING = "missing"
"""A day that is asked for and not archived."""

_MOST_YEARS = 100


@dataclass(frozen=True)
class Wanted:
    """Which days. first, last: ISO, inclusive; None for as far as the archive goes."""

    reports: tuple[str, ...]
    first: str | None = None
    last: str | None = None

    def holds(self, day: str) -> bool:
        """Whether a day is in the range."""
        return (self.first or day) <= day <= (self.last or day)

    def days(self, archived: Collection[str]) -> Iterator[str]:
        """Every day that is asked for, ascending: also those between the first and the last that are not archived. archived: a report's days."""
        first, last = self.first or min(archived, default=None), self.last or max(archived, default=None)
        if first and last:
            start = datetime.date.fromisoformat(first)
            for number in range((datetime.date.fromisoformat(last) - start).days + 1):
                yield (start + datetime.timedelta(days=number)).isoformat()


@dataclass(frozen=True)
class Oddity:
    """Something that should not be. kind: see above. report, day, revision: as far as the key says; day "", revision 0 if it does not. reason: a sentence."""

    kind: str
    key: str
    reason: str
    report: str
    day: str = ""
    revision: int = 0


@dataclass(frozen=True)
class Revision:
    """One revision of a day. manifest: only if it can be read and is of this very key. bytes: of the object that lies there now, None without one."""

    number: int
    key: str
    bytes: int | None = None
    manifest: Manifest | None = None
    oddity: Oddity | None = None

    @property
    def proved(self) -> bool:
        """Whether it was read back right when it was archived."""
        return self.manifest is not None and self.manifest.verified

    @property
    def doubtful(self) -> bool:
        """Whether it may have been proved, but that cannot be told."""
        return self.manifest is None and self.oddity is not None and self.oddity.kind in (UNREADABLE, WRONG_KEY)


@dataclass(frozen=True)
class Day:
    """One day of a report. revisions: ascending. day: ISO. objects: all that lies there, manifests included."""

    report: str
    day: str
    revisions: tuple[Revision, ...]
    gaps: tuple[Oddity, ...] = ()
    objects: tuple[Found, ...] = ()

    @property
    def newest(self) -> Revision | None:
        """The highest revision that is proved, or in doubt: an older one must not stand in for it unseen."""
        return next((revision for revision in reversed(self.revisions) if revision.proved or revision.doubtful), None)

    @property
    def counting(self) -> Manifest | None:
        """The manifest of the revision that counts: the highest proved one. None without one, or when a higher one is in doubt."""
        return self.newest.manifest if self.newest else None

    @property
    def oddities(self) -> tuple[Oddity, ...]:
        """What is odd about its revisions."""
        return (*(revision.oddity for revision in self.revisions if revision.oddity), *self.gaps)


@dataclass(frozen=True)
class Listing:
    """The keys of a report's days. days: by ISO day, ascending, sizes in bytes by key. foreign: the keys among them that are none of the archive's.

    classes: the storage class of a key, where it is known.
    """

    report: str
    days: Mapping[str, Mapping[str, int]]
    foreign: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """What a bucket holds of a report. days: by ISO day, ascending."""

    report: str
    days: Mapping[str, Day]
    foreign: tuple[Oddity, ...] = ()

    @property
    def oddities(self) -> tuple[Oddity, ...]:
        """All that is odd, by day."""
        return (*(oddity for day in self.days.values() for oddity in day.oddities), *self.foreign)


def catalogue(*, store: Store, archive: Archive, report: str, first: str | None = None, last: str | None = None) -> Catalogue:
    """What the bucket holds of a report's days from ``first`` to ``last`` (ISO, inclusive; None: open).

    Needs s3:ListBucket and s3:GetObject. Raises ConfigurationError for an unknown report or an impossible range, StoreError if a list or a
    manifest could not be had.
    """
    return read_manifests(store=store, archive=archive, listing=list_days(store=store, archive=archive, report=report, first=first, last=last))


def list_days(*, store: Store, archive: Archive, report: str, first: str | None = None, last: str | None = None) -> Listing:
    """The keys alone: one list request per thousand keys, and per month where the range is closed."""
    check_range(archive, report, first, last)
    listed = {found.key: found for prefix in prefixes(archive, report, first, last) for found in store.list(prefix=prefix)}
    listing = sort_keys(archive, report, {key: found.size for key, found in listed.items()}, first, last)
    return replace(listing, classes={key: found.storage_class for key, found in listed.items()})


def read_manifests(*, store: Store, archive: Archive, listing: Listing, days: Collection[str] | None = None) -> Catalogue:
    """Read the manifests of a listing's days, or of some of them, and say what that makes."""
    wanted = {day: sizes for day, sizes in listing.days.items() if days is None or day in days}
    found = [key for sizes in wanted.values() for key in sizes if key.endswith(keys.MANIFEST)]
    manifests = dict(zip(found, each(of=found, do=lambda key: read_manifest(store, key), at_once=archive.concurrency)))
    return classify(archive, replace(listing, days=wanted), manifests)


def read_manifest(store: Store, key: str) -> Manifest | str:
    """A manifest, or the sentence why it cannot be read. Raises StoreError."""
    body = store.fetch(key=key)
    if body is None:
        return f"s3://{store.bucket}/{key} was listed and is gone: somebody deletes here. Run again."
    try:
        return manifest.parse(body, key=f"s3://{store.bucket}/{key}")
    except DamageError as error:
        return str(error)


def check_range(archive: Archive, report: str, first: str | None, last: str | None) -> None:
    """Raise ConfigurationError unless the report is declared and the days are days, in order."""
    if report not in archive.reports:
        raise ConfigurationError(f"There is no report {report!r}; declared are {', '.join(sorted(archive.reports)) or 'none'}.")
    for day in (first, last):
        if day is not None and not keys.is_day(day):
            raise ConfigurationError(f"{day!r} is no day; write it as 2026-01-31.")
    if first is not None and last is not None and first > last:
        raise ConfigurationError(f"The first day, {first}, is after the last, {last}.")
    if first is not None and last is not None and int(last[:4]) - int(first[:4]) > _MOST_YEARS:
        raise ConfigurationError(f"{first} to {last} is more than {_MOST_YEARS} years; leave the first or the last day out for all there is.")


def prefixes(archive: Archive, report: str, first: str | None, last: str | None) -> list[str]:
    """What to list for a range: months (or years) if the range is closed and the key template has them before its days, else the whole report."""
    if first is None or last is None:
        return [keys.report_stem(archive, report=report)]
    stem = archive.key.replace("{report}", report).replace("{day}", "{yyyy}-{mm}-{dd}").partition("{dd}")[0]
    months = range(int(first[:4]) * 12 + int(first[5:7]) - 1, int(last[:4]) * 12 + int(last[5:7]))
    return sorted({archive.prefix + stem.format(yyyy=f"{month // 12:04d}", mm=f"{month % 12 + 1:02d}") for month in months})


def sort_keys(archive: Archive, report: str, sizes: Mapping[str, int], first: str | None = None, last: str | None = None) -> Listing:
    """Sort listed keys by day. Pure. Keys of other reports and of days outside the range are left out."""
    days: dict[str, dict[str, int]] = {}
    foreign = []
    probes = {keys.probe_key(archive, report=one) for one in archive.reports}
    reserved = tuple(archive.prefix + folder for folder in keys.RESERVED)
    for key in sorted(sizes.keys() - probes):
        place = keys.read_key(archive, key)
        if place is None:
            foreign += [] if key.startswith(reserved) else [key]
        elif place.report == report and (first is None or first <= place.day) and (last is None or place.day <= last):
            days.setdefault(place.day, {})[key] = sizes[key]
    return Listing(report=report, days=dict(sorted(days.items())), foreign=tuple(foreign))


def classify(archive: Archive, listing: Listing, manifests: Mapping[str, Manifest | str]) -> Catalogue:
    """What the keys and manifests of a report make. Pure. manifests: by key, each as read or the sentence why it could not be."""
    days = {day: replace(_day(archive, listing.report, day, sizes, manifests), objects=_objects(listing, sizes)) for day, sizes in listing.days.items()}
    foreign = tuple(
        Oddity(FOREIGN, key, f"s3://{archive.bucket}/{key} is not where any day of {listing.report} lies. Move it out of the archive.", listing.report)
        for key in listing.foreign
    )
    return Catalogue(report=listing.report, days=days, foreign=foreign)


def _objects(listing: Listing, sizes: Mapping[str, int]) -> tuple[Found, ...]:
    return tuple(Found(key, size, listing.classes.get(key, "STANDARD")) for key, size in sizes.items())


def _day(archive: Archive, report: str, day: str, sizes: Mapping[str, int], manifests: Mapping[str, Manifest | str]) -> Day:
    numbers = sorted({place.revision for place in (keys.read_key(archive, key) for key in sizes) if place})
    revisions = []
    gaps = []
    for lower, number in zip([0, *numbers], numbers):
        key = keys.object_key(archive, report=report, day=day, revision=number)
        place = keys.Place(report=report, day=day, revision=number)
        revisions.append(_revision(archive.bucket, place, key, sizes.get(key), manifests.get(keys.manifest_key(key))))
        if number > lower + 1:
            gone = f"revision {lower + 1} is" if number == lower + 2 else f"revisions {lower + 1} to {number - 1} are"
            reason = f"s3://{archive.bucket}/{key} is there and {gone} not: deleted. With versions, fleetdata verify tells what can be brought back."
            gaps.append(Oddity(GAP, key, reason, report, day, lower + 1))
    return Day(report=report, day=day, revisions=tuple(revisions), gaps=tuple(gaps))


def _revision(bucket: str, place: keys.Place, key: str, there: int | None, found: Manifest | str | None) -> Revision:
    uri, of = f"s3://{bucket}/{key}", f"s3://{bucket}/{keys.manifest_key(key)}"
    kind, reason, known = "", "", None
    if found is None:
        kind, reason = UNFINISHED, f"{uri} has no manifest: it was uploaded and never proved. Archive the file of {place.day} again; that finishes it."
    elif isinstance(found, str):
        kind, reason = UNREADABLE, found
    elif (found.bucket, found.key, found.report, found.day, found.revision) != (bucket, key, place.report, place.day, place.revision):
        kind, reason = WRONG_KEY, f"{of} is the manifest of {found.uri} ({found.report}, {found.day}, revision {found.revision}). Its own was overwritten."
    else:
        known = found
        kind, reason = _compare(uri, of, there, found)
    oddity = Oddity(kind, key, reason, place.report, place.day, place.revision) if kind else None
    return Revision(number=place.revision, key=key, bytes=there, manifest=known, oddity=oddity)


def _compare(uri: str, of: str, there: int | None, found: Manifest) -> tuple[str, str]:
    if not found.verified:
        return MARKED, f"{uri} read back wrong when it was archived at {found.archived_at}: {found.reason.rstrip('.')}. Archive the file of {found.day} again."
    if there is None:
        return LOST, f"{uri} is not there, its manifest {of} is: the object was deleted. With versions, fleetdata verify tells how to bring it back."
    if there != found.object_bytes:
        return OVERWRITTEN, f"{uri} has {there} bytes; {found.object_bytes} were proved at {found.archived_at}. Something else was put over it."
    return "", ""
