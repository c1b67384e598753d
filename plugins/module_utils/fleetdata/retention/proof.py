# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of rows that are to go: they are written to S3 as a day's report is, read back, and given as what came back."""

from __future__ import annotations

import datetime
import os
import sqlite3
from dataclasses import dataclass
from typing import Callable, Protocol

from .. import keys, model
from ..archive import archive_files
from ..catalogue import read_manifest
from ..errors import DAMAGED, STAYED, UNREACHABLE, DamageError, FleetDataError, StoreError
from ..model import FAILED, UNCHANGED, UPLOADED, Archive, Manifest
from ..reading import content
from ..store import Store
from . import schema
from .archived import report_name
from .export import export
from .plan import Step

_CODES = {FAILED: UNREACHABLE, model.DAMAGED: DAMAGED}
"""The exit codes of what became of a day's file, where it is not archived."""


class UnprovedError(FleetDataError):
    """Rows are not proved, so they stay."""

    def __init__(self, message: str, *, code: int = STAYED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Proof:
    """Lines of rows that may go, in a file of their own. count: of rows. uri, version_id, sha256: of what proves them, empty where nothing has to."""

    path: str
    count: int
    uri: str = ""
    version_id: str = ""
    revision: int = 0
    sha256: str = ""


class Prover(Protocol):
    """Proves a day's rows as they are now."""

    def prove(self, *, database: sqlite3.Connection, step: Step, folder: str) -> Proof:
        """Write what may go into an empty folder. Raises FleetDataError, OSError, sqlite3.Error; then nothing may."""


class Unproved:
    """For tables whose rows may go without any proof: as it was acknowledged."""

    def prove(self, *, database: sqlite3.Connection, step: Step, folder: str) -> Proof:
        """The rows themselves."""
        path = os.path.join(folder, f"{step.day}.csv")
        return Proof(path=path, count=export(database=database, step=step, path=path))


class Archived:
    """Through S3 and back. archive: as ``rows_archive`` makes it."""

    def __init__(self, *, store: Store, archive: Archive, clock: Callable[[], datetime.datetime], host: str, sleep: Callable[[float], None]) -> None:
        self._store, self._archive, self._clock, self._host, self._sleep = store, archive, clock, host, sleep
        self._halted = ""
        self._recorded: set[str] = set()

    def prove(self, *, database: sqlite3.Connection, step: Step, folder: str) -> Proof:
        """Write the day's rows to S3, unless just these are there, and read them back."""
        if self._halted:
            raise UnprovedError(f"It was not tried, as S3 failed before. {self._halted}", code=UNREACHABLE)
        report = report_name(step.table.name)
        sent, back = os.path.join(folder, f"{report}-{step.day}.csv"), os.path.join(folder, "back.csv")
        count = export(database=database, step=step, path=sent)
        if not count:
            return Proof(path=sent, count=0)
        self._record(database, step)
        manifest = self._archived(sent, report)
        if manifest.rows != count:
            raise DamageError(f"{manifest.uri} has {manifest.rows} rows, {count} were sent.")
        with open(back, "wb") as file:
            file.writelines(content(store=self._store, manifest=manifest))
        return Proof(
            path=back, count=count, uri=manifest.uri, version_id=manifest.version_id, revision=manifest.revision, sha256=manifest.content_sha256
        )  # fmt: skip

    def _record(self, database: sqlite3.Connection, step: Step) -> None:
        """Keep what the table is, once a run."""
        if step.table.name in self._recorded:
            return
        try:
            schema.record(store=self._store, archive=self._archive, table=step.table.name, schema=schema.of(database, step.table))
        except StoreError:
            self._halted = self._out_of_reach()
            raise
        self._recorded.add(step.table.name)

    def _archived(self, path: str, report: str) -> Manifest:
        """The manifest of a file's object, as it is in the bucket now. The file goes."""
        files = [(path, report)]
        (outcome,) = archive_files(
            store=self._store, archive=self._archive, files=files, check=False, clock=self._clock, host=self._host, sleep=self._sleep
        )  # fmt: skip
        if outcome.status == FAILED:
            self._halted = self._out_of_reach()
        if outcome.status not in (UPLOADED, UNCHANGED):
            raise UnprovedError(outcome.reason, code=_CODES.get(outcome.status, STAYED))
        key = keys.object_key(self._archive, report=report, day=outcome.day, revision=outcome.revision)
        manifest = self._manifest(keys.manifest_key(key))
        if not manifest.verified or (manifest.key, manifest.content_sha256) != (key, outcome.content_sha256):
            raise DamageError(f"{outcome.uri}: its manifest is not of what was sent; somebody else writes there. Run again.")
        return manifest

    def _out_of_reach(self) -> str:
        """Why S3 answers nothing at all, empty when it does."""
        try:
            next(iter(self._store.list(prefix=self._archive.prefix)), None)
        except StoreError as error:
            return str(error)
        return ""

    def _manifest(self, key: str) -> Manifest:
        found = read_manifest(self._store, key)
        if isinstance(found, str):
            raise DamageError(found)
        return found
