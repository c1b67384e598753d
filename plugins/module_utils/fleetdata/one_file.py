# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file: from its bytes to what became of it."""

from __future__ import annotations

import dataclasses
import datetime
import os
from dataclasses import dataclass
from typing import Any, Callable

from . import keys, readback
from . import manifest as manifests
from .catalogue import Day
from .content import Content
from .errors import ContentError, DamageError, StoreError
from .limits import Progress
from .model import CONFLICT, DAMAGED, UNCHANGED, UPLOADED, Archive, Facts, Manifest, Outcome, ReportType
from .plan import EXAMINE, KEEP, REFUSE, UPLOAD, Held, Step, plan
from .send import Sender, Sent
from .source import Source
from .store import Store, UploadGoneError
from .survey import Survey

ROUNDS = 8
"""How often a file is planned anew when other archivers write its day at the same time."""


@dataclass(frozen=True)
class Context:
    """What a run has for all of its files. encoder: what compresses, for the manifests."""

    store: Store
    archive: Archive
    survey: Survey
    check: bool
    clock: Callable[[], datetime.datetime]
    host: str
    encoder: str
    progress: Progress
    sleep: Callable[[float], None]


def archive_one(*, context: Context, source: Source, report: ReportType, expected: str, late: bool) -> Outcome | None:
    """Archive one file. expected: the day that its beginning lets expect. None when it is of another day, unless it is tried ``late``.

    Raises ContentError, StoreError, OSError; then the file is where and as it was.
    """
    return _OneFile(context, source, report).archive(expected, late)


class _OneFile:
    def __init__(self, context: Context, source: Source, report: ReportType) -> None:
        self._context, self._source, self._report = context, source, report
        self._store, self._survey, self._archive = context.store, context.survey, context.archive
        self._content = Content(source=source, report=report, moved=context.progress.moved)
        self._held: dict[int, Held] = {}
        self._failed: dict[int, str] = {}
        self._tries = 0

    def archive(self, expected: str, late: bool) -> Outcome | None:
        self._day = expected
        # A large file is sent while it is read for the first time, if nothing of its day is archived yet.
        at_once = self._content.large and expected and not self._context.check and not self._held_by_day().revisions
        facts, sent = self._scan_and_send() if at_once else (self._content.scan(), None)
        self._facts, self._day = facts, self._content.day(facts)
        if self._day != expected and not late:
            return None
        outcome = self._prove(sent, Step(UPLOAD, 1)) if sent else None
        while not outcome and self._tries < ROUNDS:
            outcome = self._next()
        if not outcome:
            raise StoreError(f"{self._uri(1)}: other archivers keep writing this day; given up after {ROUNDS} tries. Run again.")
        return outcome

    def _next(self) -> Outcome | None:
        """One step; None when there is another to come."""
        step = plan(day=self._held_by_day(), sha256=self._facts.sha256, revisions=self._archive.revisions, held=self._held, failed=self._failed)
        if step.kind == EXAMINE:
            return self._examine(step.number)
        if step.kind == KEEP and step.manifest:
            return self._keep(step.manifest, step.reason)
        if step.kind == REFUSE:
            version = step.manifest.version_id if step.manifest else ""
            return self._outcome(CONFLICT, reason=step.reason, revision=step.number, version_id=version)
        if self._context.check:
            return self._record(self._manifest(step.number), step.reason)
        try:
            sent = self._content.send(sender=self._sender(step.number), compression=self._archive.compression, facts=self._facts)
        except UploadGoneError:
            self._overtaken()
            return None
        return self._prove(sent, step)

    def _scan_and_send(self) -> tuple[Facts, Sent | None]:
        try:
            return self._content.scan_and_send(sender=self._sender(1), compression=self._archive.compression, day=self._day)
        except UploadGoneError:
            self._overtaken()
            return self._content.scan(), None

    def _sender(self, number: int) -> Sender:
        metadata = {"compression": self._archive.compression, "encoder": self._context.encoder}
        # What a killed predecessor left of this key is given up. So is a rival's upload, once: if it gives up ours in turn, both go on, and the first wins.
        return Sender(store=self._store, key=self._key(number), metadata=metadata, clear=self._tries == 0)

    def _prove(self, sent: Sent, step: Step) -> Outcome | None:
        """Read back what was sent, and record it."""
        if sent.stored is None:
            self._overtaken()
            return None
        manifest = self._manifest(step.number, version_id=sent.stored.version_id, object_bytes=sent.bytes, object_sha256=sent.sha256)
        try:
            readback.prove(store=self._store, manifest=manifest)
        except DamageError as error:
            self._mark(manifest, str(error))
            return self._outcome(
                DAMAGED,
                reason=f"{error} It is marked as damaged, the file stays. Run again.",
                revision=step.number,
                version_id=manifest.version_id,
                changed=True,
            )
        return self._record(manifest, step.reason)

    def _examine(self, number: int) -> Outcome | None:
        """See what an object without manifest holds; if it is this content, its archiver was killed before it could say so."""
        held = self._held[number] = readback.examine(store=self._store, key=self._key(number))
        manifest = dataclasses.replace(
            self._manifest(number, version_id=held.version_id, object_bytes=held.object_bytes, object_sha256=held.object_sha256),
            compression=held.compression,
            encoder=held.encoder,
        )
        if held.damage and not self._context.check:
            nothing = dataclasses.replace(manifest, rows=0, days={}, columns=(), content_bytes=held.content_bytes, content_sha256=held.content_sha256)
            self._mark(nothing, held.damage)
        return self._record(manifest, "") if not held.damage and held.content_sha256 == self._facts.sha256 else None

    def _keep(self, manifest: Manifest, reason: str) -> Outcome | None:
        """The content is archived already. Before its file goes, that is proved anew."""
        if self._archive.delete_source:
            try:
                readback.prove(store=self._store, manifest=manifest)
            except DamageError as error:
                self._failed[manifest.revision] = str(error)
                return None
            except StoreError as error:
                if error.kind != "missing":
                    raise
                self._failed[manifest.revision] = str(error)
                return None
        return self._finished(UNCHANGED, manifest, reason)

    def _record(self, manifest: Manifest, reason: str) -> Outcome | None:
        if not self._context.check and not self._write(manifest):
            self._overtaken()
            return None
        self._survey.add(manifest=manifest)
        return self._finished(UPLOADED, manifest, reason)

    def _mark(self, manifest: Manifest, damage: str) -> None:
        """Leave word that an object never counts."""
        self._write(dataclasses.replace(manifest, verified=False, reason=damage))
        self._survey.forget(report=self._report.name, day=self._day)

    def _write(self, manifest: Manifest) -> bool:
        """Whether there was no manifest yet."""
        key, body = keys.manifest_key(manifest.key), manifests.render(manifest)
        return self._store.put_new(key=key, body=body, content_type="application/json") is not None

    def _overtaken(self) -> None:
        """Another archiver wrote first: look again."""
        self._tries += 1
        if self._tries > 1:
            self._context.sleep(0.1 * 2**self._tries)
        self._survey.forget(report=self._report.name, day=self._day)

    def _finished(self, status: str, manifest: Manifest, reason: str) -> Outcome:
        """It is archived and proved: only now its file may go."""
        deleted = self._archive.delete_source
        if deleted and not self._context.check:
            try:
                self._source.remove()
            except (ContentError, OSError) as error:
                deleted, reason = False, f"{reason} Its archive is proved, and its file stays: {error}".strip()
        return self._outcome(
            status,
            reason=reason,
            revision=manifest.revision,
            version_id=manifest.version_id,
            object_bytes=manifest.object_bytes,
            object_sha256=manifest.object_sha256,
            changed=status == UPLOADED or deleted,
            deleted=deleted,
        )

    def _outcome(self, status: str, *, revision: int, **more: Any) -> Outcome:
        facts = self._facts
        return Outcome(
            path=self._source.path,
            report=self._report.name,
            status=status,
            uri=self._uri(revision),
            revision=revision,
            day=self._day,
            rows=facts.rows,
            first_day=facts.first_day,
            last_day=facts.last_day,
            bytes=facts.bytes,
            content_sha256=facts.sha256,
            **more,
        )

    def _manifest(self, number: int, *, version_id: str = "", object_bytes: int = 0, object_sha256: str = "") -> Manifest:
        facts = self._facts
        return Manifest(
            bucket=self._archive.bucket,
            key=self._key(number),
            version_id=version_id,
            report=self._report.name,
            day=self._day,
            revision=number,
            rows=facts.rows,
            days=facts.days,
            columns=facts.columns,
            content_bytes=facts.bytes,
            content_sha256=facts.sha256,
            object_bytes=object_bytes,
            object_sha256=object_sha256,
            compression=self._archive.compression,
            encoder=self._context.encoder,
            source_host=self._context.host,
            source_path=os.fsencode(self._source.path).decode("utf-8", "backslashreplace"),  # a file's name may be no text
            source_modified=_utc(self._source.modified),
            archived_at=_utc(self._context.clock()),
        )

    def _held_by_day(self) -> Day:
        return self._survey.day(report=self._report.name, day=self._day)

    def _key(self, number: int) -> str:
        return keys.object_key(self._archive, report=self._report.name, day=self._day, revision=number)

    def _uri(self, number: int) -> str:
        return f"s3://{self._archive.bucket}/{self._key(number)}"


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
