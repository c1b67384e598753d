# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes the very rows that were proved: each is read once more in the transaction that deletes it, and must be its proof to the byte."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Callable

from ..errors import STAYED, DamageError, FleetDataError
from . import joined, keyed, rows
from .keyed import Condition
from .table import Table

TARGET_SECONDS = 0.03
"""How long a transaction is meant to hold the database."""
PAUSE_SECONDS, LONG_PAUSE_SECONDS = 0.03, 0.11
"""How long it is left to others then. SQLite's own busy handler looks again every 25 ms at the latest while it has waited for less than a tenth of a second,
later every 100 ms: whoever came while a transaction held the database gets in after it.
"""
_LONG_SECONDS, _WAITED_SECONDS = 0.1, 0.001
"""From when on a transaction was long; and how long is waited for others at least, where it is waited at all: then they have more to write."""
_LEAST, _FIRST, _MOST, _BYTES = 20, 200, 20000, 1 << 21
"""Rows of a transaction: at least, in the first, at most; and about how many bytes of lines at most."""
_PIECE = 1 << 16


class ChangedError(FleetDataError):
    """The database holds something else than was proved; nothing of the batch was deleted."""

    code = STAYED


@dataclass
class Pace:
    """How many rows a transaction deletes. clock: seconds that never go back. sleep: waits, in seconds.

    idle: set while there is no transaction. Whoever else of this process reads the database waits for that, as two threads in SQLite take twice as long.
    """

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    rows: int = _FIRST
    idle: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.idle.set()

    def took(self, seconds: float, *, waited: float = 0.0) -> None:
        """Leave the database to others after a transaction, for which it had waited; the next one will take about as long as it should."""
        factor = min(2.0, max(0.5, TARGET_SECONDS / seconds)) if seconds > 0 else 2.0
        self.rows = min(_MOST, max(_LEAST, int(self.rows * factor)))
        long = seconds > _LONG_SECONDS or waited > _WAITED_SECONDS
        self.sleep(max(LONG_PAUSE_SECONDS if long else PAUSE_SECONDS, seconds / 3))


def delete(*, database: sqlite3.Connection, table: Table, path: str, schema: int, pace: Pace) -> Iterator[int]:
    """Delete the rows whose lines a file has, in small transactions; yields how many after each.

    schema: as it was when the table was looked at. Raises ChangedError when a row, or a table, is not what was proved; DamageError; sqlite3.Error.
    What was yielded stays deleted.
    """
    with open(path, "rb") as file:
        lines = rows.lines(file)
        if next(lines, b"") != rows.header_line(table.columns):
            raise DamageError(f"{path} does not hold rows of {table.name} as it is now.")
        for batch in _batches(file, pace):
            asked = pace.clock()
            database.execute("BEGIN IMMEDIATE")  # waits for others, as long as the connection says
            pace.idle.clear()
            try:
                began = pace.clock()
                _delete(database, table, batch, schema)
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                pace.idle.set()
            yield len(batch)
            pace.took(pace.clock() - began, waited=began - asked)


def _batches(file: IO[bytes], pace: Pace) -> Iterator[list[bytes]]:
    """Lines of the rows of a transaction each."""
    held: list[bytes] = []
    size = 0
    more = True
    while held or more:
        while more and len(held) < pace.rows and size < _BYTES:
            some = rows.some_lines(file, _PIECE)
            more = bool(some)
            held += some
            size += sum(map(len, some))
        batch, held = held[: pace.rows], held[pace.rows :]
        size -= sum(map(len, batch))
        if batch:
            yield batch


def _delete(database: sqlite3.Connection, table: Table, batch: Sequence[bytes], schema: int) -> None:
    if schema_version(database) != schema:
        raise ChangedError(f"The tables were changed while rows of {table.name} were deleted. Run again; it starts from what is there then.")
    chosen = [keyed.span(table, batch)]
    if not joined.are(database, table, chosen[0], batch):
        chosen = keyed.conditions(database, table, batch)
        if not _are(database, table, chosen, batch):
            raise ChangedError(_difference(database, table, chosen, batch))
    gone = keyed.delete(database, table, chosen)
    if gone != len(batch):
        raise ChangedError(f"{gone} rows of {table.name} went instead of {len(batch)}, and were brought back. Check the database's integrity.")


def _are(database: sqlite3.Connection, table: Table, chosen: Sequence[Condition], batch: Sequence[bytes]) -> bool:
    """Whether the rows of the conditions are just what was proved."""
    at = 0
    with closing(keyed.blocks(database, table, chosen)) as found:
        for text, some in found:
            if text != b"".join(batch[at : at + some]):
                return False
            at += some
    return at == len(batch)


def _difference(database: sqlite3.Connection, table: Table, chosen: Sequence[Condition], batch: Sequence[bytes]) -> str:
    found = BytesIO(b"".join(text for text, _ in keyed.blocks(database, table, chosen)))
    there = {keyed.key_of(table, line): line for line in rows.lines(found)}
    keys = [keyed.key_of(table, line) for line in batch]
    key = next((key for key, line in zip(keys, batch) if there.get(key) != line), keys[0])
    name = ", ".join(f"{column} {value!r}" for column, value in zip(table.key, key))
    what = "was changed" if key in there else "is not there any more"
    return f"A row of {table.name} ({name}) {what} since it was archived. No row of its batch was deleted. Run again; the day is archived anew then."


def schema_version(database: sqlite3.Connection) -> int:
    """A number that SQLite changes with the tables, and when VACUUM may have given rows other numbers."""
    return int(database.execute("PRAGMA schema_version").fetchone()[0])
