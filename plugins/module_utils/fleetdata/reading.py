# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archived object read back and compared with its manifest, while its CSV passes by."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Callable, Protocol, TypeVar

from . import gz
from .ahead import ahead
from .errors import DamageError, StoreError
from .limits import Progress, Silence
from .model import Manifest
from .store import Store

DAMAGED, DELETED, FAILED = "damaged", "deleted", "failed"
"""An object holds other bytes than were proved; its version was deleted; S3 did not give it."""

LARGE = 16 << 20
"""Bytes of content from which reading, unpacking and hashing go on at once."""

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Trouble:
    """Why an object was not read. kind: DAMAGED, DELETED or FAILED."""

    kind: str
    reason: str


class Proved(Protocol):
    """What a manifest of any kind says of its object: the compressed object's and its content's bytes and SHA-256, as they were proved."""

    @property
    def key(self) -> str: ...
    @property
    def version_id(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def object_bytes(self) -> int: ...
    @property
    def object_sha256(self) -> str: ...
    @property
    def content_bytes(self) -> int: ...
    @property
    def content_sha256(self) -> str: ...
    @property
    def archived_at(self) -> str: ...


class _Passed:
    """How much passed, and its SHA-256."""

    def __init__(self) -> None:
        self.bytes = 0
        self._digest = hashlib.sha256()

    def through(self, blocks: Iterable[bytes]) -> Generator[bytes, None, None]:
        for block in blocks:
            self.bytes += len(block)
            self._digest.update(block)
            yield block

    def differences(self, what: str, size: int, sha256: str) -> list[str]:
        """What differs from what was proved."""
        found = self._digest.hexdigest()
        return [] if (self.bytes, found) == (size, sha256) else [f"{what} has {self.bytes} bytes (SHA-256 {found}) instead of {size} ({sha256})"]


def named(manifest: Proved) -> str:
    """An object's address and version, for sentences."""
    return f"{manifest.uri} (version {manifest.version_id})" if manifest.version_id else manifest.uri


def content(*, store: Store, manifest: Proved) -> Iterator[bytes]:
    """The content of an archived object, block by block, read by its version.

    It is what was proved only once the last block was taken without an error. Raises DamageError (key, version and all that differs), at the
    latest then, and StoreError if S3 does not give it; its kind is ``missing`` when that version was deleted.
    """
    stored, unpacked = _Passed(), _Passed()
    with store.read(key=manifest.key, version_id=manifest.version_id) as blocks, closing(_beside(stored.through(blocks), manifest.content_bytes)) as raw:
        broken = ""
        try:
            with closing(_beside(gz.decompress(raw), manifest.content_bytes)) as unpacking:
                for block in unpacked.through(unpacking):
                    if unpacked.bytes > manifest.content_bytes:
                        broken = f"its content is longer than {manifest.content_bytes} bytes"
                        break  # a few bytes can unpack to a full disk
                    yield block
        except DamageError as error:
            broken = f"it cannot be unpacked: {str(error).rstrip('.')}"
        collections.deque(raw, maxlen=0)
    problems = stored.differences("the object", manifest.object_bytes, manifest.object_sha256)
    problems += [broken] if broken else unpacked.differences("its content", manifest.content_bytes, manifest.content_sha256)
    if problems:
        raise DamageError(f"{named(manifest)} is not what was proved at {manifest.archived_at}: {'; '.join(problems)}.")


def _beside(blocks: Generator[bytes, None, None], size: int) -> Generator[bytes, None, None]:
    """Blocks made in a thread of their own where the content is large enough for that to be worth it."""
    return ahead(blocks) if size > LARGE else blocks


class Reader:
    """Reads objects for several threads at once, and tells how far they are. Once S3 is out of reach, it asks for no more."""

    def __init__(self, store: Store, progress: Progress | None) -> None:
        self._store = store
        self._progress = progress or Silence()
        self._out_of_reach = ""

    def expect(self, manifests: Collection[Manifest]) -> None:
        """Say what is to be read."""
        self._progress.expect(files=len(manifests), bytes=sum(manifest.content_bytes for manifest in manifests))

    def read(self, manifest: Manifest, use: Callable[[Iterator[bytes]], _R], *, name: str) -> _R | Trouble:
        """Give the object's CSV, block by block, to ``use``, which must undo what it did when an error comes with a block. name: for the progress."""
        if self._out_of_reach:
            return Trouble(FAILED, self._out_of_reach)
        try:
            return use(self._moving(content(store=self._store, manifest=manifest)))
        except DamageError as error:
            return Trouble(DAMAGED, str(error))
        except StoreError as error:
            if error.kind == "missing":
                return Trouble(DELETED, f"{named(manifest)} was deleted. fleetdata verify tells what is left of it.")
            if error.kind == "unreachable":
                self._out_of_reach = str(error)
            return Trouble(FAILED, str(error))
        finally:
            self._progress.finished(name)

    def _moving(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield block
            self._progress.moved(len(block))


def each(*, of: Iterable[_T], do: Callable[[_T], _R], at_once: int) -> list[_R]:
    """Do something for each of many, a few at once; the results in order. The first error ends it."""
    if at_once == 1:
        return [do(one) for one in of]
    pool = ThreadPoolExecutor(max_workers=at_once)
    try:
        return list(pool.map(do, of))
    finally:
        pool.shutdown(cancel_futures=True)
