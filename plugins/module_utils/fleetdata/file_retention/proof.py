# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of files that are to go. What is read is an open file: the one that goes, wherever its path leads meanwhile."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable, Protocol

from .. import sources
from ..archive import archive_files
from ..catalogue import read_manifest
from ..errors import ConfigurationError, DamageError, FleetDataError, StoreError
from ..keys import manifest_key, object_key
from ..model import FAILED, UNCHANGED, Archive
from ..readback import prove
from ..store import Store
from . import folders
from .model import ARCHIVED, COPIED, Rule

_BLOCK = 1 << 20


class UnprovedError(FleetDataError):
    """A file is not proved, so it stays."""


@dataclass(frozen=True)
class Proof:
    """uri: of what proves a file, empty where nothing has to; version_id, sha256: of it."""

    uri: str = ""
    version_id: str = ""
    sha256: str = ""


class Prover(Protocol):
    """Proves one file of a rule."""

    def prove(self, *, file: int, path: str) -> Proof:
        """file: open for reading. path: below the rule's folder. Raises FleetDataError, OSError; then the file stays."""


class Copied:
    """An equal file lies in another folder."""

    def __init__(self, *, rule: Rule) -> None:
        self._copies = rule.copies

    def prove(self, *, file: int, path: str) -> Proof:
        """Compare to the byte."""
        copy = f"{self._copies}/{path}"
        try:
            with folders.folder(self._copies) as root, folders.parent(root, path) as (where, name):
                other = folders.open_file(where, name)
        except OSError as error:
            raise UnprovedError(f"{copy} cannot be read ({error.strerror}), so there is no copy of it.") from None
        try:
            if os.path.sameopenfile(file, other):
                raise UnprovedError(f"{copy} is the very same file under another name, so it is no copy.")
            digest, copied = _sha256(file), _sha256(other)
        finally:
            os.close(other)
        if digest != copied:
            raise UnprovedError(f"{copy} is another content (SHA-256 {copied}, not {digest}). Copy it again.")
        return Proof(uri=f"file://{copy}", sha256=digest)


class Archived:
    """Its content is in the archive, and read back from there now."""

    def __init__(self, *, rule: Rule, store: Store, archive: Archive, clock: Callable[[], datetime.datetime], host: str) -> None:
        self._rule, self._store, self._clock, self._host = rule, store, clock, host
        self._archive = dataclasses.replace(archive, settle_seconds=0.0, delete_source=False, quarantine="")
        self._halted = ""

    def prove(self, *, file: int, path: str) -> Proof:
        """Find the content among the day's proved revisions and read that one again, by its version."""
        if self._halted:
            raise UnprovedError(f"It was not tried, as S3 failed before. {self._halted}")
        try:
            return self._prove(file, f"{self._rule.folder}/{path}")
        except StoreError as error:
            self._halted = str(error)
            raise

    def _prove(self, file: int, full: str) -> Proof:
        files = sources.named(archive=self._archive, paths=[full], report=self._rule.report or None)
        (outcome,) = archive_files(store=self._store, archive=self._archive, files=files, check=True, clock=self._clock, host=self._host)
        if outcome.status == FAILED:
            next(iter(self._store.list(prefix=self._archive.prefix)), None)  # which raises when it is S3 that failed
            raise UnprovedError(outcome.reason)
        if outcome.status != UNCHANGED:
            raise UnprovedError(f"It is not in the archive{f': {outcome.reason}' if outcome.reason else '.'} Archive it (fleetdata archive), or look at it.")
        key = manifest_key(object_key(self._archive, report=outcome.report, day=outcome.day, revision=outcome.revision))
        manifest = read_manifest(self._store, key)
        if isinstance(manifest, str):
            raise DamageError(manifest)
        if not manifest.verified or manifest.content_sha256 != _sha256(file):
            raise UnprovedError(f"{manifest.uri} is the archive of another content. Run again.")
        prove(store=self._store, manifest=manifest)
        return Proof(uri=manifest.uri, version_id=manifest.version_id, sha256=manifest.content_sha256)


def prover(*, rule: Rule, archive: Callable[[], tuple[Archive, Store]], clock: Callable[[], datetime.datetime], host: str) -> Prover | None:
    """What proves the files of a rule, None where nothing has to. archive: asked only by a rule that needs it. Raises ConfigurationError."""
    if rule.proof == COPIED:
        return Copied(rule=rule)
    if rule.proof != ARCHIVED:
        return None
    declared, store = archive()
    if rule.report and rule.report not in declared.reports:
        raise ConfigurationError(f"{rule.name}.report: {rule.report!r} is not declared; there are {', '.join(declared.reports)}.")
    return Archived(rule=rule, store=store, archive=declared, clock=clock, host=host)


def _sha256(file: int) -> str:
    digest = hashlib.sha256()
    for block in _blocks(file):
        digest.update(block)
    return digest.hexdigest()


def _blocks(file: int) -> Iterator[bytes]:
    position = 0
    while block := os.pread(file, _BLOCK, position):
        position += len(block)
        yield block
