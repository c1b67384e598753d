# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of backup: copy, check the copy, send it, read it back, open what came back, record it; only then older ones go."""

from __future__ import annotations

import dataclasses
import datetime
import os

from .. import gz, readback
from ..errors import ConfigurationError, ContentError, DamageError, FleetDataError, StoreError
from ..limits import return_memory, share_memory
from . import database, folder, held, keys, manifest, prune
from .context import Context
from .copy import copy
from .held import Catalogue, Held
from .model import DAMAGED, DATABASE, FAILED, REFUSED, UNCHANGED, UPLOADED, Facts, Manifest, Result, Subject
from .sending import receive, send_file, taken

_EARLIEST = 2000


def back_up(*, name: str, context: Context, check: bool = False) -> Result:
    """Back up one database or folder. check: copy and check, send and delete nothing, say what would be.

    Raises ConfigurationError when it is not declared. Whatever else goes wrong is the result, so that it stops no other.
    """
    share_memory()
    return_memory()
    subject = context.backups.subject(name)
    began, now = context.monotonic(), context.clock()
    result = Result(name=name, kind=subject.kind, path=subject.path, status=FAILED)
    try:
        with context.workplace(name) as workplace:
            result = _Run(context, subject, workplace, now, check).all(result)
    except ContentError as error:
        result = dataclasses.replace(result, status=REFUSED, reason=str(error))
    except DamageError as error:
        result = dataclasses.replace(result, status=DAMAGED, reason=str(error))
    except (FleetDataError, OSError) as error:
        result = dataclasses.replace(result, status=FAILED, reason=_said(error))
    return dataclasses.replace(result, seconds=round(context.monotonic() - began))


class _Run:
    def __init__(self, context: Context, subject: Subject, workplace: str, now: datetime.datetime, check: bool) -> None:
        self._context, self._subject, self._workplace, self._now, self._check = context, subject, workplace, now, check
        self._store, self._prefix, self._began = context.store, context.backups.prefix, context.monotonic()
        if now.year < _EARLIEST:
            raise ConfigurationError(f"The clock says {now:%Y-%m-%d}. Set it, then run again.")

    def all(self, result: Result) -> Result:
        found = held.look(store=self._store, prefix=self._prefix, name=self._subject.name)
        stamp = self._stamp(found)
        self._context.progress.expect(files=1)
        if self._subject.kind == DATABASE:
            path, facts = self._copied()
            sent = folder.Tally()
        else:
            path, facts, sent = folder.back_up(context=self._context, subject=self._subject, newest=found.newest, workplace=self._workplace, check=self._check)
        result = dataclasses.replace(result, stamp=stamp, bytes=facts.bytes, content_sha256=facts.sha256, counts=facts.counts)
        result = dataclasses.replace(result, files=sent.files, object_bytes=sent.bytes, notices=tuple(sent.notices))
        newest = found.newest
        same = newest is not None and newest.facts.sha256 == facts.sha256 and self._still_there(newest)
        result = self._unchanged(result, newest, stamp) if newest and same else self._sent(result, path, facts, stamp)
        self._context.progress.finished(self._subject.name)
        if sent.unread:
            unread = f"{len(sent.unread)} of its files could not be read, such as {sent.unread[0]}. All others are backed up."
            return dataclasses.replace(result, status=FAILED, reason=unread)
        return self._pruned(result) if result.proved else result

    def _stamp(self, found: Catalogue) -> str:
        """Now, or as many seconds later as others have taken."""
        moment, there = self._now, found.stamps
        while keys.stamped(moment) in there:
            moment += datetime.timedelta(seconds=1)
        return keys.stamped(moment)

    def _copied(self) -> tuple[str, Facts]:
        path = os.path.join(self._workplace, "copy.sqlite")
        progress = self._context.progress
        copy(subject=self._subject, to=path, busy_seconds=self._context.backups.busy_seconds, moved=progress.moved, sleep=self._context.sleep)
        try:
            facts = database.examine(path)
        except ContentError as error:
            raise ContentError(f"{str(error).replace(path, self._subject.path)} Nothing was backed up, and no older backup was deleted.") from None
        progress.expect(files=0, bytes=facts.bytes * 3)
        return path, facts

    def _still_there(self, newest: Manifest) -> bool:
        try:
            readback.prove(store=self._store, manifest=newest)
        except DamageError:
            return False
        except StoreError as error:
            if error.kind != "missing":
                raise
            return False
        return True

    def _unchanged(self, result: Result, newest: Manifest, stamp: str) -> Result:
        """The same content is there, proved anew: that this is so now is recorded as a backup of now, which names the object that is there."""
        said = dataclasses.replace(
            newest,
            stamp=stamp,
            source_host=self._context.host,
            source_path=self._subject.path,
            archived_at=_utc(self._context.clock()),
            seconds=self._seconds(),
        )
        self._record(said)
        return dataclasses.replace(result, status=UNCHANGED, uri=newest.uri, version_id=newest.version_id)

    def _sent(self, result: Result, path: str, facts: Facts, stamp: str) -> Result:
        key = keys.object_key(prefix=self._prefix, name=self._subject.name, kind=self._subject.kind, stamp=stamp)
        said = self._manifest(key, facts, stamp)
        if not self._check:
            sent = send_file(store=self._store, key=key, path=path, compression=said.compression, moved=self._context.progress.moved)
            if sent.stored is None:
                raise taken(said.uri)
            said = dataclasses.replace(said, version_id=sent.stored.version_id, object_bytes=sent.bytes, object_sha256=sent.sha256)
            result = dataclasses.replace(result, files=result.files + 1, object_bytes=result.object_bytes + sent.bytes)
            os.unlink(path)  # there need not be room for two
            damage = self._came_back(said)
            if damage:
                self._record(dataclasses.replace(said, verified=False, reason=damage))
                return dataclasses.replace(result, status=DAMAGED, reason=f"{damage} It is marked as damaged and never counts. Run again.", uri=said.uri)
            self._record(dataclasses.replace(said, archived_at=_utc(self._context.clock()), seconds=self._seconds()))
        return dataclasses.replace(result, status=UPLOADED, uri=said.uri, version_id=said.version_id)

    def _came_back(self, said: Manifest) -> str:
        """What is wrong with what S3 gives back, nothing when it is all there."""
        path = os.path.join(self._workplace, "back")
        try:
            receive(store=self._store, manifest=said, to=path, moved=self._context.progress.moved)
            if self._subject.kind == DATABASE:
                database.compare(path, said)
        except DamageError as error:
            return str(error)
        return ""

    def _record(self, said: Manifest) -> None:
        key = held.manifest_key(said, prefix=self._prefix)
        if not self._check and self._store.put_new(key=key, body=manifest.render(said), content_type="application/json") is None:
            raise taken(f"s3://{self._store.bucket}/{key}")

    def _pruned(self, result: Result) -> Result:
        """The backup is proved: whatever goes wrong from here on is a notice, and the next run's to do."""
        try:
            found = held.look(store=self._store, prefix=self._prefix, name=self._subject.name)
            if self._check:
                found = dataclasses.replace(found, backups=(*found.backups, Held(result.stamp, "", None)))
            if result.stamp not in {each.stamp for each in found.good}:
                raise DamageError(f"The backup of {result.stamp} is not among those that S3 lists. None was deleted.")
            planned = prune.plan(found=found, subject=self._subject, counts=result.counts, now=self._now)
            if not self._check:
                prune.apply(store=self._store, backups=planned.backups, objects=[*planned.objects, *self._idle(found, planned)])
        except (FleetDataError, OSError) as error:
            return dataclasses.replace(result, notices=(*result.notices, f"Older backups of {self._subject.name} were not all looked at: {_said(error)}"))
        gone = tuple(each.stamp for each in planned.backups)
        return dataclasses.replace(result, pruned=gone, stayed=planned.stayed, notices=(*result.notices, *planned.notices))

    def _idle(self, found: Catalogue, planned: prune.Prune) -> tuple[str, ...]:
        """Objects of files that only backups name which go."""
        if self._subject.kind == DATABASE or not planned.backups or found.damaged:
            return ()
        kept = [each.manifest for each in found.good if each.manifest and each not in planned.backups]
        before = self._now - prune.GRACE
        return folder.idle(context=self._context, subject=self._subject, kept=kept, workplace=self._workplace, before=before)

    def _seconds(self) -> int:
        return round(self._context.monotonic() - self._began)

    def _manifest(self, key: str, facts: Facts, stamp: str) -> Manifest:
        compression = self._context.backups.compression
        return Manifest(
            bucket=self._store.bucket,
            key=key,
            version_id="",
            name=self._subject.name,
            kind=self._subject.kind,
            stamp=stamp,
            content_bytes=facts.bytes,
            content_sha256=facts.sha256,
            object_bytes=0,
            object_sha256="",
            compression=compression,
            encoder=gz.encoder(compression),
            counts=facts.counts,
            sqlite_version=facts.sqlite_version,
            page_size=facts.page_size,
            user_version=facts.user_version,
            schema_sha256=facts.schema_sha256,
            integrity=facts.integrity,
            foreign_keys=facts.foreign_keys,
            source_host=self._context.host,
            source_path=self._subject.path,
            archived_at=_utc(self._now),
            seconds=0,
        )


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, FleetDataError) else f"{getattr(error, 'filename', '') or ''}: {getattr(error, 'strerror', error)}.".lstrip(": ")
