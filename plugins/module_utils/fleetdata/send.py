# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file on its way to S3: checked, compressed and sent at the same time, block by block; it is an object only when all of it was found good."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Callable

from . import gz
from .errors import StoreError
from .model import Facts
from .scan import Scanner
from .store import Part, Store, Stored

PART = 5 << 20
"""Bytes of a part of a multipart upload, the least that S3 takes: four of them are in memory. A smaller object is one request."""
UNDER_WAY = 2
"""Parts being sent while the next one is made."""
_AHEAD = 4


@dataclass(frozen=True)
class Sent:
    """What was sent. stored: None when an object lay there already, and nothing was written."""

    stored: Stored | None
    bytes: int
    sha256: str


class Sender:
    """Bytes become an object under ``key`` that was not there before, at ``finish`` and not a moment earlier.

    clear: whether to give up, at the beginning, what killed predecessors left of this key.
    """

    def __init__(self, *, store: Store, key: str, metadata: Mapping[str, str], clear: bool) -> None:
        self._store, self._key, self._metadata, self._clear = store, key, metadata, clear
        self._digest, self._bytes = hashlib.sha256(), 0
        self._chunks: list[bytes] = []
        self._pending = 0
        self._upload = ""
        self._pool: ThreadPoolExecutor | None = None
        self._parts: list[Future[Part]] = []

    def feed(self, chunk: bytes) -> None:
        """Take what comes next; sends a part whenever there is one."""
        self._digest.update(chunk)
        self._bytes += len(chunk)
        self._chunks.append(chunk)
        self._pending += len(chunk)
        if self._pending > PART:
            self._send_part()

    def finish(self) -> Sent:
        """Make it an object."""
        if not self._upload:
            sha256 = self._digest.hexdigest()
            return self._sent(self._store.put_new(key=self._key, body=b"".join(self._chunks), sha256=sha256, metadata=self._metadata))
        if self._pending:
            self._send_part()
        parts = [part.result() for part in self._parts]
        sent = self._sent(self._store.complete(key=self._key, upload=self._upload, parts=parts))
        clear(self._store, self._key)
        return sent

    def give_up(self) -> None:
        """Leave nothing behind of an upload that is not to be."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._upload:
            self._store.abort(key=self._key, upload=self._upload)

    def close(self) -> None:
        """End the threads."""
        if self._pool:
            self._pool.shutdown(wait=True)

    def _sent(self, stored: Stored | None) -> Sent:
        return Sent(stored=stored, bytes=self._bytes, sha256=self._digest.hexdigest())

    def _send_part(self) -> None:
        if not self._pool:
            if self._clear:
                clear(self._store, self._key)
            self._upload = self._store.begin(key=self._key, metadata=self._metadata)
            self._pool = ThreadPoolExecutor(max_workers=UNDER_WAY)
        if len(self._parts) >= UNDER_WAY:
            self._parts[-UNDER_WAY].result()
        body, self._chunks, self._pending = b"".join(self._chunks), [], 0
        number = len(self._parts) + 1
        self._parts.append(self._pool.submit(self._store.put_part, key=self._key, upload=self._upload, number=number, body=body))


def clear(store: Store, key: str) -> None:
    """Give up the multipart uploads of ``key`` that are under way. Once there is an object none of them can become one."""
    for upload in store.uploads(key=key):
        store.abort(key=key, upload=upload)


def send(*, blocks: Iterable[bytes], scanner: Scanner, sender: Sender, compression: str, accept: Callable[[Facts], bool]) -> tuple[Facts, Sent | None]:
    """Check, compress and send the same blocks at once. accept: told what the content is, whether it is to become the object; Sent is None if not.

    Raises ContentError, StoreError; whatever goes wrong, no object and no upload is left behind.
    """
    compressor = gz.Compressor(compression)
    try:
        with _beside(scanner) as put:
            for block in blocks:
                put(block)
                sender.feed(compressor.compress(block))
            sender.feed(compressor.flush())
        facts = scanner.finish()
        if accept(facts):
            return facts, sender.finish()
    except BaseException:
        _leave_nothing(sender)
        raise
    finally:
        sender.close()
    sender.give_up()
    return facts, None


def send_checked(*, blocks: Iterable[bytes], sender: Sender, compression: str) -> Sent:
    """Compress and send a content that was checked already. Raises StoreError and what ``blocks`` raises; then no object and no upload is left behind."""
    compressor = gz.Compressor(compression)
    try:
        for block in blocks:
            sender.feed(compressor.compress(block))
        sender.feed(compressor.flush())
        return sender.finish()
    except BaseException:
        _leave_nothing(sender)
        raise
    finally:
        sender.close()


def _leave_nothing(sender: Sender) -> None:
    with suppress(StoreError):  # what cannot be given up now is cleared by the next run; the first error is the one to tell
        sender.give_up()


@contextmanager
def _beside(scanner: Scanner) -> Iterator[Callable[[bytes], None]]:
    """A scanner in a thread of its own, which is handed blocks. What it raises is raised here, at the latest in the end."""
    blocks: queue.Queue[bytes] = queue.Queue(_AHEAD)
    faults: list[Exception] = []

    def run() -> None:
        while block := blocks.get():
            if not faults:
                try:
                    scanner.feed(block)
                except Exception as error:
                    faults.append(error)

    def put(block: bytes) -> None:
        if faults:
            raise faults[0]
        blocks.put(block)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield put
    finally:
        blocks.put(b"")
        thread.join()
    if faults:
        raise faults[0]
