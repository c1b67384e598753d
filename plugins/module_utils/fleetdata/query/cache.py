# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived rows in a database of our own: loaded once, each object in one transaction, and never more than a limit.

Several queries may use one cache at once, and be killed at any time: what is there is whole.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Callable

from ..errors import ConfigurationError, DamageError
from ..model import Manifest
from ..retention.rows import Text, bound
from ..sql import quoted, statement
from .lines import Row
from .shape import Shape

_VERSION = 1
_FILE = "fleetdata-query.db"
_BATCH = 500
_ROOMY = os.path.join(os.sep, "var", "tmp")
_OBJECTS = (
    "CREATE TABLE IF NOT EXISTS _fleetdata_objects (object TEXT, sha256 TEXT, rows_in TEXT, first INTEGER, last INTEGER, bytes INTEGER, used REAL,"
    " PRIMARY KEY (rows_in, object, sha256)) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Layout:
    """Where rows of one shape are: in table ``name``, column n of the shape as c<n>, a row's number as n where no column is it."""

    name: str
    shape: Shape

    def copied(self, columns: Sequence[str]) -> tuple[list[str], list[int]]:
        """The columns of ours that an object's columns go to, and which of the object's those are."""
        known = {column.name: f"c{place}" for place, column in enumerate(self.shape.columns)}
        if self.shape.number:
            known[self.shape.number] = "n"
        places = [place for place, column in enumerate(columns) if column in known]
        return [known[columns[place]] for place in places], places


@dataclass(frozen=True)
class Piece:
    """A loaded object: the first and the last number of its rows."""

    manifest: Manifest
    first: int
    last: int


class Cache:
    """A database of archived rows. limit: bytes of CSV that it holds at most. wait: called while another has it, with seconds; may raise."""

    def __init__(self, *, database: sqlite3.Connection, path: str, limit: int, wait: Callable[[float], None]) -> None:
        self.path = path
        self._database, self._limit, self._wait = database, limit, wait
        for setting in ("auto_vacuum = INCREMENTAL", "journal_mode = WAL", "synchronous = NORMAL", "temp_store = FILE"):
            self._patiently(f"PRAGMA {setting}")
        with self._writing():
            if self._one("PRAGMA user_version") not in (0, _VERSION):
                raise ConfigurationError(f"{path} is of another release of fleetdata. Remove it, or name another directory with --cache.")
            database.execute(_OBJECTS)
            database.execute(f"PRAGMA user_version = {_VERSION}")

    def layout(self, shape: Shape) -> Layout:
        """Where rows of a shape go."""
        columns = [
            statement(f"c{place}", column.affinity, "COLLATE", quoted(column.collation), "DEFAULT", f"({column.default})")
            for place, column in enumerate(shape.columns)
        ]
        made = ", ".join(["_row INTEGER PRIMARY KEY", *(["n"] if shape.number else []), *columns])
        name = "_fleetdata_rows_" + hashlib.sha256(repr((shape.name, [column.name for column in shape.columns], made)).encode()).hexdigest()[:24]
        with self._writing():
            self._database.execute(f"CREATE TABLE IF NOT EXISTS {name} ({made})")
        return Layout(name=name, shape=shape)

    def missing(self, layout: Layout, manifests: Iterable[Manifest]) -> list[Manifest]:
        """Those that are not loaded. The others are marked as used now."""
        with self._writing():
            found = [(manifest, self._database.execute(_USED, (time.time(), *_identity(layout, manifest))).rowcount) for manifest in manifests]
        return [manifest for manifest, there in found if not there]

    def load(self, *, layout: Layout, manifest: Manifest, columns: Sequence[str], rows: Iterable[Row], keep: Collection[str]) -> None:
        """Take an object's rows; nothing of it is there when an error comes with one. keep: addresses of objects that stay. Raises DamageError."""
        with self._writing():
            if self._database.execute(_FIND, _identity(layout, manifest)).fetchone():
                return  # another query was faster
            self._make_room(manifest.content_bytes, keep)
            before = self._one(statement("SELECT coalesce(max(_row), 0) FROM", layout.name))
            ours, places = layout.copied(columns)
            taken = iter(rows) if len(places) == len(columns) else (tuple(row[place] for place in places) for row in rows)
            count = self._insert(layout.name, ours, taken)
            if count != manifest.rows:
                raise DamageError(f"{manifest.uri} has {count} rows; its manifest says {manifest.rows}.")
            last, now = before + count, time.time()
            values = (*_identity(layout, manifest), before + 1, last, manifest.content_bytes, now)
            self._database.execute("INSERT INTO _fleetdata_objects (rows_in, object, sha256, first, last, bytes, used) VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def _insert(self, table: str, columns: Sequence[str], rows: Iterator[Row]) -> int:
        count, into = 0, f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
        while batch := list(islice(rows, _BATCH)):
            if any(isinstance(value, Text) for row in batch for value in row):
                for row in batch:
                    made = [bound(value) if isinstance(value, Text) else ("?", value) for value in row]
                    self._database.execute(f"{into} ({', '.join(place for place, _ in made)})", [value for _, value in made])
            else:
                self._database.executemany(f"{into} ({', '.join('?' * len(columns))})", batch)
            count += len(batch)
        return count

    def _make_room(self, needed: int, keep: Collection[str]) -> None:
        """Let go of what was not used for longest."""
        total = self._one("SELECT coalesce(sum(bytes), 0) FROM _fleetdata_objects")
        oldest = self._database.execute("SELECT rows_in, object, sha256, first, last, bytes FROM _fleetdata_objects ORDER BY used").fetchall()
        for table, name, sha256, first, last, size in oldest:
            if total + needed <= self._limit:
                return
            if name not in keep:
                self._database.execute(statement("DELETE FROM", table, "WHERE _row BETWEEN ? AND ?"), (first, last))
                self._database.execute("DELETE FROM _fleetdata_objects WHERE (rows_in, object, sha256) = (?, ?, ?)", (table, name, sha256))
                total -= size
        self._database.execute("PRAGMA incremental_vacuum").fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._patiently("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def _patiently(self, sql: str) -> None:
        while True:
            try:
                self._database.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                self._wait(0.05)
            else:
                return

    def _one(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])


_FIND = "SELECT first, last FROM _fleetdata_objects WHERE rows_in = ? AND object = ? AND sha256 = ?"
_USED = "UPDATE _fleetdata_objects SET used = ? WHERE rows_in = ? AND object = ? AND sha256 = ?"


def address(manifest: Manifest) -> str:
    """What names an object and its version."""
    return f"{manifest.uri}?versionId={manifest.version_id}"


def _identity(layout: Layout, manifest: Manifest) -> tuple[str, str, str]:
    return layout.name, address(manifest), manifest.content_sha256


def pieces(database: sqlite3.Connection, layout: Layout, manifests: Iterable[Manifest]) -> list[Piece] | None:
    """Where the rows of objects are, as another connection to the cache sees it; None when one is not there (any more)."""
    found = []
    for manifest in manifests:
        there = database.execute(_FIND.replace("FROM ", "FROM main."), _identity(layout, manifest)).fetchone()
        if there is None:
            return None
        found.append(Piece(manifest, *there))
    return found


@contextmanager
def opened(directory: str | None, *, limit: int, wait: Callable[[float], None]) -> Iterator[Cache]:
    """A cache in a directory of our own, made if need be, or, with None, one that goes at the end. Raises ConfigurationError, sqlite3.Error."""
    with _scratch() if directory is None else _declared(directory) as own:
        path = os.path.join(own, _FILE)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0.0)) as database:
            yield Cache(database=database, path=path, limit=limit, wait=wait)


@contextmanager
def _scratch() -> Iterator[str]:
    """Not in memory, as /tmp often is."""
    with tempfile.TemporaryDirectory(prefix="fleetdata-query-", dir=os.environ.get("TMPDIR") or _ROOMY) as own:
        yield own


@contextmanager
def _declared(directory: str) -> Iterator[str]:
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        found = os.stat(directory)
    except OSError as error:
        raise ConfigurationError(f"{directory}: rows cannot be kept there: {error.strerror}. Name another directory with --cache.") from None
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(f"{directory}: others may write there, and would decide on answers. Name a directory of your own with --cache.")
    yield directory
