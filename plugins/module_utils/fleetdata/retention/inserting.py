# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived rows into a table, one by one: never over a row that is there, and each read again once it is in."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence

from ..errors import FleetDataError
from ..sql import statement
from . import rows
from .rows import Value
from .table import Table
from .union import Projection, Union

ADDED, THERE, RENUMBERED, CONFLICT, LATER = "added", "there", "renumbered", "conflict", "later"
"""It is in now; it was; it is in under another number, as its own is taken; a row of its key is there with other values, or it is not allowed in;
it has to come again when all others are in."""

Row = tuple[Value, ...]


class InexactError(FleetDataError):
    """A table gives another value than was put into it."""


class Inserter:
    """Puts rows of one day into a table, within the transaction that there is. folder: for a file of its own."""

    def __init__(self, *, database: sqlite3.Connection, table: Table, union: Union, folder: str) -> None:
        self._database, self._table, self._union = database, table, union
        self._path = os.path.join(folder, "elsewhere.db")
        self._elsewhere: Elsewhere | None = None

    def close(self) -> None:
        """Nothing more is put in."""
        if self._elsewhere:
            self._elsewhere.close()

    def put(self, how: Projection, row: Row, *, again: bool) -> tuple[str, str]:
        """What became of a row, and a sentence where it is not in as it was. again: whether it was LATER before. Raises InexactError, sqlite3.Error."""
        try:
            self._insert(how.names, row)
        except sqlite3.IntegrityError as error:
            return self._there(how, row, error, again)
        return ADDED, ""

    def _there(self, how: Projection, row: Row, refused: sqlite3.IntegrityError, again: bool) -> tuple[str, str]:
        """What a row is that cannot just be put in."""
        key = [row[place] for place in how.key]
        by_key = bool(key) and None not in key
        named = self._named(how, row, by_key)
        bare = how.names[1:] if self._table.rowid and how.names[:1] == (self._table.rowid,) else ()
        compared, wanted = (bare, row[1:]) if bare else (how.names, row)
        found = self._find(compared, [how.names[place] for place in how.key] if by_key else how.names[:1], key if by_key else row[:1])
        if found is not None and rows.line(found) == rows.line(wanted):
            return THERE, ""
        if not bare or (by_key and found is not None):
            return CONFLICT, f"{named} is there with other values." if found is not None else f"{named} is not allowed in: {refused}."
        if not by_key and not again:  # first those that keep their numbers: a new number must be none of theirs
            return LATER, ""
        if not by_key and self._is_elsewhere(bare, row):
            return THERE, ""
        try:
            number = self._insert(bare, row[1:])
        except sqlite3.IntegrityError as error:
            return CONFLICT, f"{named} is not allowed in: {error}."
        return (ADDED, "") if by_key else (RENUMBERED, f"{named} has the number {number} now, as another row has its own.")

    def _insert(self, names: Sequence[str], row: Row) -> int:
        bound = [rows.bound(value) for value in row]
        places = ", ".join(place for place, _ in bound)
        into = statement("INSERT OR ABORT INTO", self._table.quoted, f"({self._columns(names)}) VALUES ({places})")
        number = self._database.execute(into, [value for _, value in bound]).lastrowid or 0
        key = self._table.key
        by, values = (key[:1], (number,)) if self._table.numbered else (key, tuple(row[names.index(name)] for name in key))
        found = self._find(names, by, values)
        if found is None or rows.line(found) != rows.line(row):
            raise InexactError(f"{self._table.name} does not hold a row as it was archived ({rows.line(row)[:60]!r}): a column is of another type now.")
        return number

    def _find(self, names: Sequence[str], by: Sequence[str], values: Sequence[Value]) -> Row | None:
        bound = [rows.bound(value) for value in values]
        where = " AND ".join(f"{self._table.sql(name)} = {place}" for name, (place, _) in zip(by, bound))
        select = statement("SELECT", self._columns(names), "FROM", self._table.quoted, "WHERE", where)
        found: Row | None = self._database.execute(select, [value for _, value in bound]).fetchone()
        return found

    def _is_elsewhere(self, names: Sequence[str], row: Row) -> bool:
        """Whether the row is there under a number that no archived row of its day explains: it was given that when it was brought back before."""
        if self._elsewhere is None:
            self._elsewhere = Elsewhere(self._path)
            query = statement("SELECT", self._table.sql(self._table.rowid), ",", self._columns(names), "FROM", self._table.quoted)
            self._elsewhere.fill(row for row in self._database.execute(query) if not self._union.has(rows.line(row)))
        return self._elsewhere.take(row[1:])

    def _columns(self, names: Sequence[str]) -> str:
        return ", ".join(self._table.sql(name) for name in names)

    def _named(self, how: Projection, row: Row, by_key: bool) -> str:
        places = how.key if by_key else (0,)
        return f"The row of {self._table.name} with " + ", ".join(f"{how.names[place]} {row[place]!r}" for place in places)


class Elsewhere:
    """The rows of a table that no archived row explains, by what they hold, on disk."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        for sql in ("PRAGMA synchronous = OFF", "CREATE TABLE row (content BLOB, number INT, PRIMARY KEY (content, number)) WITHOUT ROWID"):
            self._file.execute(sql)

    def close(self) -> None:
        """Nothing more is asked."""
        self._file.close()

    def fill(self, found: Iterable[Row]) -> None:
        """Take rows, each with its number first."""
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO row VALUES (?, ?)", ((_content(row[1:]), row[0]) for row in found))
        self._file.execute("COMMIT")

    def take(self, row: Row) -> bool:
        """Whether there is such a row; each counts once."""
        content = _content(row)
        found = self._file.execute("SELECT number FROM row WHERE content = ? LIMIT 1", (content,)).fetchone()
        if found:
            self._file.execute("DELETE FROM row WHERE content = ? AND number = ?", (content, found[0]))
        return found is not None


def _content(row: Row) -> bytes:
    return hashlib.sha256(rows.line(row)).digest()
