# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report's file on the host: held while it is archived, and removed only as what was read."""

from __future__ import annotations

import datetime
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from .errors import ContentError

BLOCK = 1 << 20
"""Bytes read at once."""
_BEGINNING = 64 << 10
LOCK_SECONDS = 600
"""How long another archiver of the same file is waited for."""


class UnsettledError(ContentError):
    """A file that is, or may be, still written: it stays where it is."""


class Source:
    """An open file. size: in bytes; modified: UTC."""

    def __init__(self, *, path: str, file: int) -> None:
        self.path = path
        self._file = file
        self._read = _identity(os.fstat(file))
        self.size = os.fstat(file).st_size
        self.modified = datetime.datetime.fromtimestamp(os.fstat(file).st_mtime, datetime.timezone.utc)

    @property
    def name(self) -> str:
        """The file's name without its directory."""
        return os.path.basename(self.path)

    def blocks(self) -> Iterator[bytes]:
        """The content from the beginning. Raises UnsettledError when the file was changed meanwhile."""
        position = 0
        while block := os.pread(self._file, BLOCK, position):
            position += len(block)
            yield block
        self.check_unchanged()

    def beginning(self) -> bytes:
        """The first rows."""
        return os.pread(self._file, _BEGINNING, 0)

    def check_settled(self, *, now: datetime.datetime, seconds: float) -> None:
        """Raise UnsettledError when the file was changed within the last ``seconds``."""
        age = (now - self.modified).total_seconds()
        if seconds and age < seconds:
            raise UnsettledError(f"{self.path}: it was changed {max(age, 0):.0f} s ago and may still be written; {seconds:g} s are asked for. Run again then.")

    def check_unchanged(self) -> None:
        """Raise UnsettledError unless the path still names the file as it was when it was opened."""
        try:
            now = _identity(os.lstat(self.path))
        except OSError as error:
            raise UnsettledError(f"{self.path}: it went away while it was read ({error.strerror}). Nothing was counted.") from None
        if now != self._read or _identity(os.fstat(self._file)) != self._read:
            raise UnsettledError(f"{self.path}: it was changed while it was read. Nothing was counted; run again when it is complete.")

    def remove(self) -> None:
        """Remove the file. Raises UnsettledError, and leaves it, when it is not what was read."""
        self.check_unchanged()
        os.unlink(self.path)


@contextmanager
def opened(path: str, *, hold: bool, sleep: Callable[[float], None]) -> Iterator[Source]:
    """Open a file; with ``hold``, no other archiver on this host has it meanwhile. Raises ContentError unless it is a plain file, OSError."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise UnsettledError(f"{path}: it is a {_kind(os.lstat(path).st_mode)}, not a plain file. Name the file itself.")
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if hold:
            _lock(file, sleep)
        source = Source(path=path, file=file)
        source.check_unchanged()
        yield source
    finally:
        os.close(file)


def _lock(file: int, sleep: Callable[[float], None]) -> None:
    for _ in range(LOCK_SECONDS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            sleep(1)
    raise BlockingIOError(errno.EWOULDBLOCK, f"another archiver has held it for {LOCK_SECONDS} s")


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _kind(mode: int) -> str:
    return "symbolic link" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "special file"
