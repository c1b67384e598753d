# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long run is: one line that renews itself on a terminal, a line now and then in a log, nothing about a short run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from .table import clean, number, size

QUIET_SECONDS = 2.0
"""A run that ends sooner says nothing."""
_COLUMNS = 1000
"""Where nobody knows."""
LIVE_SECONDS, LOG_SECONDS = 0.2, 10.0
"""How often a line comes on a terminal, and elsewhere."""


class Stopped(KeyboardInterrupt):
    """Somebody asked to stop. number: the signal."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number


class Stop(threading.Event):
    """Set when somebody asks to stop. What is under way is interrupted then, but within ``later`` it ends by itself: it has to ``check``."""

    def __init__(self) -> None:
        super().__init__()
        self.number: int = signal.SIGINT
        self._later = False

    def ask(self, number: int) -> None:
        """Stop. number: the signal. Raises Stopped where that may be."""
        self.number = number
        self.set()
        if not self._later:
            raise Stopped(number)

    def check(self) -> None:
        """Raises Stopped once somebody has asked."""
        if self.is_set():
            raise Stopped(self.number)

    @contextmanager
    def later(self) -> Iterator[None]:
        """Nothing in it is interrupted."""
        with self._when(later=True):
            yield

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is in it may be interrupted, within ``later``, too. Raises Stopped."""
        self.check()
        with self._when(later=False):
            yield

    @contextmanager
    def _when(self, *, later: bool) -> Iterator[None]:
        before, self._later = self._later, later
        try:
            yield
        finally:
            self._later = before


class Progress:
    """Counts files and bytes, or other things and their amounts, from any thread. stream: where to write, None for nowhere. clock: seconds, monotonic.

    rate: whether to say how much of it is done in a second. stop: once it is set, whoever reports bytes is stopped, so that a large file is given up
    and not read to its end.
    """

    def __init__(
        self,
        *,
        verb: str,
        stream: TextIO | None,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        thing: str = "file",
        amount: Callable[[int], str] = size,
        rate: bool = False,
    ) -> None:
        self._rate = rate
        self._verb, self._stream, self._stop, self._clock = verb, stream, stop, clock
        self._thing, self._amount = thing, amount
        self._live = stream is not None and stream.isatty()
        self._lock = threading.Lock()
        self._began = clock()
        self._next = self._began + (QUIET_SECONDS if self._live else LOG_SECONDS)
        self._files = self._of_files = self._bytes = self._of_bytes = 0
        self._width = 0

    def expect(self, *, files: int, bytes: int = 0) -> None:
        """So many more files, of so many bytes together, are to be done."""
        with self._lock:
            self._of_files += files
            self._of_bytes += bytes

    def moved(self, count: int) -> None:
        """So many more bytes are done. Raises Stopped."""
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            self._bytes += count
            self._tell("")

    def finished(self, name: str) -> None:
        """One more file is done."""
        with self._lock:
            self._files += 1
            self._tell(name)

    def close(self) -> None:
        """Leave no half line behind."""
        with self._lock:
            if self._stream is not None and self._width:
                self._write("\r" + " " * self._width + "\r")
                self._width = 0
            self._stream = None

    def _tell(self, name: str) -> None:
        now = self._clock()
        if self._stream is None or now < self._next:
            return
        self._next = now + (LIVE_SECONDS if self._live else LOG_SECONDS)
        line = self._line(now - self._began) + (f"  {clean(name)}" if name and not self._live else "")
        if self._live:
            line = line[: self._columns() - 1]  # one that wraps cannot be renewed
            self._write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._write(line + "\n")

    def _line(self, seconds: float) -> str:
        files = f"{self._files:,} of {number(self._of_files, self._thing)}"
        if not (self._bytes or self._of_bytes):
            return f"{self._verb}: {files} in {_duration(seconds)}"
        done = f"{self._amount(self._bytes)} of {self._amount(self._of_bytes)}" if self._of_bytes else self._amount(self._bytes)
        if self._rate and seconds >= 1:
            done += f" ({self._amount(int(self._bytes / seconds))}/s)"
        left = ""
        if 0 < self._bytes < self._of_bytes:
            left = f", about {_duration(seconds * (self._of_bytes - self._bytes) / self._bytes)} left"
        return f"{self._verb}: {files}, {done} in {_duration(seconds)}{left}"

    def _columns(self) -> int:
        """As wide as the terminal is now."""
        with suppress(OSError, ValueError, AttributeError):
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS  # type: ignore[union-attr]
        return _COLUMNS

    def _write(self, text: str) -> None:
        """A closed terminal or log stops no archive."""
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None


def _duration(seconds: float) -> str:
    whole = int(seconds + 0.5)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"
