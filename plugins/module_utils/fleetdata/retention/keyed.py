# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a table by their keys: read, and deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from . import rows
from .rows import Value
from .table import Table, statement

Key = tuple[Value, ...]


def key_of(table: Table, line: bytes) -> Key:
    """What names the row of a line."""
    if table.numbered and table.key_places == (0,):
        return (int(line[: line.index(rows.DELIMITER)]),)
    row = rows.values(line)
    return tuple(row[place] for place in table.key_places)


def fetch(database: sqlite3.Connection, table: Table, keys: Sequence[Key]) -> list[tuple[Value, ...]]:
    """The rows of the keys that are there, in their order."""
    select = statement("SELECT", table.listed, "FROM", table.quoted, "WHERE")
    if table.numbered:  # one statement does it
        numbers = _numbers(keys)
        return database.execute(statement(select, table.ordered, "IN", numbers, "ORDER BY", table.ordered)).fetchall()
    found: list[tuple[Value, ...]] = []
    for key in keys:
        condition, values = _one(table, key)
        found += database.execute(statement(select, condition), values)
    return found


def delete(database: sqlite3.Connection, table: Table, keys: Sequence[Key]) -> int:
    """Delete the rows of the keys; how many there were."""
    remove = statement("DELETE FROM", table.quoted, "WHERE")
    if table.numbered:  # one statement does it
        numbers = _numbers(keys)
        return database.execute(statement(remove, table.ordered, "IN", numbers)).rowcount
    gone = 0
    for key in keys:
        condition, values = _one(table, key)
        gone += database.execute(statement(remove, condition), values).rowcount
    return gone


def _numbers(keys: Sequence[Key]) -> str:
    return f"({', '.join(str(number) for (number,) in keys)})"


def _one(table: Table, key: Key) -> tuple[str, list[Any]]:
    bound = [rows.bound(value) for value in key]
    return " AND ".join(f"{table.sql(column)} = {place}" for column, (place, _) in zip(table.key, bound)), [value for _, value in bound]
