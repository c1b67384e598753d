# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live database is replaced by a backup of it: its application is stopped, the old one stays beside, and whatever dies, one of the two is there to open."""

from __future__ import annotations

import dataclasses
import datetime
import glob
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import ConfigurationError, DamageError, FleetDataError
from ..limits import Progress, Silence
from ..store import Store
from . import database, held, keys
from .bring_back import Restored, arriving, holds, need_database, outcome, sides
from .copy import sync
from .model import UNCHANGED, Manifest
from .processes import holders
from .services import Services


@dataclass(frozen=True)
class Live:
    """The database that is replaced. services: what is stopped before and started after. clock: UTC. proc: where the system tells of its processes."""

    path: str
    services: Services
    clock: Callable[[], datetime.datetime]
    monotonic: Callable[[], float] = time.monotonic
    proc: str = "/proc"


class InUseError(FleetDataError):
    """Somebody has the database open."""


def replace_live(
    *, store: Store, prefix: str, name: str, live: Live, stamp: str | None = None, check: bool = False, progress: Progress | None = None
) -> Restored:  # fmt: skip
    """Replace a live database by a backup. stamp: None for the newest, which must count. check: write and stop nothing, say what would be.

    The backup is downloaded and proved before anything is stopped. The old database is kept as <path>.before-<now>, with what SQLite has beside it.
    Raises NoBackupError, DamageError, StoreError, InUseError, ConfigurationError; then the old one is in its place. Killed anywhere, run it again.
    """
    began = live.monotonic()
    manifest = held.chosen(held.look(store=store, prefix=prefix, name=name), stamp)
    need_database(manifest)
    result = outcome(manifest, live.path)
    if holds(live.path, manifest):
        result = dataclasses.replace(result, status=UNCHANGED)
        if not check:  # a run that was killed may have stopped them
            live.services.start()
    elif not check:
        with arriving(store=store, manifest=manifest, path=live.path, progress=progress or Silence()) as part:
            _owned_as_before(part, live.path)
            with _stopped(live):
                result = dataclasses.replace(result, kept=_exchange(part, live, manifest))
    return dataclasses.replace(result, seconds=round(live.monotonic() - began))


@contextmanager
def _stopped(live: Live) -> Iterator[None]:
    """Stop what uses it, and start it again whatever happens. Raises InUseError when somebody else has it open."""
    live.services.stop()
    try:
        _refuse_if_open(live)
        yield
    finally:
        live.services.start()


def _refuse_if_open(live: Live) -> None:
    using = holders([live.path, *sides(live.path)], proc=live.proc)
    if using:
        who = ", ".join(f"{user.name} (process {user.pid})" for user in using[:5])
        raise InUseError(f"{live.path} is open in {who}. Nothing was replaced. Stop it, or name its unit with --service, then run again.")


def _exchange(part: str, live: Live, manifest: Manifest) -> str:
    """Put the backup in the place of the database; where that is kept, "" when there was none."""
    if not os.path.lexists(live.path):
        if sides(live.path):
            raise ConfigurationError(f"{sides(live.path)[0]} is there without its database. Move it away, then run again.")
        os.rename(part, live.path)
        sync(live.path)
        return ""
    kept = _set_aside(live)
    _refuse_if_open(live)
    for side in sides(live.path):  # SQLite would mix them into what comes
        os.unlink(side)
    os.rename(part, live.path)
    sync(live.path)
    try:
        database.compare(live.path, manifest)
    except DamageError:
        os.replace(kept, live.path)
        raise
    return kept


def _set_aside(live: Live) -> str:
    """Give the old database a second name; it keeps its first one until the very moment of the exchange."""
    _take_in(live.path)
    earlier = [path for path in glob.glob(f"{glob.escape(live.path)}.before-*Z") if os.path.samefile(path, live.path)]
    kept = earlier[0] if earlier else _free(f"{live.path}.before-{keys.stamped(live.clock())}")
    for path in [live.path, *sides(live.path)]:
        other = kept + path[len(live.path) :]
        if os.path.lexists(other) and not os.path.samefile(path, other):
            os.unlink(other)
        if not os.path.lexists(other):
            os.link(path, other)
    sync(kept)
    return kept


def _take_in(path: str) -> None:
    """Have SQLite put what lies in the WAL or a journal into the database. If it is too broken for that, they are kept along with it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None, timeout=5)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _free(path: str) -> str:
    """A path that nothing has."""
    if os.path.lexists(path):
        raise ConfigurationError(f"{path} is there already. Move it away, then run again.")
    return path


def _owned_as_before(part: str, path: str) -> None:
    """Owner, group and mode of the old database; without one, the owner of its directory."""
    there = os.path.lexists(path)
    old = os.stat(path if there else os.path.dirname(path))
    os.chown(part, old.st_uid, old.st_gid)
    if there:
        os.chmod(part, stat.S_IMODE(old.st_mode))
