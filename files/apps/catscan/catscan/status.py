"""What the API tells about the imports: read-only queries over the history and the drop folder."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import reports
from .settings import Settings


def _age_seconds(moment: str, now: datetime) -> int:
    parsed = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    return max(0, int((now - parsed).total_seconds()))


def _by_type(folder: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    if folder.is_dir():
        for entry in os.scandir(folder):
            if entry.name.endswith(".csv"):
                # A second file of a name got a suffix in quarantine, so the beginning of the name decides.
                known = [name for name in reports.REPORT_TYPES if entry.name.startswith(f"catscan-{name}-")]
                counts[known[0] if known else "unknown"] += 1
    return counts


def _last_import(connection: sqlite3.Connection, report_type: str) -> dict[str, Any] | None:
    row = connection.execute(
        "SELECT file_name, day, rows, imported_at FROM import_history WHERE report_type = ? AND status = 'imported' ORDER BY id DESC LIMIT 1",
        (report_type,),
    ).fetchone()
    return dict(row) if row else None


def gmail(connection: sqlite3.Connection, settings: Settings, now: datetime) -> dict[str, Any]:
    """Return, for each report type, its last import, whether that is recent, and what waits or is quarantined.

    A type that was never imported counts from the day the database was made: a new host is not late yet.
    """
    created_at: str = connection.execute("SELECT created_at FROM installation").fetchone()[0]
    waits, quarantined = _by_type(settings.imports), _by_type(settings.quarantine)
    types: dict[str, Any] = {}
    for name in reports.REPORT_TYPES:
        last = _last_import(connection, name)
        age = _age_seconds(last["imported_at"] if last else created_at, now)
        types[name] = {
            "last_import": last,
            "age_seconds": age if last else None,
            "fresh": age <= settings.import_max_age_hours * 3600,
            "waiting": waits[name],
            "quarantined": quarantined[name],
        }
    return {
        "fresh": all(entry["fresh"] for entry in types.values()),
        "max_age_hours": settings.import_max_age_hours,
        "types": types,
        "unknown": {"waiting": waits["unknown"], "quarantined": quarantined["unknown"]},
    }


def history(connection: sqlite3.Connection, *, limit: int, offset: int) -> dict[str, Any]:
    """Return one page of the import history, newest first, with the total count."""
    total = connection.execute("SELECT count(*) FROM import_history").fetchone()[0]
    rows = connection.execute("SELECT * FROM import_history ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset))
    return {"total": total, "limit": limit, "offset": offset, "items": [dict(row) for row in rows]}


def health(connection: sqlite3.Connection, now: datetime) -> dict[str, Any]:
    """Return how the database answers and how old the newest import is (null before the first)."""
    last = connection.execute("SELECT max(imported_at) FROM import_history WHERE status = 'imported'").fetchone()[0]
    return {
        "database": {"status": "ok", "schema": connection.execute("PRAGMA user_version").fetchone()[0]},
        "last_import": {"at": last, "age_seconds": _age_seconds(last, now) if last else None},
    }
