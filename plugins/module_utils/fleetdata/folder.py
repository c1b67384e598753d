# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that archived days come back to: a file has its name only when all of it is there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .errors import ConfigurationError
from .keys import object_key
from .model import Archive, Manifest

_PART = ".fleetdata.part"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Folder:
    """Where files go. path: made if it is not there. flat: all files in it, else a directory for each report. replace: whether a file of other
    content may be moved aside."""

    path: str
    flat: bool = False
    replace: bool = False

    def file(self, archive: Archive, *, report: str, day: str) -> str:
        """The path of a day's file: the name of its object where that tells report and day, whatever its revision."""
        template = archive.key.rpartition("/")[2]
        told = "{report}" in template and ("{day}" in template or all(part in template for part in ("{yyyy}", "{mm}", "{dd}")))
        key = object_key(archive, report=report, day=day)
        name = key.rpartition("/")[2][: -len(".gz")] if told else f"{report}-{day}.csv"
        return os.path.join(self.path, name) if self.flat else os.path.join(self.path, report, name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory, made if need be, against another restore. Raises ConfigurationError when one is going on."""
        os.makedirs(self.path, exist_ok=True)
        held = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ConfigurationError(f"Another restore into {self.path} is going on. Wait for it, or name another directory.") from None
        finally:
            os.close(held)


@contextmanager
def explained(folder: Folder) -> Iterator[None]:
    """Turn what the operating system refuses inside into ConfigurationError."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder.path} cannot be used: {error.strerror}. Correct that, then restore again.") from None


def check_space(folder: Folder, needed: int) -> None:
    """Raise ConfigurationError unless the disk has room for ``needed`` bytes."""
    path = os.path.abspath(folder.path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    if needed > free:
        raise ConfigurationError(
            f"The days need {needed} bytes in {folder.path}, where {free} are free; nothing was written. Make room, or restore fewer days."
        )


def prepare(paths: Iterable[str]) -> None:
    """Make the directories of the files, and remove from them what a killed restore left half written."""
    for directory in sorted({os.path.dirname(path) for path in paths}):
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(directory):
            if name.startswith(".") and name.endswith(_PART):
                os.unlink(os.path.join(directory, name))


def holds(path: str, manifest: Manifest) -> bool | None:
    """Whether the file at ``path`` has the content of a manifest. None: there is nothing of that name."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size != manifest.content_bytes:
        return False
    return _sha256(path) == manifest.content_sha256


def write(path: str, blocks: Iterable[bytes]) -> str:
    """Write a file under a temporary name and, once all blocks came without an error, give it its own.

    A file that had the name is kept beside it. Returns that file's new path, "" without one. Whatever goes wrong, the half written file is removed.
    """
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{_PART}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        kept = kept_name(path)
        if kept:
            os.rename(path, kept)
        os.rename(part, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise
    return kept


def kept_name(path: str) -> str:
    """Where a file of other content that is at ``path`` is kept, "" when there is none. Raises ConfigurationError when it is no plain file."""
    try:
        plain = stat.S_ISREG(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not plain:
        raise ConfigurationError(f"{path} is there and no plain file. Move it away.")
    return f"{path}.{_sha256(path)[:12]}.kept"


def settle(paths: Iterable[str]) -> None:
    """Have the names of these files on the disk, whatever happens to the machine."""
    for directory in sorted({os.path.dirname(path) for path in paths}):
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(held)
        finally:
            os.close(held)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
