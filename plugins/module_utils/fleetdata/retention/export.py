# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a day as a file of their lines."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from ..sql import statement
from . import day, joined, rows
from .holdings import day_column
from .plan import Step


def export(*, database: sqlite3.Connection, step: Step, path: str) -> int:
    """Write the rows of a day, in the order of their key, as one snapshot; how many."""
    count = 0
    with open(path, "wb") as file, _snapshot(database):
        file.write(rows.header_line(step.table.columns))
        for text, some in _blocks(database, step):
            file.write(text)
            count += some
    return count


@contextmanager
def _snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """What is read in it is as it is at the first look."""
    database.execute("BEGIN")
    try:
        yield
    finally:
        database.execute("ROLLBACK")


def _blocks(database: sqlite3.Connection, step: Step) -> Generator[tuple[bytes, int], None, None]:
    """Lines, and how many: as SQLite makes them as long as it does."""
    table, column, day_format = step.table, day_column(step.table, step.rule), step.rule.day_format
    of_day, bound = day.condition(column, day_format), day.bound(step.day, day_format)
    further = day.condition(column, day_format, begun=table.sql(table.key[0]) == column)
    done = 0
    made = joined.blocks(database, table, of_day, further, bound)
    while True:
        try:
            block = next(made)
        except StopIteration as end:
            if end.value:
                return
            break
        done += block[1]
        yield block
    select = statement("SELECT", table.listed, "FROM", table.quoted, "WHERE", of_day, "ORDER BY", table.ordered, f"LIMIT -1 OFFSET {done}")
    yield from rows.blocks(database, select, bound)
