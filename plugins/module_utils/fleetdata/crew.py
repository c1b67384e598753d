# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files at once, and yet in order: files of one day one after the other, and no more memory than a small host has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Callable, Protocol

_ALL = 24 << 20
_STREAM = 12 << 20
_LARGE_FILE = 24 << 20


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
        needed = 2 * size if 2 * size < _STREAM else _STREAM if size < _LARGE_FILE else _ALL
        with self._changed:
            self._changed.wait_for(lambda: self._left >= needed)
            self._left -= needed
        try:
            yield
        finally:
            with self._changed:
                self._left += needed
                self._changed.notify_all()


def in_order(groups: list[list[int]], work: Callable[[int], None], *, concurrency: int) -> None:
    """Do ``work`` for every number: the groups beside each other, each group in its order. What is raised ends all that is not begun."""

    def one_by_one(group: list[int]) -> None:
        for number in group:
            work(number)

    pool = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(groups))))
    try:
        for done in [pool.submit(one_by_one, group) for group in groups]:
            done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
