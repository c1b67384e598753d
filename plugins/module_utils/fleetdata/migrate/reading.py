# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a SQLite table, in blocks that are bounded in rows and bytes."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol
from urllib.parse import quote

from ..retention.rows import Text
from ..sql import quoted, statement
from .model import Table

LEAST, MOST = -(1 << 63), (1 << 63) - 1
"""The smallest and the largest number that a row can have."""
_ROWS, _BYTES = 1000, 1 << 20
Row = tuple[Any, ...]


class _Engine(Protocol):
    def run(self, sql: str, bound: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of a query. Fails at a text that is not UTF-8."""

    def run_any(self, columns: Sequence[str], rest: str, bound: Sequence[Any]) -> Iterator[Row]:
        """The rows of SELECT columns, rest, whatever their texts are."""

    def close(self) -> None:
        """End it."""


class Reader:
    """A connection that only reads. A value is None, int, float, str, ``Text`` (text that is not UTF-8) or bytes. One query at a time."""

    def __init__(self, path: str, *, standard: bool = True) -> None:
        """standard: Python's sqlite3; else apsw where it is there, which takes two thirds of its time.

        apsw has an SQLite library of its own. Where another library of this process has the file open, too, the first that closes it takes all of the
        process's locks away (POSIX), and a live database is read torn, or worse: only a process that opens the file in no other way may say so.
        """
        self._engine: _Engine = _StandardEngine(path) if standard or not _has_apsw() else _ApswEngine(path)

    def begin(self) -> None:
        """Hold what the database is now until the reader is closed."""
        self.select("BEGIN")
        self.select("SELECT 1 FROM sqlite_master LIMIT 1")

    def select(self, sql: str, bound: Sequence[Any] = ()) -> list[Row]:
        """The rows of a small query."""
        return list(self._engine.run(sql, bound))

    def rows(
        self, table: Table, columns: Sequence[str], first: int | None = None, last: int | None = None, *, widest: int | None = None
    ) -> Iterator[list[Row]]:  # fmt: skip
        """Rows by number (those without: by key), both ends included, None for no end. widest: bytes of the longest row, None where that is not known."""
        rest, bound = _range(table, first, last)
        at_once = widest is not None and widest * _ROWS <= 8 * _BYTES
        done = 0
        try:
            for block in _blocks(self._engine.run(statement("SELECT", ", ".join(map(quoted, columns)), rest), bound), at_once):
                yield block
                done += len(block)
        except (UnicodeDecodeError, sqlite3.OperationalError) as error:
            if not isinstance(error, UnicodeDecodeError) and "decode" not in str(error):
                raise
            yield from _blocks(self._engine.run_any(columns, f"{rest} LIMIT -1 OFFSET {done}", bound), at_once)

    def numbers_at(self, table: Table, first: int | None, places: Sequence[int]) -> dict[int, int]:
        """The numbers of some rows, by their places in a range from ``first``, ascending; none where rows have no numbers."""
        name = row_name(table)
        if not name or not places:
            return {}
        rest, bound = _range(table, first, None)
        wanted, rows = set(places), self._engine.run(statement("SELECT", name, rest, "LIMIT ?"), (*bound, places[-1] + 1))
        return {place: int(row[0]) for place, row in enumerate(rows) if place in wanted}

    def ends(self, table: Table, rows: int) -> list[int]:
        """The numbers of each so many-th row, by which a table is read in parts; none where rows have no numbers."""
        name, found = row_name(table), list[int]()
        while name:
            rest, bound = _range(table, found[-1] + 1 if found else None, None)
            more = self.select(statement("SELECT", name, rest, "LIMIT 1 OFFSET ?"), (*bound, rows - 1))
            if not more or more[0][0] == MOST:
                break
            found.append(int(more[0][0]))
        return found

    def close(self) -> None:
        """End it."""
        self._engine.close()


def errors() -> tuple[type[Exception], ...]:
    """What either library says when SQLite fails."""
    return (sqlite3.DatabaseError, importlib.import_module("apsw").Error) if _has_apsw() else (sqlite3.DatabaseError,)


def row_name(table: Table) -> str:
    """What the number of a row is called in SQL, empty where there is none."""
    if table.without_rowid:
        return ""
    taken = {column.name.lower() for column in table.columns}
    return quoted(table.row_number) if table.row_number else next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")


def _range(table: Table, first: int | None, last: int | None) -> tuple[str, tuple[int, ...]]:
    name, source = row_name(table), statement("FROM", quoted(table.name))
    if not name:
        return statement(source, "ORDER BY", ", ".join(map(quoted, table.primary))) if table.without_rowid else source, ()
    return statement(source, "WHERE", name, "BETWEEN ? AND ? ORDER BY", name), (LEAST if first is None else first, MOST if last is None else last)


def _blocks(rows: Iterator[Row], at_once: bool) -> Iterator[list[Row]]:
    if at_once:
        while block := list(islice(rows, _ROWS)):
            yield block
        return
    block, size = [], 0
    for row in rows:
        block.append(row)
        size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if size >= _BYTES or len(block) == _ROWS:
            del row  # it may be long
            yield block
            block, size = [], 0
    if block:
        yield block


class _StandardEngine:
    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)

    def run(self, sql: str, bound: Sequence[Any] = ()) -> Iterator[Row]:
        self._database.text_factory = str
        return iter(self._database.execute(sql, bound))

    def run_any(self, columns: Sequence[str], rest: str, bound: Sequence[Any]) -> Iterator[Row]:
        self._database.text_factory = _text
        return iter(self._database.execute(statement("SELECT", ", ".join(map(quoted, columns)), rest), bound))

    def close(self) -> None:
        self._database.close()


class _ApswEngine:
    def __init__(self, path: str) -> None:
        apsw = importlib.import_module("apsw")
        self._database: Any = apsw.Connection(f"file:{quote(path)}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        self._encoding = str(self.select_one("PRAGMA encoding"))

    def select_one(self, sql: str) -> Any:
        return next(self.run(sql))[0]

    def run(self, sql: str, bound: Sequence[Any] = ()) -> Iterator[Row]:
        return iter(self._database.execute(sql, tuple(bound)))

    def run_any(self, columns: Sequence[str], rest: str, bound: Sequence[Any]) -> Iterator[Row]:
        said = ", ".join(f"typeof({name}) = 'text', CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END" for name in map(quoted, columns))
        for row in self.run(statement("SELECT", said, rest), bound):
            yield tuple(self._said(value) if is_text else value for is_text, value in zip(row[::2], row[1::2]))

    def _said(self, data: bytes) -> str | Text:
        if self._encoding == "UTF-8":
            return _text(data)
        return _text(data.decode(self._encoding, "surrogatepass").encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        self._database.close()


def _text(data: bytes) -> str | Text:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Text(data)


def _has_apsw() -> bool:
    return importlib.util.find_spec("apsw") is not None
