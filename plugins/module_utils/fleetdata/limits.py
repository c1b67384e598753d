# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files at once: with no more memory than a small host has, and somebody who is told how far it is."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

_ARENA_MAX = -8
"""M_ARENA_MAX in glibc's malloc.h."""
_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD."""
_ALL = 24 << 20
_STREAM = 12 << 20
LARGE_FILE = 24 << 20


def share_memory() -> None:
    """Let this process's threads share two of glibc's pools of memory. With one each, what a thread gave back no other uses: 105 MiB instead of 70."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


def return_memory() -> None:
    """Have blocks and parts given back to the system once they are done with, so that many large files take no more than one."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 512 << 10)


class Progress(Protocol):
    """Told how far a run is, from any thread."""

    def expect(self, *, files: int, bytes: int = 0) -> None:
        """So many more files, of so many bytes together, are to be done."""

    def moved(self, count: int) -> None:
        """So many more bytes are done."""

    def finished(self, name: str) -> None:
        """One more file is done."""


class Silence:
    """Nobody is told."""

    def expect(self, *, files: int, bytes: int = 0) -> None:
        """Not told."""

    def moved(self, count: int) -> None:
        """Not told."""

    def finished(self, name: str) -> None:
        """Not told."""


class Allowance:
    """So many bytes of contents may be held at once; who needs more than is left waits."""

    def __init__(self) -> None:
        self._left = _ALL
        self._changed = threading.Condition()

    @contextmanager
    def for_file(self, size: int) -> Iterator[None]:
        """Take what a file of ``size`` bytes needs: a small one twice its size, one that is streamed its parts."""
        needed = 2 * size if 2 * size < _STREAM else _STREAM if size < LARGE_FILE else _ALL
        with self._changed:
            self._changed.wait_for(lambda: self._left >= needed)
            self._left -= needed
        try:
            yield
        finally:
            with self._changed:
                self._left += needed
                self._changed.notify_all()
