"""The application beside: a process that has a small transaction to commit every few milliseconds, and notes how long each took from when it was due.

A transaction that is due while others wait counts from then, not from when its turn comes: else one long wait would count as one, whatever it held up.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.archive.reports import ROOT

EVERY = 0.01
BUSY_SECONDS = 3600
WARM_SECONDS = 1.0
INSERT = "INSERT INTO rtb_daily VALUES (?, '9999999999', printf('writer-%09d', ?), '300x250', 'DE', 1, 1, 1, 1)"


@dataclass
class Writer:
    """commits: when each was due and when it was done, in seconds of the monotonic clock. complaint: why it ended too early."""

    commits: list[tuple[float, float]] = field(default_factory=list)
    complaint: str = ""

    def waits(self, started: float, ended: float) -> list[float]:
        """Seconds from due to done, in order of length, of all that were due in a time."""
        return sorted(done - due for due, done in self.commits if started <= due <= ended) or [0.0]


@contextmanager
def beside(database: Path, day: str, notes: Path) -> Iterator[Writer]:
    """Let a writer run until the block ends; then what it noted is known."""
    writer = Writer()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.retention.writer", database, day, notes], cwd=ROOT, stderr=subprocess.PIPE)
    try:
        time.sleep(WARM_SECONDS)
        yield writer
    finally:
        process.terminate()
        _, error = process.communicate()
    if process.returncode:
        writer.complaint = f"the writer failed: {error.decode().strip()[-300:]}"
    else:
        writer.commits = [(due, done) for due, done in json.loads(notes.read_text())]


def write(database: str, day: str, notes: Path) -> None:
    """Write until SIGTERM; what is due by then is still committed."""
    ended: list[float] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(time.monotonic()))
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")  # as the application has it
    commits: list[tuple[float, float]] = []
    due = time.monotonic()
    while not ended or due < ended[0]:
        time.sleep(max(0.0, due - time.monotonic()))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(INSERT, (day, len(commits)))
        connection.execute("COMMIT")
        commits.append((due, time.monotonic()))
        due += EVERY
    connection.close()
    notes.write_text(json.dumps(commits))


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
