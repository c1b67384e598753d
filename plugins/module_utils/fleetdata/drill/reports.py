# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drill reports: days that should be there, drawn days brought back as files, compared, and imported as the application does."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Callable

from .. import keys, restore, verify
from ..catalogue import MISSING, Listing, Wanted, list_days, read_manifests
from ..errors import ContentError
from ..folder import Folder
from ..model import UNCHANGED, Archive, Manifest, ReportType
from ..restore import RESTORED
from ..scan import scan
from ..store import Store
from ..verify import GOOD
from . import importer
from .draw import Draw
from .importer import ImporterError
from .model import DIFFERS, IMPORT, REPORT, Check, Found, Importer

_ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Reports:
    """now: UTC. clock: seconds that never go back."""

    store: Store
    archive: Archive
    importer: Importer | None
    now: datetime.datetime
    clock: Callable[[], float]

    def drill(self, *, folder: str, draw: Draw) -> Found:
        """Drill them in an empty folder. Raises ConfigurationError, StoreError."""
        listings = {name: list_days(store=self.store, archive=self.archive, report=name) for name in sorted(self.archive.reports)}
        checks = [check for name, listing in listings.items() for check in self._absent(self.archive.reports[name], listing)]
        drawn = draw.of((name, day) for name, listing in listings.items() for day in listing.days)
        files = Folder(path=os.path.join(folder, "reports"), flat=True)
        restored = [self._day(report, day, files) for report, day in drawn]
        manifests = [manifest for _, manifest in restored if manifest]
        checks += [check for check, _ in restored]
        if self.importer and manifests:
            checks += _imported(self.importer, manifests, files.path, os.path.join(folder, "imported.db"), self.clock)
        return Found(
            checks=tuple(checks),
            newest={name: max(listing.days) for name, listing in listings.items() if listing.days},
            seconds=sum(check.seconds for check, _ in restored),
            object_bytes=sum(manifest.object_bytes for manifest in manifests),
            all_bytes=sum(_objects(listing) for listing in listings.values()),
        )

    def _absent(self, report: ReportType, listing: Listing) -> Iterator[Check]:
        """Days that should be there by now."""
        proved = {day for day, sizes in listing.days.items() if any(key.endswith(keys.MANIFEST) for key in sizes)}
        due = self.now - _ONE_DAY - datetime.timedelta(hours=report.late_after_hours)
        first = report.first_day or min(listing.days, default="")
        day = datetime.date.fromisoformat(first) if first else due.date() + _ONE_DAY
        while day <= due.date():
            if day.isoformat() not in proved:
                yield Check(REPORT, report.name, day.isoformat(), MISSING, f"{report.name} of {day} is not in the archive, and was due.")
            day += _ONE_DAY

    def _day(self, report: str, day: str, files: Folder) -> tuple[Check, Manifest | None]:
        """Bring one day back and compare it with its manifest. The manifest, if the day is good."""
        wanted = Wanted(reports=(report,), first=day, last=day)
        faults = [one for one in verify.verify(store=self.store, archive=self.archive, wanted=wanted) if one.fault]
        if faults:
            return Check(REPORT, report, day, faults[0].status, " ".join(fault.reason for fault in faults)), None
        began = self.clock()
        (result,) = restore.restore(store=self.store, archive=self.archive, wanted=wanted, into=files)
        seconds = self.clock() - began
        check = Check(
            REPORT, report, day, result.status, result.reason, result.uri, result.version_id, bytes=result.bytes, sha256=result.content_sha256, seconds=seconds
        )  # fmt: skip
        if result.status not in (RESTORED, UNCHANGED):
            return check, None
        manifest = self._manifest(report, day)
        reason = self._compare(manifest, result.path)
        if reason:
            return _judged(check, DIFFERS, reason, 0), None
        return _judged(check, GOOD, "", manifest.rows), manifest

    def _manifest(self, report: str, day: str) -> Manifest:
        listing = list_days(store=self.store, archive=self.archive, report=report, first=day, last=day)
        manifest = read_manifests(store=self.store, archive=self.archive, listing=listing).days[day].counting
        if manifest is None:
            raise ContentError(f"{report} of {day} was in the archive and is not any more: somebody deletes there. Run again.")
        return manifest

    def _compare(self, manifest: Manifest, path: str) -> str:
        """What the file on the disk has that its manifest does not say, empty when nothing."""
        try:
            with open(path, "rb") as file:
                facts = scan(stream=file, report=self.archive.reports[manifest.report], name=path)
        except ContentError as error:
            return str(error)
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        pairs = {
            "rows": (facts.rows, manifest.rows),
            "bytes": (facts.bytes, manifest.content_bytes),
            "days": (dict(facts.days), dict(manifest.days)),
            "SHA-256": (digest.hexdigest(), manifest.content_sha256),
        }
        wrong = [f"its {name} are {found}, its manifest says {said}" for name, (found, said) in pairs.items() if found != said]
        return f"{manifest.uri} came back otherwise than it was proved: {'; '.join(wrong)}." if wrong else ""


def _imported(application: Importer, manifests: Sequence[Manifest], files: str, database: str, clock: Callable[[], float]) -> Iterator[Check]:
    """Have the files imported into a database of their own, and count its rows."""
    wanted = importer.expected(application, manifests)
    name = os.path.basename(application.command[0])
    began = clock()
    try:
        importer.run(application, folder=files, database=database)
    except ImporterError as error:
        yield Check(IMPORT, name, "", DIFFERS, str(error))
        return
    seconds = clock() - began
    wrong = importer.differences(wanted, importer.imported(application, database))
    if wrong:
        yield Check(IMPORT, name, "", DIFFERS, " ".join(wrong), seconds=seconds)
    elif wanted:
        yield Check(IMPORT, name, "", GOOD, rows=sum(wanted.values()), seconds=seconds)


def _judged(check: Check, status: str, reason: str, rows: int) -> Check:
    return dataclasses.replace(check, status=status, reason=reason, rows=rows)


def _objects(listing: Listing) -> int:
    return sum(size for sizes in listing.days.values() for key, size in sizes.items() if not key.endswith(keys.MANIFEST))
