# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live SQLite database as a file of its own: one committed state, whoever writes meanwhile.

The backup API copies page by page, so free pages and the numbers of rows stay as they are, which VACUUM INTO does not promise. On its own it begins anew
whenever another process commits, and under steady writing it never ends. So it runs within one read transaction: in WAL mode writers go on, and only the
WAL grows meanwhile; in other modes they wait as long as the copy takes.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Callable
from urllib.parse import quote

from ..errors import UNREACHABLE, ConfigurationError, ContentError, FleetDataError
from ..table import size
from .model import Subject

_PAGES = 4096
_AGAIN_SECONDS = 0.002
"""SQLite itself asks again only ten times a second, and then seldom finds the moment between two writes of others."""
_SLACK = 16 << 20


class BusyError(FleetDataError):
    """Others held the database all the time."""

    code = UNREACHABLE


def copy(
    *, subject: Subject, to: str, busy_seconds: float, moved: Callable[[int], None], sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:  # fmt: skip
    """Copy a database to a new file and have it on the disk. moved: told of bytes; what it raises ends the copy.

    Raises ConfigurationError (no such database, no room), ContentError (it cannot be read as one), BusyError when others held it all the time.
    """
    with opened(subject.path) as source:
        _read_from_now_on(source, subject, busy_seconds, sleep, monotonic)
        with explained(subject):
            page, pages = (int(source.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_size", "page_count"))
            check_room(os.path.dirname(to), page * pages, what=f"A copy of {subject.path}")
            _copy(source, to, page=page, moved=moved)
    sync(to)


def _copy(source: sqlite3.Connection, to: str, *, page: int, moved: Callable[[int], None]) -> None:
    left = -1

    def progress(_status: int, remaining: int, total: int) -> None:
        nonlocal left
        moved(((total if left < 0 else left) - remaining) * page)
        left = remaining

    with closing(sqlite3.connect(to, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode = OFF")  # a copy that is not finished is thrown away
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target, pages=_PAGES, progress=progress, sleep=_AGAIN_SECONDS)


@contextmanager
def opened(path: str) -> Iterator[sqlite3.Connection]:
    """A database that is there already. It is never written to; only what a crashed writer left is rolled back, as by whoever opens it next."""
    if not os.path.isfile(path):
        raise ConfigurationError(f"{path}: there is no such database. Name the file that the application writes.")
    try:
        database = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise ConfigurationError(f"{path}: cannot be opened ({error}).") from None
    with closing(database):
        yield database


def _read_from_now_on(source: sqlite3.Connection, subject: Subject, seconds: float, sleep: Callable[[float], None], monotonic: Callable[[], float]) -> None:
    end = monotonic() + seconds
    with explained(subject):
        source.execute("PRAGMA query_only = ON")
        source.execute("BEGIN")
        while True:
            try:
                source.execute("SELECT count(*) FROM sqlite_master").fetchone()
                return
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if monotonic() >= end:
                    held = f"others held it for {seconds:g} s, so it could not be read ({error})"
                    raise BusyError(f"{subject.path}: {held}. Run again, or raise busy_seconds.") from None
            sleep(_AGAIN_SECONDS)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether others hold the database."""
    return "locked" in str(error) or "busy" in str(error)


@contextmanager
def explained(subject: Subject) -> Iterator[None]:
    """Turn what SQLite cannot read inside into ContentError, what the disk refuses into ConfigurationError."""
    try:
        yield
    except sqlite3.Error as error:
        if "disk" in str(error) and "full" in str(error):
            raise ConfigurationError(f"{subject.path}: the disk is full ({error}); nothing was backed up. Make room, then run again.") from None
        raise ContentError(f"{subject.path}: cannot be read as a SQLite database ({error}). Nothing was backed up, and no older backup was deleted.") from None
    except OSError as error:
        raise FleetDataError(f"{error.filename or subject.path}: {error.strerror}. Nothing was backed up.") from None


def check_room(directory: str, needed: int, *, what: str) -> None:
    """Raise ConfigurationError unless the disk has room for so many bytes and a little more."""
    free = shutil.disk_usage(directory).free
    if needed + _SLACK > free:
        raise ConfigurationError(f"{what} needs {size(needed)} in {directory}, where {size(free)} are free; nothing was written. Make room, then run again.")


def sync(path: str) -> None:
    """Have a file, and its name, on the disk."""
    for part, flags in ((path, os.O_RDONLY), (os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)):
        file = os.open(part, flags | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
