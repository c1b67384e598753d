# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SQLite table as its rows are read, named and deleted."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote as url_quote

from ..errors import ConfigurationError
from ..sql import quoted, statement, words
from .rows import Text

ROWIDS = ("rowid", "_rowid_", "oid")
_STATEMENTS = 8
"""Statements that a connection keeps: those that list thousands of rows take memory."""
_SHOWN = (0, 2, 3)
"""Kinds of columns in table_xinfo: plain, generated when read, generated when stored."""


@dataclass(frozen=True)
class Table:
    """A table. columns: as they are read, in order, the row's number first where no column is it. key: those that name one row.

    rowid: what the row's number is called where it is no column, empty otherwise. numbered: whether the key is the row's number.
    generated: columns whose values are computed, and therefore not written back. primary: the columns of the declared primary key, if any.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rowid: str = ""
    numbered: bool = False
    generated: frozenset[str] = frozenset()
    primary: tuple[str, ...] = ()

    @property
    def quoted(self) -> str:
        """Its name as SQL names it."""
        return quoted(self.name)

    def sql(self, column: str) -> str:
        """A column as SQL names it."""
        return column if column == self.rowid else quoted(column)

    @property
    def listed(self) -> str:
        """All columns, for SQL."""
        return ", ".join(self.sql(column) for column in self.columns)

    @property
    def ordered(self) -> str:
        """The key's columns, for ORDER BY."""
        return ", ".join(self.sql(column) for column in self.key)

    @property
    def key_places(self) -> tuple[int, ...]:
        """Where the key's columns are among all."""
        return tuple(self.columns.index(column) for column in self.key)


@contextmanager
def opened(path: str, *, busy_seconds: float = 30.0, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """A database. busy_seconds: how long others are waited for. mode: rw for one that is there, rwc to make it. Raises ConfigurationError."""
    if mode == "rw" and not os.path.isfile(path):
        raise ConfigurationError(f"{path}: there is no such database. Name the file that the application writes.")
    try:
        database = sqlite3.connect(f"file:{url_quote(path)}?mode={mode}", uri=True, isolation_level=None, timeout=busy_seconds, cached_statements=_STATEMENTS)
    except sqlite3.Error as error:
        raise ConfigurationError(f"{path}: cannot be opened ({error}).") from None
    try:
        database.text_factory = Text
        _check(database, path)
        yield database
    finally:
        database.close()


def _check(database: sqlite3.Connection, path: str) -> None:
    try:
        database.execute("PRAGMA foreign_keys = ON")
        encoding = words(database.execute("PRAGMA encoding").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path}: is not a database that can be read ({error}).") from None
    if encoding != "UTF-8":  # SQLite would convert, and not every text comes back
        raise ConfigurationError(f"{path}: its texts are {encoding}, and only UTF-8 can be archived exactly. Convert it with .dump into a new database.")


def read_table(database: sqlite3.Connection, name: str) -> Table:
    """A table by its name. Raises ConfigurationError unless single rows of it can be named and deleted."""
    found = database.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)", (name,)).fetchone()
    if found is None:
        raise ConfigurationError(f"There is no table {name!r}; there are {', '.join(table_names(database)) or 'none'}.")
    name, kind, sql = (words(value) for value in found)
    if kind == "view" or sql.lstrip().upper().startswith("CREATE VIRTUAL"):
        raise ConfigurationError(f"{name} is a {'view' if kind == 'view' else 'virtual table'}: it has no rows of its own. Name the table behind it.")
    details = database.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    shown = [(words(each[1]), each[5], each[6]) for each in details if each[6] in _SHOWN]
    columns = tuple(column for column, _, _ in shown)
    primary = tuple(column for place, column in sorted((place, column) for column, place, _ in shown if place))
    generated = frozenset(column for column, _, hidden in shown if hidden)
    rowid = _rowid(database, name, columns)
    if not rowid:
        return Table(name=name, columns=columns, key=primary, generated=generated, primary=primary)
    has_index = any(words(each[3]) == "pk" for each in database.execute(f"PRAGMA index_list({quoted(name)})"))
    if len(primary) == 1 and not has_index:  # the column is the row's number
        return Table(name=name, columns=columns, key=primary, numbered=True, generated=generated, primary=primary)
    return Table(name=name, columns=(rowid, *columns), key=(rowid,), rowid=rowid, numbered=True, generated=generated, primary=primary)


def _rowid(database: sqlite3.Connection, name: str, columns: Sequence[str]) -> str:
    """What the number of a row is called, empty when the table is WITHOUT ROWID."""
    taken = {column.lower() for column in columns}
    free = [word for word in ROWIDS if word not in taken]
    if not free:
        raise ConfigurationError(f"{name} has columns named {', '.join(ROWIDS)}, so its rows cannot be named. Rename one of them.")
    try:
        database.execute(statement("SELECT", free[0], "FROM", quoted(name), "LIMIT 0"))
    except sqlite3.OperationalError as error:
        if "no such column" in str(error):
            return ""
        raise
    return free[0]


def table_names(database: sqlite3.Connection) -> list[str]:
    """The tables that are not SQLite's own."""
    return sorted(words(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"))
