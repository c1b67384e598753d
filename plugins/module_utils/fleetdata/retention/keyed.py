# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a table by their keys: read, and deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from ..sql import statement
from . import rows
from .rows import Value
from .table import Table

Key = tuple[Value, ...]
_AT_ONCE = 500
"""Rows that a condition lists at most, as SQLite binds some hundreds of values."""


@dataclass(frozen=True)
class Condition:
    """A condition of SQL, and what is bound in it."""

    sql: str
    values: list[Any]


def key_of(table: Table, line: bytes) -> Key:
    """What names the row of a line."""
    if table.numbered and table.key_places == (0,):
        return (int(line[: line.index(rows.DELIMITER)]),)
    row = rows.values(line)
    return tuple(row[place] for place in table.key_places)


def conditions(database: sqlite3.Connection, table: Table, lines: Sequence[bytes]) -> list[Condition]:
    """What selects the rows that lines name, which are in the order of their keys, and no others: a single condition unless others lie between them."""
    span_of = span(table, lines)
    count = statement("SELECT count(*) FROM (SELECT 1 FROM", table.quoted, "WHERE", span_of.sql, "LIMIT", f"{len(lines) + 1})")
    if database.execute(count, span_of.values).fetchone()[0] <= len(lines):
        return [span_of]
    keys = [key_of(table, line) for line in lines]
    if table.numbered:
        numbers = [number for (number,) in keys]
        return [_numbers(table, numbers[at : at + _AT_ONCE]) for at in range(0, len(numbers), _AT_ONCE)]
    return [_one(table, key) for key in keys]


def blocks(database: sqlite3.Connection, table: Table, chosen: Sequence[Condition]) -> Generator[tuple[bytes, int], None, None]:
    """The rows of the conditions as lines, in the order of their keys, as ``rows.blocks`` gives them."""
    for condition in chosen:
        select = statement("SELECT", table.listed, "FROM", table.quoted, "WHERE", condition.sql, "ORDER BY", table.ordered)
        yield from rows.blocks(database, select, condition.values)


def delete(database: sqlite3.Connection, table: Table, chosen: Sequence[Condition]) -> int:
    """Delete the rows of the conditions; how many there were."""
    return sum(database.execute(statement("DELETE FROM", table.quoted, "WHERE", condition.sql), condition.values).rowcount for condition in chosen)


def span(table: Table, lines: Sequence[bytes]) -> Condition:
    """The keys from that of the first line to that of the last."""
    low, high = [[rows.bound(value) for value in key_of(table, line)] for line in (lines[0], lines[-1])]
    places = [", ".join(place for place, _ in bound) for bound in (low, high)]
    return Condition(f"({table.ordered}) >= ({places[0]}) AND ({table.ordered}) <= ({places[1]})", [value for _, value in (*low, *high)])


def behind(table: Table, line: bytes) -> Condition:
    """The keys after that of a line."""
    bound = [rows.bound(value) for value in key_of(table, line)]
    return Condition(f"({table.ordered}) > ({', '.join(place for place, _ in bound)})", [value for _, value in bound])


def _numbers(table: Table, some: Sequence[Value]) -> Condition:
    return Condition(f"{table.ordered} IN ({', '.join('?' * len(some))})", list(some))


def _one(table: Table, key: Key) -> Condition:
    bound = [rows.bound(value) for value in key]
    return Condition(" AND ".join(f"{table.sql(column)} = {place}" for column, (place, _) in zip(table.key, bound)), [value for _, value in bound])
