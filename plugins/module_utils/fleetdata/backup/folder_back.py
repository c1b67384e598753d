# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder comes back from its list: files that are there with the right content stay, the others are read, proved, and then have their names."""

from __future__ import annotations

import collections
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress

from .. import folder
from ..errors import CONFLICT, DamageError, FleetDataError, StoreError
from ..limits import Progress
from ..reading import content
from ..store import Store
from . import database, listing
from .copy import check_room
from .listing import DIRECTORY, FILE, LINK, Entry
from .model import Manifest
from .sending import receive, told

_BEGINNING = ".fleetdata-list-"


class OccupiedError(FleetDataError):
    """Something else is where a file is to go."""

    code = CONFLICT


def restore(*, store: Store, prefix: str, manifest: Manifest, into: str, replace: bool, check: bool, progress: Progress) -> int:
    """Bring a folder back; how many files and links were written, or would be. What is there and not in the backup stays as it is.

    Files get their mode and time, and the owner of the folder they come into. Raises OccupiedError before anything is written.
    """
    with tempfile.TemporaryDirectory(prefix=_BEGINNING) as place:
        path = os.path.join(place, "list")
        receive(store=store, manifest=manifest, to=path, moved=progress.moved)
        work = _Back(store, prefix, manifest, into, progress)
        missing, needed = work.look(path, replace)
        if check or not missing:
            return missing
        with folder.explained(folder.Folder(path=into)), folder.Folder(path=into).locked():
            check_room(into, needed, what=f"The backup of {manifest.name} of {manifest.stamp}")
            progress.expect(files=missing, bytes=needed)
            work.write(path)
        return missing


def check_files(*, store: Store, prefix: str, manifest: Manifest, path: str, moved: Callable[[int], None]) -> Iterator[str]:
    """Read back every file of a list; a sentence for each one that is not what it was."""
    seen: set[str] = set()
    for entry in listing.read(path):
        if entry.kind == FILE and entry.sha256 not in seen:
            seen.add(entry.sha256)
            proof = listing.stored(entry, bucket=manifest.bucket, prefix=prefix, name=manifest.name)
            try:
                collections.deque(told(content(store=store, manifest=proof), moved), maxlen=0)
            except DamageError as error:
                yield f"{entry.path}: {error}"
            except StoreError as error:
                if error.kind != "missing":
                    raise
                yield f"{entry.path}: {proof.uri} is missing."


class _Back:
    def __init__(self, store: Store, prefix: str, manifest: Manifest, into: str, progress: Progress) -> None:
        self._store, self._prefix, self._manifest, self._into, self._progress = store, prefix, manifest, into, progress

    def look(self, path: str, replace: bool) -> tuple[int, int]:
        """How many files and links are missing, and the bytes of those files."""
        missing = needed = 0
        for entry in listing.read(path):
            there = self._there(entry)
            if there is False and not (replace and entry.kind == FILE):
                raise OccupiedError(f"{self._at(entry)} is there and another than in the backup of {self._manifest.stamp}. Move it away, or restore elsewhere.")
            if not there and entry.kind != DIRECTORY:
                missing, needed = missing + 1, needed + entry.bytes
        return missing, needed

    def write(self, path: str) -> None:
        """Directories and files, then links, so that no file is written through one; last the directories' modes."""
        owner = os.stat(self._into)
        for entry in listing.read(path):
            if entry.kind == DIRECTORY and not os.path.isdir(self._at(entry)):
                os.mkdir(self._at(entry), 0o700)
                os.chown(self._at(entry), owner.st_uid, owner.st_gid)
            elif entry.kind == FILE and not self._there(entry):
                self._file(entry, owner)
        for entry in listing.read(path):
            if entry.kind == LINK and not self._there(entry):
                os.symlink(entry.target, self._at(entry))
                os.chown(self._at(entry), owner.st_uid, owner.st_gid, follow_symlinks=False)
        for entry in listing.read(path):
            if entry.kind == DIRECTORY:
                os.chmod(self._at(entry), entry.mode)
                folder.settle([os.path.join(self._at(entry), "")])
        folder.settle([os.path.join(self._into, "")])

    def _file(self, entry: Entry, owner: os.stat_result) -> None:
        path = self._at(entry)
        part = os.path.join(os.path.dirname(path), f".{entry.sha256[:16]}.fleetdata.part")
        with suppress(FileNotFoundError):
            os.unlink(part)  # of a killed run
        proof = listing.stored(entry, bucket=self._manifest.bucket, prefix=self._prefix, name=self._manifest.name)
        receive(store=self._store, manifest=proof, to=part, moved=self._progress.moved)
        os.chown(part, owner.st_uid, owner.st_gid)
        os.chmod(part, entry.mode)
        os.utime(part, ns=(entry.modified, entry.modified))
        if os.path.lexists(path):
            os.rename(path, f"{path}.before-{self._manifest.stamp}")
        os.rename(part, path)
        self._progress.finished(path)

    def _there(self, entry: Entry) -> bool | None:
        """Whether it is there as in the backup; None when there is nothing of its name."""
        path = self._at(entry)
        if not os.path.lexists(path):
            return None
        if os.path.islink(path):
            return entry.kind == LINK and os.readlink(path) == entry.target
        if entry.kind == DIRECTORY:
            return os.path.isdir(path)
        return entry.kind == FILE and os.path.isfile(path) and os.path.getsize(path) == entry.bytes and database.sha256(path) == entry.sha256

    def _at(self, entry: Entry) -> str:
        return os.path.join(self._into, entry.path)
