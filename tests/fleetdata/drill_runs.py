"""Drills of an archive, by the command, and an application's importer that is as small as one can be."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import command
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.drill import actions
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from archive_runs import NOON

IMPORTER = """
import csv, pathlib, sqlite3, sys
database = sqlite3.connect(sys.argv[2])
database.execute("CREATE TABLE IF NOT EXISTS daily (report TEXT, day TEXT, creative TEXT, PRIMARY KEY (report, day, creative))")
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.csv")):
    rows = list(csv.DictReader(path.open(newline="")))
    day = path.stem[-10:]
    database.execute("DELETE FROM daily WHERE report = ? AND day = ?", (path.stem[:-11], day))
    database.executemany("INSERT INTO daily VALUES (?, ?, ?)", [(path.stem[:-11], row["Day"], row["Creative ID"]) for row in rows])
database.commit()
"""


def ago(days: int) -> str:
    """The day so many days before the drill."""
    return (NOON.date() - datetime.timedelta(days=days)).isoformat()


DAYS = (ago(4), ago(3), ago(2))
"""Days that are due at noon; the next one may still come."""


def importer(folder: Path, *, program: str = IMPORTER, **more: Any) -> dict[str, Any]:
    """The importer as it is declared."""
    (folder / "importer.py").write_text(program)
    tables = {"daily": {"day_column": "day", "reports": ["performance", "funnel-geo", "funnel-publishers"]}}
    return {"command": [sys.executable, str(folder / "importer.py"), "{folder}", "{database}"], "database": str(folder / "app.db"), "tables": tables} | more


def declare(archive: Archive, folder: Path, *, retention: dict[str, Any] | None = None, backups: dict[str, Any] | None = None, **drill: Any) -> Path:
    """Write the configuration of an archive and of its drill."""
    path = command.declare(archive, folder)
    parts = folder / "fleetdata.d"
    parts.mkdir(exist_ok=True)
    declared = {"folder": str(folder / "drill"), "days": 100, "rto_seconds": 3600, "rpo_hours": 48} | drill
    (parts / "drill.json").write_text(json.dumps({"drill": declared}))
    for name, part in (("retention", retention), ("backups", backups)):
        if part:
            (parts / f"{name}.json").write_text(json.dumps({name: part}))
    return path


def drill(configuration: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The answer of a drill that ends with ``code``; nothing is left in its scratch."""
    with mock.patch.object(actions, "now", lambda: NOON):
        answer: dict[str, Any] = command.answer("--config", configuration, "drill", *arguments, code=code)
    assert not list((configuration.parent / "drill" / "scratch").iterdir())
    return answer


def faults(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What is wrong, by kind and day."""
    return {(check["kind"], check["day"]): check["status"] for check in answer["files"] if check["status"] != "good"}
