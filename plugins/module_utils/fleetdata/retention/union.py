# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a day as all of its proved revisions hold them, on disk: equal ones once, and of one declared key the latest."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import ConfigurationError, DamageError
from . import rows
from .rows import Value
from .table import ROWIDS, Table


@dataclass(frozen=True)
class Projection:
    """Which cells of an archived row go into which columns of a table.

    names: the columns that take a value. places: where it is among the cells. lost: the places whose column the table does not have.
    key: where the declared primary key is among the names; empty without one, or when not all of it was archived.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    lost: tuple[int, ...]
    key: tuple[int, ...]


def projection(table: Table, columns: Sequence[str]) -> Projection:
    """How rows of these columns go into a table: by name. The number of a row is no column, and goes where rows have one."""
    found = {name.lower(): place for place, name in enumerate(columns)}
    own = {name.lower() for name in table.columns if name != table.rowid}
    number = 0 if columns and columns[0] in ROWIDS and columns[0] not in own else None
    placed = {name: number if name == table.rowid else found.get(name.lower()) for name in table.columns}
    taken = {name: place for name, place in placed.items() if place is not None and name not in table.generated}
    names = tuple(taken)
    key = tuple(names.index(name) for name in table.primary if name in taken)
    lost = tuple(place for name, place in found.items() if name not in own and place != number)
    return Projection(names=names, places=tuple(taken.values()), lost=lost, key=key if len(key) == len(table.primary) else ())


class Union:
    """Rows of one day. folder: for a file of its own; it goes with the folder."""

    def __init__(self, *, table: Table, folder: str) -> None:
        self._table = table
        self._file = sqlite3.connect(os.path.join(folder, "union.db"), isolation_level=None)
        for statement in ("PRAGMA synchronous = OFF", "CREATE TABLE row (identity BLOB PRIMARY KEY, revision INT, line BLOB)", "CREATE TABLE later (row INT)"):
            self._file.execute(statement)
        self._projections: dict[int, Projection] = {}
        self._at = 0

    def close(self) -> None:
        """Nothing more is asked."""
        self._file.close()

    def add(self, revision: int, columns: Sequence[str], blocks: Iterable[bytes]) -> None:
        """Add a revision, a later one than those before; with an error nothing of it. Raises DamageError, ConfigurationError, and what the blocks raise."""
        names = columns[:-1]
        self._file.execute("BEGIN")
        try:
            lines = rows.lines(rows.parts(blocks))
            if rows.header(names) != tuple(columns) or next(lines, b"") != rows.header_line(names):
                raise DamageError(f"Its first line is not that of rows with the columns {', '.join(names)}.")
            self._add(revision, projection(self._table, names), names, lines)
            self._file.execute("COMMIT")
        finally:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")

    def _add(self, revision: int, how: Projection, names: Sequence[str], lines: Iterable[bytes]) -> None:
        self._projections[revision] = how
        for line in lines:
            row = rows.values(line)
            for place in how.lost:
                if row[place] is not None:
                    raise ConfigurationError(
                        f"{self._table.name} has no column {names[place]}, which these rows have a value for. Add it, or use a new database."
                    )
            taken = tuple(row[place] for place in how.places)
            kept = rows.line(taken)
            insert = "INSERT INTO row VALUES (?, ?, ?) ON CONFLICT (identity) DO UPDATE SET line = excluded.line, revision = excluded.revision"
            self._file.execute(insert, (hashlib.sha256(_identity(taken, how, kept)).digest(), revision, kept))

    def __len__(self) -> int:
        return int(self._file.execute("SELECT count(*) FROM row").fetchone()[0])

    def __iter__(self) -> Iterator[tuple[Projection, tuple[Value, ...]]]:
        """The rows, each with how it goes into the table; those that were put off come again in the end."""
        every, again = "SELECT rowid, revision, line FROM row ORDER BY rowid", "SELECT rowid, revision, line FROM row WHERE rowid IN later ORDER BY rowid"
        for query in (every, again):
            for number, revision, line in self._file.execute(query):
                self._at = number
                yield self._projections[revision], rows.values(line)

    def put_off(self) -> None:
        """Give the row that was given last again, when all others were given."""
        self._file.execute("INSERT INTO later VALUES (?)", (self._at,))

    def has(self, line: bytes) -> bool:
        """Whether a row without a declared key is one of them."""
        return self._file.execute("SELECT 1 FROM row WHERE identity = ?", (hashlib.sha256(line).digest(),)).fetchone() is not None


def _identity(row: tuple[Value, ...], how: Projection, line: bytes) -> bytes:
    """What tells a row from others: its declared key, or all of it, its number included."""
    key = [row[place] for place in how.key]
    return line if not key or None in key else rows.line(key)
