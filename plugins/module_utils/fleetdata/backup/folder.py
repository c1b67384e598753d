# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder on its way to the bucket: each content once, under its SHA-256, and a list of all that is in the folder."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .. import readback, source
from ..errors import ConfigurationError, ContentError, DamageError
from ..limits import LARGE_FILE, Allowance
from ..send import Sender, Sent, send_checked
from . import database, keys, listing
from .context import Context
from .listing import FILE, Entry
from .model import Facts, Manifest, Subject
from .sending import receive, told

_AT_ONCE = 4
_LARGE = 4 << 20
"""A file of more bytes is sent alone: it takes the memory, and two of the same content would give up each other's parts."""
_WINDOW = 256
"""Entries that are looked at together: so many are held in memory."""


@dataclass
class Tally:
    """What was sent: objects and their bytes, and what to say of files that were not."""

    files: int = 0
    bytes: int = 0
    notices: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def back_up(*, context: Context, subject: Subject, newest: Manifest | None, workplace: str, check: bool) -> tuple[str, Facts, Tally]:
    """Send what is new in a folder, and make the list of all that is in it. newest: the backup that files are compared with, by size and time.

    A file that changes while it is read is named, its earlier content stays in the list, and the next run tries again. Raises ConfigurationError,
    StoreError, ContentError when there is no file at all.
    """
    if not os.path.isdir(subject.path):
        raise ConfigurationError(f"{subject.path}: there is no such folder. Name the one that the application writes to.")
    run, path = _Folder(context, subject, check), os.path.join(workplace, "list")
    counts = {"files": 0, "links": 0, "directories": 0, "bytes": 0}
    with open(path, "wb") as file:
        for entry in run.entries(_earlier(context, newest, workplace)):
            counts[{FILE: "files", listing.LINK: "links"}.get(entry.kind, "directories")] += 1
            counts["bytes"] += entry.bytes
            file.write(listing.line(entry))
        file.flush()
        os.fsync(file.fileno())
    if not counts["files"]:
        raise ContentError(f"{subject.path}: there is not a single file in it. Nothing was backed up, and no older backup was deleted.")
    return path, Facts(bytes=os.path.getsize(path), sha256=database.sha256(path), counts=counts), run.tally


def idle(*, context: Context, subject: Subject, kept: Iterable[Manifest], workplace: str, before: datetime.datetime) -> tuple[str, ...]:
    """The keys of objects, older than ``before``, which no list of a kept backup names. Raises DamageError, StoreError: then nothing may go."""
    prefix, named = context.backups.prefix, set()
    for manifest in {manifest.key: manifest for manifest in kept}.values():
        for entry in _earlier(context, manifest, workplace):
            named.add(bytes.fromhex(entry.sha256))
    stem = keys.files_stem(prefix=prefix, name=subject.name)
    return tuple(found.key for found in context.store.list(prefix=stem) if found.modified < before and _content(found.key) not in named | {b""})


def _content(key: str) -> bytes:
    """The SHA-256 of a file that an object's key says; b"" for a key of others."""
    name = key.rpartition("/")[2].partition(".")[0]
    try:
        return bytes.fromhex(name) if len(name) == 64 else b""
    except ValueError:
        return b""


def _earlier(context: Context, manifest: Manifest | None, workplace: str) -> Iterator[Entry]:
    if manifest is None:
        return
    path = os.path.join(workplace, f"list-{manifest.stamp}")
    receive(store=context.store, manifest=manifest, to=path, moved=context.progress.moved)
    yield from listing.read(path)
    os.unlink(path)


class _Folder:
    def __init__(self, context: Context, subject: Subject, check: bool) -> None:
        self.tally = Tally()
        self._context, self._subject, self._check = context, subject, check
        self._store, self._allowance = context.store, Allowance()
        self._counting = threading.Lock()
        stem = keys.files_stem(prefix=context.backups.prefix, name=subject.name)
        self._there = {_content(found.key): found.size for found in context.store.list(prefix=stem)}

    def entries(self, earlier: Iterator[Entry]) -> Iterator[Entry]:
        pairs = listing.paired(listing.walk(self._subject.path), earlier)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            while window := list(itertools.islice(pairs, _WINDOW)):
                yield from (entry for entry in pool.map(lambda pair: self._entry(*pair), window) if entry)

    def _entry(self, entry: Entry, before: Entry | None) -> Entry | None:
        """The entry with its content's proof; None when there is none."""
        if entry.kind != FILE:
            return entry
        before = before if before and self._holds(before) else None
        if before and entry.seems(before):
            return dataclasses.replace(before, mode=entry.mode)
        path = os.path.join(self._subject.path, entry.path)
        try:
            needed = LARGE_FILE if entry.bytes > _LARGE else entry.bytes
            with self._allowance.for_file(needed), source.opened(path, hold=False, sleep=self._context.sleep) as opened:
                return self._content(entry, before, opened)
        except FileNotFoundError:
            return None
        except ContentError as error:
            self.tally.notices.append(f"{error} Its earlier content stays in the backup." if before else str(error))
        except OSError as error:
            self.tally.unread.append(f"{path}: {error.strerror}")
        return before

    def _holds(self, before: Entry) -> bool:
        """Whether an earlier content is still among the bucket's."""
        return before.kind == FILE and self._there.get(bytes.fromhex(before.sha256)) == before.object_bytes

    def _content(self, entry: Entry, before: Entry | None, opened: source.Source) -> Entry:
        self._context.progress.expect(files=0, bytes=2 * opened.size)
        digest = hashlib.sha256()
        for block in told(opened.blocks(), self._context.progress.moved):
            digest.update(block)
        entry = dataclasses.replace(entry, bytes=opened.size, sha256=digest.hexdigest())
        if before and before.sha256 == entry.sha256:  # touched, and the same
            return dataclasses.replace(before, mode=entry.mode, modified=entry.modified)
        if self._check:
            self._count(0)
            return entry
        return self._proved(entry, opened)

    def _proved(self, entry: Entry, opened: source.Source) -> Entry:
        entry = dataclasses.replace(entry, archived_at=f"{self._context.clock():%Y-%m-%dT%H:%M:%SZ}")
        key = keys.file_key(prefix=self._context.backups.prefix, name=self._subject.name, sha256=entry.sha256)
        sent = self._send(key, entry, opened)
        if sent.stored is None:  # of a killed run, of another file, or of a backup that is no longer kept
            there = readback.examine(store=self._store, key=key)
            if not there.damage and there.content_sha256 == entry.sha256:
                return dataclasses.replace(entry, version_id=there.version_id, object_bytes=there.object_bytes, object_sha256=there.object_sha256)
            self.tally.notices.append(f"s3://{self._store.bucket}/{key} does not hold what its key says. It was hidden by a delete marker, and sent anew.")
            self._store.remove(key=key)
            sent = self._send(key, entry, opened)
        if sent.stored is None:
            raise DamageError(f"s3://{self._store.bucket}/{key}: something else is written there again and again.")
        entry = dataclasses.replace(entry, version_id=sent.stored.version_id, object_bytes=sent.bytes, object_sha256=sent.sha256)
        proof = listing.stored(entry, bucket=self._store.bucket, prefix=self._context.backups.prefix, name=self._subject.name)
        readback.prove(store=self._store, manifest=proof)
        self._count(sent.bytes)
        return entry

    def _send(self, key: str, entry: Entry, opened: source.Source) -> Sent:
        compression = self._context.backups.compression
        sender = Sender(store=self._store, key=key, metadata={"compression": compression}, clear=True)
        return send_checked(blocks=self._same(entry, opened), sender=sender, compression=compression)

    def _same(self, entry: Entry, opened: source.Source) -> Iterator[bytes]:
        """The content once more. Raises UnsettledError, so that nothing is sent, when it is not that any more."""
        digest = hashlib.sha256()
        for block in told(opened.blocks(), self._context.progress.moved):
            digest.update(block)
            yield block
        if digest.hexdigest() != entry.sha256:
            raise source.UnsettledError(f"{opened.path}: it was changed while it was read. Run again when it is complete.")

    def _count(self, sent: int) -> None:
        with self._counting:
            self.tally.files += 1
            self.tally.bytes += sent
