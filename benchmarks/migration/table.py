"""The databases: one wide table of so many rows, and 14 small tables with 46,580 rows as a web application has them; made once for each size."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

WIDE = """
CREATE TABLE events (
  id INTEGER PRIMARY KEY, day DATE NOT NULL, at DATETIME NOT NULL, account INTEGER NOT NULL, creative TEXT NOT NULL, country TEXT, format TEXT NOT NULL,
  impressions INTEGER NOT NULL, clicks INTEGER, spend REAL NOT NULL, viewable BOOLEAN NOT NULL, note TEXT)
"""
SMALL_TABLES, SMALL_ROWS = 14, 46_580
COUNTRIES = ("US", "DE", "FR", "GB", "IN", "NG", "BR", "JP", None)
FORMATS = ("banner", "vidéo", "native", "rewarded", "日本語", "interstitial")
NOTES = (None, "tab\there", "back\\slash", "new\nline", 'quote"d', "it's", "a longer text, as people write them: nothing in it is of use to a parser")


def wide(folder: Path, rows: int) -> Path:
    """One table of 12 columns."""
    return _once(folder / f"wide-{rows}.db", WIDE, {"events": _events(rows)})


def small(folder: Path) -> Path:
    """14 tables with keys to one another."""
    each, rest = divmod(SMALL_ROWS, SMALL_TABLES)
    sql, filled = "", {}
    for number in range(SMALL_TABLES):
        key = f", parent INTEGER REFERENCES t{number - 1}(id)" if number else ", parent INTEGER"
        sql += (
            f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY AUTOINCREMENT{key}, name VARCHAR(80) NOT NULL, at DATETIME, score REAL,"
            f" active BOOLEAN, data TEXT);"
            f"CREATE INDEX t{number}_parent ON t{number} (parent);"
        )
        filled[f"t{number}"] = _people(each + (rest if number == SMALL_TABLES - 1 else 0), each, bool(number))
    return _once(folder / "small.db", sql, filled)


def _once(path: Path, sql: str, filled: dict[str, Iterator[tuple[Any, ...]]]) -> Path:
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as database, database:
        database.executescript(f"PRAGMA synchronous = OFF; {sql}")
        for name, rows in filled.items():
            first = next(rows)
            marks = ", ".join("?" * len(first))
            database.execute(f"INSERT INTO {name} VALUES ({marks})", first)
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    with closing(sqlite3.connect(part)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    return part.rename(path)


def _events(rows: int) -> Iterator[tuple[Any, ...]]:
    draw = random.Random(20260801)
    for number in range(1, rows + 1):
        day = f"2026-{1 + number * 6 // (rows + 1):02d}-{1 + number % 28:02d}"
        at = f"{day} {draw.randrange(24):02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}"
        shown = draw.randrange(90_000)
        yield (
            number, day, at, 1_000_000_000 + draw.randrange(400), f"creative-{draw.randrange(10**8):08d}", draw.choice(COUNTRIES), draw.choice(FORMATS), shown,
            draw.randrange(900) if shown % 7 else None, shown * draw.random(), number % 2, draw.choice(NOTES),
        )  # fmt: skip


def _people(rows: int, parents: int, child: bool) -> Iterator[tuple[Any, ...]]:
    draw = random.Random(rows)
    for number in range(1, rows + 1):
        at = f"2026-03-{1 + number % 28:02d} 10:{number % 60:02d}:00"
        parent = draw.randint(1, parents) if child and number % 5 else None
        yield number, parent, f"Name {number} ä", at, draw.random(), number % 2, draw.choice(NOTES)
