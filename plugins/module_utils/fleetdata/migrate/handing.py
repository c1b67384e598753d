# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cut-over and the way back have in common: the application is stopped, and neither side is written to by anybody else meanwhile."""

from __future__ import annotations

import datetime
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..backup import keys
from ..backup.bring_back import sides
from ..backup.live import InUseError
from ..backup.processes import holders
from ..backup.services import Services
from ..errors import ConfigurationError, ContentError
from ..limits import Progress, Silence
from . import conversions, state
from .ahead import Ahead, ahead
from .changes import Lite, Server, text
from .connection import explained, told
from .differing import Differing
from .migration import QUARANTINE, REPLACE, Migration
from .planned import Plan
from .surroundings import locked

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_WORKERS = 2
"""Processes of the server that may read one table beside the session's own."""
_TEXTS = (conversions.TEXT, conversions.ANY_TEXT)
UNCHANGED, WOULD = "unchanged", "would be "
"""What became of it, beside the states: it had been done before; and, of a check, it would be."""


@dataclass(frozen=True)
class Handing:
    """Of one migration, from one side to the other. connect: to the target. services: units that are stopped; they stay so when it is done, and are
    started again when it fails. clock: UTC. lock_seconds: how long others may hold a table. proc: where the system tells of its processes."""

    migration: Migration
    connect: Callable[[], Connection]
    clock: Callable[[], datetime.datetime]
    services: Services = field(default_factory=Services)
    check: bool = False
    progress: Progress = field(default_factory=Silence)
    lock_seconds: float = 60.0
    monotonic: Callable[[], float] = time.monotonic
    proc: str = "/proc"


@dataclass(frozen=True)
class Moved:
    """Of one table: rows that came, rows that went (a changed row does both), and those it has now."""

    table: str
    came: int
    went: int
    rows: int


@dataclass(frozen=True)
class Outcome:
    """status: a state, UNCHANGED, or WOULD and a state. tables: those in which something changed. rows: of all tables that were compared.

    kept: the copy of the SQLite database as it was before. notices: sentences.
    """

    status: str
    tables: tuple[Moved, ...] = ()
    rows: int = 0
    kept: str = ""
    notices: tuple[str, ...] = ()


@contextmanager
def target(how: Handing) -> Iterator[Connection]:
    """A connection. Raises UnreachableError for whatever PostgreSQL refuses; then nothing of the transaction is done."""

    with closing(how.connect()) as connection, _refusals(connection, how.migration):
        yield connection


@contextmanager
def _refusals(connection: Connection, migration: Migration) -> Iterator[None]:
    """What is wrong with a row is ContentError."""
    with explained(migration, then="Nothing is lost; run again."):
        try:
            yield
        except (connection.DataError, connection.IntegrityError) as error:
            named = f"{error.diag.table_name}: " if error.diag.table_name else ""
            raise ContentError(
                f"{named}PostgreSQL does not take a row ({told(migration, error)}). Nothing was changed."
                " Correct the row, or what the table demands, then run again."
            ) from None


@contextmanager
def loaded(how: Handing, connection: Connection) -> Iterator[tuple[Handing, state.Record]]:
    """What the target keeps of a migration, which is handed over as it was loaded, whatever this call says of schema, names and types.

    Raises ConfigurationError where it was loaded from another database.
    """
    record = state.find(connection, how.migration.name)
    now, was = how.migration, record.plan.migration
    if os.path.realpath(now.database) != os.path.realpath(was.database):
        raise ConfigurationError(f"{now.target.said} keeps another migration of the name {now.name}: of {was.database}, not of {now.database}. Name that one.")
    on_misfit = QUARANTINE if QUARANTINE in (now.on_misfit, was.on_misfit) else was.on_misfit
    migration = replace(was, target=now.target, database=now.database, work=now.work, busy_seconds=now.busy_seconds, on_misfit=on_misfit,
                        secret=(*was.secret, *now.secret))  # fmt: skip
    with _refusals(connection, migration):
        yield replace(how, migration=migration), replace(record, plan=_of(record.plan, migration))


def _of(plan: Plan, migration: Migration) -> Plan:
    """The plan for rows that nobody saw at the load: any text of theirs may be what PostgreSQL cannot hold."""
    if migration.on_text != REPLACE:
        return replace(plan, migration=migration)
    tables = {
        name: replace(table, columns=tuple(replace(one, replace=one.replace or one.conversion in _TEXTS) for one in table.columns))
        for name, table in plan.tables.items()
    }
    return replace(plan, migration=migration, tables=tables)


@contextmanager
def stopped(how: Handing) -> Iterator[None]:
    """Stop the units, and see that nobody else has the SQLite database open. What fails starts them again. Raises InUseError, FleetDataError."""
    how.services.stop()
    try:
        _refuse_if_open(how)
        yield
    except BaseException:
        how.services.start()
        raise


@contextmanager
def held(connection: Connection, how: Handing) -> Iterator[state.Record]:
    """One transaction in which nobody writes to the tables of the target, and nobody else hands this migration over."""
    migration = how.migration
    with connection.transaction():
        locked(connection, [], seconds=how.lock_seconds)
        connection.execute(f"SET LOCAL max_parallel_workers_per_gather = {_WORKERS}")
        record = state.find(connection, migration.name, hold=True)
        record = replace(record, plan=_of(record.plan, migration))
        locked(connection, [Server(connection, table, migration.schema).name for table in record.plan.tables.values()], seconds=how.lock_seconds)
        yield record


@contextmanager
def opened(how: Handing) -> Iterator[sqlite3.Connection]:
    """The SQLite database, which nobody else can write to until the block ends. Raises ConfigurationError (also where it, or a disk, fails), InUseError.

    All is done by this one connection: another SQLite library in this process, as apsw has one, would take its locks away when it closes the file.
    """
    path = how.migration.database
    if not os.path.isfile(path):
        raise ConfigurationError(f"{path} is not there. Name the SQLite database that was migrated.")
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, isolation_level=None, timeout=how.migration.busy_seconds)) as database:
            database.text_factory = text
            database.execute("PRAGMA foreign_keys = OFF")
            begin(database, path)
            yield database
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"{path}: SQLite gave up ({error}). Nothing was changed. See that it is sound, and that disks have room, then run again."
        ) from None


def begin(database: sqlite3.Connection, path: str) -> None:
    """Begin the transaction that keeps others from writing."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        raise InUseError(f"{path} cannot be kept from being written to ({error}). Nothing was changed. Stop whoever uses it, then run again.") from None


def seen_in(database: sqlite3.Connection, connection: Connection, plan: Plan) -> dict[str, Ahead]:
    """Each table as both sides have it, while the application may still write to one of them."""
    return {name: ahead(Lite(database, table), Server(connection, table, plan.migration.schema)) for name, table in plan.tables.items()}


def found_in(
    stack: ExitStack, database: sqlite3.Connection, connection: Connection, how: Handing, plan: Plan, seen: Mapping[str, Ahead] | None = None
) -> Iterator[tuple[Lite, Server, Differing]]:  # fmt: skip
    """Each table as both sides have it, and the rows in which they differ. seen: what is known already."""
    how.progress.expect(files=len(plan.tables))
    for table in plan.tables.values():
        lite, server = Lite(database, table), Server(connection, table, plan.migration.schema)
        yield lite, server, stack.enter_context(closing(Differing(lite, server, (seen or {}).get(table.source.name))))
        how.progress.finished(table.source.name)


def stamped(how: Handing) -> str:
    """Now."""
    return keys.stamped(how.clock())


def named(lite: Lite, place: tuple[Any, ...]) -> str:
    """A row, for messages; never by a secret."""
    table = lite.table
    secret = {column.source for column in table.columns if column.secret}
    by = zip((name.strip('"') for name in lite.places), place)
    return f"{table.source.name}, row with " + ", ".join(f"{name} {'(hidden)' if name in secret else repr(value)[:60]}" for name, value in by)


def _refuse_if_open(how: Handing) -> None:
    if os.geteuid():  # only root sees it; the lock on the database has to do
        return
    path = how.migration.database
    using = [user for user in holders([path, *sides(path)], proc=how.proc) if user.pid != os.getpid()]
    if using:
        who = ", ".join(f"{user.name} (process {user.pid})" for user in using[:5])
        raise InUseError(f"{path} is open in {who}. Nothing was changed. Stop it, or name its unit with --service, then run again.")
