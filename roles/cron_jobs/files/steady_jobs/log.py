# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's log: every line gets its time; of one run at most so much is kept."""

from __future__ import annotations

import contextlib
import os
import syslog
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO

from .model import Job, Paths
from .schedule import stamp

LONGEST_LINE = 65536


@dataclass
class Log:
    """An open log. ``budget``: bytes of output still to keep; ``tail``: the last lines, kept or not."""

    file: IO[bytes]
    budget: int
    now: Callable[[], datetime]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    _rest: bytes = b""

    def note(self, text: str) -> None:
        """Add a line of our own."""
        self.file.write(f"{stamp(self.now())} [job] {text}\n".encode())

    def write(self, data: bytes) -> None:
        """Add what the job printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._line(line)

    def flush(self) -> None:
        """Add a last line that the job did not end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        self.tail.append(line.decode(errors="replace"))
        if self.budget > 0:
            self.file.write(stamp(self.now()).encode() + b" " + line + b"\n")
            self.budget -= len(line) + 22
            if self.budget <= 0:
                self.note("this run's further output is left out: it reached its limit")


@contextlib.contextmanager
def opened(paths: Paths, job: Job, now: Callable[[], datetime]) -> Iterator[Log]:
    """The job's log, to append to."""
    path = paths.log(job.name)
    os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o640), "ab", buffering=0) as file:
        yield Log(file=file, budget=job.log_max_bytes, now=now)


def alarm(text: str) -> None:
    """Say it in the journal."""
    syslog.openlog("steady-fleet-job", facility=syslog.LOG_CRON)
    syslog.syslog(syslog.LOG_ERR, text)
