# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup comes back: read by its version, compared with its manifest, opened and counted before it has its name."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ..errors import CONFLICT, ConfigurationError, FleetDataError
from ..folder import Folder
from ..limits import Progress, Silence
from ..store import Store
from . import database, folder_back, held
from .copy import check_room, sync
from .model import DATABASE, UNCHANGED, Manifest
from .sending import receive

RESTORED = "restored"
"""What became of it, beside UNCHANGED: it was there already."""
PART = ".fleetdata.part"


class OtherContentError(FleetDataError):
    """Something else is where a backup is to go."""

    code = CONFLICT


@dataclass(frozen=True)
class Target:
    """Where a backup goes. path: the file of a database (in a directory it is <name>.sqlite), or the folder of a folder.

    replace: whether what is there with other content is kept beside it, instead of being an error.
    """

    path: str
    replace: bool = False


@dataclass(frozen=True)
class Restored:
    """What came back, or would. path: of the database's file, or of the folder. files: of a folder, written ones. kept: where what was there lies now.

    seconds: how long it took. The rest is the manifest's.
    """

    name: str
    kind: str
    stamp: str
    path: str
    status: str
    uri: str
    version_id: str
    bytes: int
    content_sha256: str
    counts: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    kept: str = ""
    seconds: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was written, or would be."""
        return self.status == RESTORED


def restore_backup(
    *, store: Store, prefix: str, name: str, into: Target, stamp: str | None = None, check: bool = False,
    progress: Progress | None = None, monotonic: Callable[[], float] = time.monotonic,
) -> Restored:  # fmt: skip
    """Bring a backup back into a file, or a folder. stamp: None for the newest, which must count; an older one is only taken when it is named.

    check: write nothing, say what would be. Needs s3:ListBucket, s3:GetObject, s3:GetObjectVersion. Raises NoBackupError, DamageError, StoreError,
    OtherContentError, ConfigurationError (no room, another restore); then what was there is as it was.
    """
    began, progress = monotonic(), progress or Silence()
    manifest = held.chosen(held.look(store=store, prefix=prefix, name=name), stamp)
    path = os.path.abspath(into.path)
    if manifest.kind != DATABASE:
        written = folder_back.restore(store=store, prefix=prefix, manifest=manifest, into=path, replace=into.replace, check=check, progress=progress)
        result = dataclasses.replace(outcome(manifest, path), files=written, status=RESTORED if written else UNCHANGED)
    else:
        path = os.path.join(path, f"{name}.sqlite") if os.path.isdir(path) else path
        result = _database(store, manifest, path, replace=into.replace, check=check, progress=progress)
    return dataclasses.replace(result, seconds=round(monotonic() - began))


def outcome(manifest: Manifest, path: str) -> Restored:
    """What is known of it before anything is written."""
    return Restored(
        name=manifest.name,
        kind=manifest.kind,
        stamp=manifest.stamp,
        path=path,
        status=RESTORED,
        uri=manifest.uri,
        version_id=manifest.version_id,
        bytes=manifest.content_bytes,
        content_sha256=manifest.content_sha256,
        counts=manifest.counts,
    )


def _database(store: Store, manifest: Manifest, path: str, *, replace: bool, check: bool, progress: Progress) -> Restored:
    result = outcome(manifest, path)
    if holds(path, manifest):
        return dataclasses.replace(result, status=UNCHANGED)
    kept = f"{path}.before-{manifest.stamp}" if os.path.lexists(path) else ""
    if kept and not replace:
        raise OtherContentError(
            f"{path} is there with another content than the backup of {manifest.stamp}. Move it away, or say --replace: it is then kept beside."
        )
    if kept and (not os.path.isfile(path) or os.path.lexists(kept)):
        raise OtherContentError(f"{kept if os.path.lexists(kept) else path} is in the way. Move it away, then restore again.")
    side = sides(path)
    if side:
        raise OtherContentError(
            f"{side[0]} is there: SQLite would mix it into what comes back. If nobody uses that database, move both away; else restore it with --live."
        )
    if not check:
        with arriving(store=store, manifest=manifest, path=path, progress=progress) as part:
            if kept:
                os.rename(path, kept)
            os.rename(part, path)
            sync(path)
    return dataclasses.replace(result, kept=kept)


@contextmanager
def arriving(*, store: Store, manifest: Manifest, path: str, progress: Progress) -> Iterator[str]:
    """A backup, proved and on the disk, beside the path that it is for; removed if it has not been given that name. The directory is held meanwhile."""
    directory = os.path.dirname(path)
    with Folder(path=directory).locked():
        part = os.path.join(directory, f".{os.path.basename(path)}{PART}")
        with suppress(FileNotFoundError):
            os.unlink(part)  # of a killed run
        check_room(directory, manifest.content_bytes, what=f"The backup of {manifest.name} of {manifest.stamp}")
        progress.expect(files=1, bytes=manifest.content_bytes)
        try:
            receive(store=store, manifest=manifest, to=part, moved=progress.moved)
            database.compare(part, manifest)
            yield part
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
        progress.finished(path)


def holds(path: str, manifest: Manifest) -> bool:
    """Whether a file has the content of a backup already, and nothing beside it that changes it."""
    if not os.path.isfile(path) or os.path.getsize(path) != manifest.content_bytes or sides(path):
        return False
    return database.sha256(path) == manifest.content_sha256


def sides(path: str) -> list[str]:
    """What SQLite keeps beside a database that is in use, or was when its writer died."""
    return [path + ending for ending in ("-wal", "-shm", "-journal") if os.path.lexists(path + ending)]


def need_database(manifest: Manifest) -> None:
    """Raise ConfigurationError for the backup of a folder."""
    if manifest.kind != DATABASE:
        raise ConfigurationError(f"{manifest.name} is a folder: only a database is replaced while its application runs. Restore it with --into.")
