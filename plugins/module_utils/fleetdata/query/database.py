# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that only read, with little memory: sorting and grouping go to files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from urllib.parse import quote as url_quote

from ..retention.table import table_names
from ..sql import quoted, statement, words
from .guard import LIVE

HEAP = 40 << 20
"""Bytes that SQLite may have in this process, from the first query on."""
_BUSY_SECONDS = 60.0
_TABLE_FUNCTIONS = ("json_each('[]')", "json_tree('[]')", "pragma_table_info('x')", "pragma_table_xinfo('x')", "pragma_table_list", "pragma_index_list('x')")


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """A database, read only. Raises sqlite3.Error."""
    with closing(sqlite3.connect(_uri(path), uri=True, isolation_level=None, timeout=_BUSY_SECONDS)) as database:
        yield database


@contextmanager
def connected(cache: str, live: str | None) -> Iterator[sqlite3.Connection]:
    """The cache, and as LIVE the application's database, both read only; the latter's views read what unqualified names mean here. Raises sqlite3.Error."""
    with reading(cache) as database:
        for setting in (f"hard_heap_limit = {HEAP}", "temp_store = FILE", "cache_size = -4000"):
            database.execute(f"PRAGMA {setting}").fetchall()
        database.text_factory = partial(str, encoding="utf-8", errors="backslashreplace")
        for function in _TABLE_FUNCTIONS:  # SQLite makes them when they are first used, which no guard would allow
            with suppress(sqlite3.OperationalError):
                database.execute(statement("SELECT 1 FROM", function, "LIMIT 0")).fetchall()
        if live:
            database.execute(f"ATTACH ? AS {LIVE}", (_uri(live),))
            database.execute(f"PRAGMA {LIVE}.cache_size = -2000").fetchall()
            for (sql,) in database.execute(statement("SELECT sql FROM", f"{LIVE}.sqlite_master", "WHERE type = 'view'")).fetchall():
                database.execute("CREATE TEMP VIEW " + words(sql).split(None, 2)[2])
        yield database


def tables(database: sqlite3.Connection) -> list[str]:
    """The tables that have rows of their own."""
    virtual = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'"
    none = {words(name) for (name,) in database.execute(virtual)}
    return [name for name in table_names(database) if name not in none]


def views(database: sqlite3.Connection) -> list[str]:
    """The names of the views."""
    return [words(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]


def placeholder(database: sqlite3.Connection, name: str) -> None:
    """A view over a live table alone, to find out who reads it."""
    database.execute(statement("CREATE TEMP VIEW", quoted(name), "AS SELECT * FROM", f"{LIVE}.{quoted(name)}"))


def _uri(path: str) -> str:
    return f"file:{url_quote(path)}?mode=ro"
