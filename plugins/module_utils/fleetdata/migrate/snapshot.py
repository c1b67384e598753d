# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One state of a SQLite database for several readers, while its application writes on."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import quote

from ..errors import ConfigurationError
from ..retention.rows import Text
from .helper import Helper, helper
from .reading import Reader, errors
from .source import unreadable

COPY_SECONDS = 0.2
"""How long a copy may keep the writers of a database without WAL waiting."""
_PAUSE = 0.001
_PAGES, _PREFIX = 256, "migrate-copy-"


@dataclass(frozen=True)
class Snapshot:
    """readers: each for one thread. database: with ``Text`` for texts, to be surveyed. copied: whether it is a copy that they read.

    helpers: processes that read it as well. All see the same.
    """

    readers: tuple[Reader, ...]
    database: sqlite3.Connection
    copied: bool = False
    helpers: tuple[Helper, ...] = ()


@contextmanager
def readers(
    *,
    path: str,
    count: int,
    busy_seconds: float,
    work: str,
    stopped: bool = False,
    standard: bool = True,
    helpers: int = 0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Snapshot]:
    """Readers of what the database is now, until the block ends. stopped: its application is; then nothing is copied. work: a directory for a copy.

    helpers: how many processes read it, too.

    With WAL, no writer waits longer than an instant. Without, a reader keeps writers waiting: what they would not feel is copied, else it is refused.
    Raises ConfigurationError.
    """
    if not os.path.isfile(path):
        raise ConfigurationError(f"{path} is not there. Name the SQLite database that is to be migrated.")
    _refuse_to_lock_out(path)
    with ExitStack() as stack:
        try:
            has_wal = _has_wal(path, busy_seconds)
            if stopped or has_wal:
                yield stack.enter_context(_begun(path, count, busy_seconds, standard=standard, helpers=helpers))
            else:
                copy = stack.enter_context(_copy(path, busy_seconds, work, monotonic))
                yield replace(stack.enter_context(_begun(copy, count, busy_seconds, standard=standard, helpers=helpers)), copied=True)
        except errors() as error:
            if "locked" not in str(error) and "busy" not in str(error).lower():
                raise unreadable(path, str(error)) from None
            raise ConfigurationError(
                f"{path}: another program has kept it locked for {busy_seconds:g} s. Let it end its transaction, or raise busy_seconds, then run again."
            ) from None


def _has_wal(path: str, busy_seconds: float) -> bool:
    """By SQLite: to open and close the file oneself would take away the locks that this process has on it. What a crashed writer left is rolled back."""
    left = os.path.exists(f"{os.path.realpath(path)}-journal") and os.access(path, os.W_OK)
    with closing(sqlite3.connect(_uri(path, "rw" if left else "ro"), uri=True, isolation_level=None, timeout=busy_seconds)) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"


def _refuse_to_lock_out(path: str) -> None:
    """With WAL, whoever opens it first makes files beside it: those of root are given to its owner, those of others keep the application out."""
    there = os.path.realpath(path)
    mine = os.geteuid() in (0, os.stat(there).st_uid) or os.access(there, os.W_OK)
    if not mine and not os.path.exists(f"{there}-shm") and os.access(os.path.dirname(there), os.W_OK):
        raise ConfigurationError(
            f"{path}: to read it, SQLite may have to make files beside it, which the application that it belongs to could not write to then. "
            "Run this as root or as the user that it belongs to, or name a copy."
        )


@contextmanager
def _begun(path: str, count: int, busy_seconds: float, *, standard: bool, helpers: int) -> Iterator[Snapshot]:
    """While nobody can write, which is an instant, all begin."""
    with ExitStack() as stack:
        database = stack.enter_context(
            closing(sqlite3.connect(_uri(path, "ro"), uri=True, isolation_level=None, timeout=busy_seconds, check_same_thread=False))
        )
        database.text_factory = Text
        all_readers = tuple(stack.enter_context(closing(Reader(path, standard=standard))) for _ in range(count))
        all_helpers = tuple(stack.enter_context(helper(path)) for _ in range(helpers))
        with _nobody_writes(path, busy_seconds):
            database.execute("BEGIN")
            database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            for reader in all_readers:
                reader.begin()
            for one in all_helpers:
                one.begin()
        yield Snapshot(all_readers, database, helpers=all_helpers)


@contextmanager
def _nobody_writes(path: str, busy_seconds: float) -> Iterator[None]:
    if not os.access(path, os.W_OK):
        yield
        return
    with closing(sqlite3.connect(_uri(path, "rw"), uri=True, isolation_level=None, timeout=0)) as lock:
        end = time.monotonic() + busy_seconds
        while not _holds(lock, last=time.monotonic() >= end):
            time.sleep(_PAUSE)
        yield
        lock.execute("ROLLBACK")


def _holds(lock: sqlite3.Connection, *, last: bool) -> bool:
    """SQLite would wait longer and longer between its tries, and a busy writer always be first."""
    try:
        lock.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or "locked" not in str(error):
            raise
        return False
    return True


@contextmanager
def _copy(path: str, busy_seconds: float, work: str, monotonic: Callable[[], float]) -> Iterator[str]:
    """A copy of all of it, by SQLite under one lock; in ``work`` until the block ends."""
    with _folder(work) as folder:
        copy = os.path.join(folder, "copy.db")
        with (
            closing(sqlite3.connect(_uri(path, "rw"), uri=True, isolation_level=None, timeout=busy_seconds)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            target.execute("PRAGMA synchronous = OFF")
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            end = monotonic() + COPY_SECONDS

            def in_time(_status: int, _left: int, _total: int) -> None:
                if monotonic() > end:
                    raise ConfigurationError(
                        f"{path} is not in WAL mode and too large to be copied before its writers would notice ({COPY_SECONDS:g} s). "
                        "Stop its application and say so, or have it set PRAGMA journal_mode=WAL, then run again."
                    )

            try:
                source.backup(target, pages=_PAGES, progress=in_time)
            except sqlite3.OperationalError as error:
                if "full" not in str(error):
                    raise
                raise ConfigurationError(
                    f"{work}: has no room for the copy of {path} that a run needs without WAL. Make room, or name another directory (work), then run again."
                ) from None
        yield copy


@contextmanager
def _folder(work: str) -> Iterator[str]:
    """A directory of its own, which goes; those of killed runs go first."""
    os.makedirs(work, mode=0o700, exist_ok=True)
    for left in glob.glob(os.path.join(glob.escape(work), f"{_PREFIX}*")):
        with suppress(OSError), _locked(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=work) as folder, _locked(folder):
        yield folder


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _uri(path: str, mode: str) -> str:
    return f"file:{quote(path)}?mode={mode}"
