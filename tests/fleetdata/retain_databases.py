"""Databases with old days, and a host's configuration that declares them, as the command and the module find them."""

from __future__ import annotations

import datetime
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from command import declare

TODAY = datetime.datetime.now(datetime.UTC).date()
LOSS = "Ops: debug events, nobody needs them later"
DAILY = {"day_column": "day", "max_share": 0.9}


def ago(days: int) -> str:
    return (TODAY - datetime.timedelta(days=days)).isoformat()


OLD, OLDER = ago(100), ago(101)


def made(folder: Path, name: str, sql: str = "") -> Path:
    """A database with two old days of three rows each, and today's."""
    path = folder / f"{name}.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(f"CREATE TABLE daily (day TEXT, n INTEGER); CREATE INDEX d ON daily (day); {sql}")
        database.executemany("INSERT INTO daily VALUES (?, ?)", [(day, n) for day in (OLDER, OLD, ago(0)) for n in range(3)])
    return path


def configured(archive: Archive, folder: Path, **databases: Any) -> Path:
    """Declare databases, each by its tables' rules."""
    path = declare(archive, folder)
    parts = folder / "fleetdata.d"
    parts.mkdir(exist_ok=True)
    retention = {name: {"database": str(folder / f"{name}.db"), "tables": tables} for name, tables in databases.items()}
    (parts / "retention.json").write_text(json.dumps({"retention": retention}))
    return path
