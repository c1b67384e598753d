# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The space of deleted rows: given back to the disk only when that is worth it and safe. SQLite uses it again for new rows anyway."""

from __future__ import annotations

import datetime
import os
import shutil
import sqlite3
from dataclasses import dataclass
from typing import Callable

from .model import Retention

NOTHING, STEPS, WHOLE = "nothing", "incremental", "vacuum"
"""What is done: nothing; free pages are cut off in small steps, beside writers; the file is written anew, and nobody writes meanwhile."""
_PAGES = 256
_INCREMENTAL = 2


@dataclass(frozen=True)
class Space:
    """What a database's file has. size, free: bytes, all and unused ones. incremental: whether it was made for small steps. disk: bytes free beside it."""

    size: int
    free: int
    incremental: bool
    disk: int


@dataclass(frozen=True)
class Reclaim:
    """What is done about the space, and why, in a sentence. freed: bytes that the disk has back."""

    kind: str
    reason: str
    freed: int = 0


def measure(*, database: sqlite3.Connection, path: str) -> Space:
    """What there is."""
    pages, free, page, kind = (int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size", "auto_vacuum"))
    disk = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    return Space(size=pages * page, free=free * page, incremental=kind == _INCREMENTAL, disk=disk)


def plan(*, space: Space, retention: Retention, now: datetime.datetime) -> Reclaim:
    """What to do. now: with its zone. Pure."""
    if not space.free:
        return Reclaim(NOTHING, "No space is unused.")
    unused = f"{space.free} of {space.size} bytes are unused"
    if space.incremental:
        return Reclaim(STEPS, f"{unused}.")
    if space.free < retention.vacuum_share * space.size:
        return Reclaim(NOTHING, f"{unused}, less than {retention.vacuum_share:.0%} (vacuum_share). New rows will use them.")
    if not _in_window(retention, now):
        first, last = retention.vacuum_from, retention.vacuum_to
        when = "at no time" if first == last else f"from {first}:00 to {last}:00 UTC"
        why = f"The file may be written anew {when} (vacuum_from, vacuum_to), as nobody can write meanwhile"
        return Reclaim(NOTHING, f"{unused}. {why}. New rows will use them.")
    if space.disk < 2 * space.size:
        return Reclaim(NOTHING, f"{unused}. To write the file anew takes {2 * space.size} bytes on its disk, where {space.disk} are free.")
    return Reclaim(WHOLE, f"{unused}.")


def _in_window(retention: Retention, now: datetime.datetime) -> bool:
    """Whether the hour is in the window, which may go over midnight, and is empty when it ends as it begins."""
    hour, first, last = now.astimezone(datetime.timezone.utc).hour, retention.vacuum_from, retention.vacuum_to
    return first <= hour < last if first <= last else hour >= first or hour < last


def apply(*, database: sqlite3.Connection, path: str, planned: Reclaim, sleep: Callable[[float], None]) -> Reclaim:
    """Do it. Raises sqlite3.Error; then the database is as it was, or a part of the space is free already."""
    before = measure(database=database, path=path).size
    if planned.kind == STEPS:
        left, more = measure(database=database, path=path).free, True
        while left and more:
            database.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            sleep(0.01)
            before_it, left = left, measure(database=database, path=path).free
            more = left < before_it
    elif planned.kind == WHOLE:
        database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return Reclaim(planned.kind, planned.reason, freed=before - measure(database=database, path=path).size)
