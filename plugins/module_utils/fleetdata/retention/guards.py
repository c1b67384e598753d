# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a table's surroundings forbids to delete its rows, or makes it slow: triggers, foreign keys, a missing index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from ..sql import quoted, statement, words
from .table import Table, table_names

_MOVES = ("CASCADE", "SET NULL", "SET DEFAULT")


def objections(database: sqlite3.Connection, table: Table, *, acknowledged: Sequence[str] = ()) -> Iterator[str]:
    """Why rows of the table cannot be deleted alone: more would go, or change, than was archived. acknowledged: triggers that may run."""
    triggers = _delete_triggers(database, table)
    unknown = [name for name in triggers if name not in acknowledged]
    if unknown:
        what = f"{table.name} has triggers that run when a row is deleted ({', '.join(unknown)}): they could change rows that are not archived"
        yield f"{what}. If that is right, name them in its rule under triggers."
    for name in acknowledged:
        if name not in triggers:
            yield f"Its rule names a trigger {name!r}, and none of {table.name} that runs when a row is deleted is called so. Correct the rule."
    for child, action in sorted(_children(database, table)):
        if action in _MOVES:
            yield f"Rows of {child} refer to {table.name} with ON DELETE {action}: they would go or change along, and are not archived."


def notices(database: sqlite3.Connection, table: Table, column: str) -> Iterator[str]:
    """What would make it faster."""
    query = statement("EXPLAIN QUERY PLAN SELECT", table.ordered, "FROM", table.quoted, "WHERE", column, ">= ? AND", column, "< ?")
    if any(words(step[3]).startswith("SCAN") for step in database.execute(query, ("", ""))):
        index = quoted(f"{table.name}_{column.strip(chr(34))}")
        yield f"{table.name} has no index on {column}, so each day reads all of it. If that is too slow: CREATE INDEX {index} ON {table.quoted} ({column})"


def insert_triggers(database: sqlite3.Connection, table: Table) -> list[str]:
    """Triggers that run when a row is inserted."""
    columns = [column for column in table.columns if column not in table.generated]
    places = ", ".join("?" for _ in columns)
    insert = statement("INSERT OR ABORT INTO", table.quoted, f"({', '.join(map(table.sql, columns))}) VALUES ({places})")
    return _triggers(database, table, "INSERT", insert, len(columns))


def _delete_triggers(database: sqlite3.Connection, table: Table) -> list[str]:
    named = " AND ".join(f"{table.sql(column)} = ?" for column in table.key)
    return _triggers(database, table, "DELETE", statement("DELETE FROM", table.quoted, "WHERE", named), len(table.key))


def _triggers(database: sqlite3.Connection, table: Table, event: str, change: str, values: int) -> list[str]:
    """SQLite is asked, not the text of a trigger: whether the change runs any."""
    enforced = database.execute("PRAGMA foreign_keys").fetchone()[0]
    database.execute("PRAGMA foreign_keys = OFF")
    try:
        steps = database.execute(statement("EXPLAIN", change), [0] * values).fetchall()
    finally:
        database.execute(f"PRAGMA foreign_keys = {enforced}")
    if all(words(step[1]) != "Program" for step in steps):
        return []
    found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?) ORDER BY name", (table.name,))
    return [words(name) for name, sql in found if event in words(sql).upper()]


def _children(database: sqlite3.Connection, table: Table) -> Iterator[tuple[str, str]]:
    for child in table_names(database):
        for key in database.execute(f"PRAGMA foreign_key_list({quoted(child)})").fetchall():
            if words(key[2]).lower() == table.name.lower():
                yield child, words(key[6]).upper()
