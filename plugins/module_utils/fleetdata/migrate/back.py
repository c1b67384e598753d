# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: rows that were written in PostgreSQL since the cut-over go into the SQLite database, which has all the rows again then."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..backup.copy import copy, sync
from ..backup.model import DATABASE, Subject
from ..errors import ConfigurationError, DamageError
from ..sql import quoted, statement, words
from . import alone, state, surroundings
from .changes import Lite, Server
from .cutover import BothWrittenError
from .differing import Differing
from .handing import UNCHANGED, WOULD, Handing, Moved, Outcome, begin, found_in, held, loaded, opened, stamped, stopped, target
from .write_back import WriteBack

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

Found = list[tuple[Lite, Server, Differing]]


def back(how: Handing) -> Outcome:
    """Write what the target has and the stopped application's old database has not into that, and record that SQLite has the rows again.

    Rows that are the same on both sides are not touched; of a changed row, cells that are the same keep their very bytes. New ones take the form of their
    column. All is one transaction of SQLite, and a copy of the database is kept first. Killed anywhere, it is as before, or back: run it again.
    Raises ConfigurationError, InUseError, UnreachableError, BothWrittenError, ContentError (a value does not fit), DamageError.
    """
    with target(how) as connection, loaded(how, connection) as (of, record):
        if record.state == state.BACK and not _written_since(of, connection, record):
            return Outcome(UNCHANGED)
        if record.state == state.LOADED:
            raise ConfigurationError(f"{how.migration.name} was not cut over, so SQLite has all the rows. There is nothing to bring back.")
        if how.check:
            return _look(of, connection, record)
        with stopped(of), opened(of) as database, held(connection, of) as known:
            return _go(of, connection, database, known)


def _written_since(how: Handing, connection: Connection, record: state.Record) -> bool:
    """Whether the target was written to since it was brought back: its answer may have been lost, and the units started again."""
    for table in record.plan.tables.values():
        server = Server(connection, table, how.migration.schema)
        there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (server.name,)).fetchone()
        if there and there[0] and server.weigh().total != record.sums.get(table.source.name):
            return True
    return False


def _look(how: Handing, connection: Connection, record: state.Record) -> Outcome:
    """What would be brought back if the application were stopped now."""
    with opened(how) as database, connection.transaction(), ExitStack() as stack:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = list(found_in(stack, database, connection, how, record.plan))
        _refuse_written(how, record, found)
        moved = tuple(
            Moved(lite.table.source.name, differing.server, differing.lite - differing.weights[0].unfit, differing.weights[1].total[0])
            for lite, _, differing in found
            if _differ(differing)
        )
        return Outcome(f"{WOULD}{state.BACK}", moved, _rows(found))


def _go(how: Handing, connection: Connection, database: sqlite3.Connection, record: state.Record) -> Outcome:
    """In the transaction of both sides; SQLite's ends first, as it can be found out afterwards that it did."""
    with ExitStack() as stack:
        found = list(found_in(stack, database, connection, how, record.plan))
        _refuse_written(how, record, found)
        changed = [one for one in found if _differ(one[2])]
        kept = _keep(how, database, record) if changed else ""
        orphans = _orphans(database) if changed else 0
        lites = {lite.table.source.name: differing.weights[0].total for lite, _, differing in found}
        with _without_triggers(database, [lite.table.source.name for lite, _, _ in changed]):
            moved = [_bring(lite, server, differing) for lite, server, differing in changed]
        lites.update({lite.table.source.name: lite.weigh().total for lite, _, _ in changed})
        if changed and _orphans(database) > orphans:
            raise DamageError(f"{how.migration.database}: rows would refer to others that are not there. Nothing was changed.")
        for lite, server, _ in found:
            _advance(database, connection, lite, server)
        database.execute("COMMIT")
        sums = {lite.table.source.name: differing.weights[1].total for lite, _, differing in found}
        state.keep(connection, replace(record, state=state.BACK, stamp=stamped(how), sums=sums, lite=lites))
        return Outcome(state.BACK, tuple(moved), _rows(found), kept, _notices(record, found))


def _bring(lite: Lite, server: Server, differing: Differing) -> Moved:
    """Raises DamageError unless SQLite has the very rows of PostgreSQL then, besides those that PostgreSQL could not take."""
    writing = WriteBack(lite, server, differing)
    writing.run()
    count, total = lite.weigh().total
    wanted = differing.weights[1].total
    if (count - writing.stay.count, total - writing.stay.sum) != wanted:
        raise DamageError(f"{lite.table.source.name} has {count} rows, and they are not the {wanted[0]} of PostgreSQL. Nothing was changed.")
    return Moved(lite.table.source.name, writing.came, writing.went, count)


def _differ(differing: Differing) -> bool:
    return differing.weights[0].total != differing.weights[1].total


def _rows(found: Found) -> int:
    return sum(differing.weights[1].total[0] for _, _, differing in found)


def _refuse_written(how: Handing, record: state.Record, found: Found) -> None:
    """Rows that somebody wrote to SQLite since the cut-over are no rows to be overwritten."""
    for lite, _, differing in found:
        name = lite.table.source.name
        if _differ(differing) and differing.weights[0].total != record.lite.get(name):
            raise BothWrittenError(
                f"{how.migration.database}: {name} was written to since the cut-over, and PostgreSQL's differs, too. Nothing was changed."
                " See who writes to it, bring its new rows to PostgreSQL or take them back, then run again."
            )


def _keep(how: Handing, database: sqlite3.Connection, record: state.Record) -> str:
    """Keep a copy of the database, as it was at the cut-over; where. The transaction is begun anew, as a copy cannot be made within."""
    path = how.migration.database
    kept = f"{path}.before-back-{record.stamp}"
    if os.path.lexists(kept):  # of a run that was killed
        return kept
    version = database.execute("PRAGMA data_version").fetchone()
    database.execute("ROLLBACK")
    part = f"{kept}.part"
    with suppress(FileNotFoundError):
        os.unlink(part)
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        copy(subject=Subject(how.migration.name, DATABASE, path), to=part, busy_seconds=how.migration.busy_seconds, moved=how.progress.moved)
        was = os.stat(path)
        os.chown(part, was.st_uid, was.st_gid)
        os.chmod(part, stat.S_IMODE(was.st_mode))
        os.rename(part, kept)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise
    sync(kept)
    begin(database, path)
    if database.execute("PRAGMA data_version").fetchone() != version:
        raise BothWrittenError(f"{path} was written to just now. Nothing was changed. Stop whoever writes to it, then run again.")
    return kept


@contextmanager
def _without_triggers(database: sqlite3.Connection, tables: list[str]) -> Iterator[None]:
    """What triggers did in PostgreSQL is in its rows already. Not all Pythons can turn them off, so they are dropped and made again, all in one transaction."""
    every = database.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid").fetchall()
    triggers = [(words(name), words(sql)) for name, table, sql in every if words(table).lower() in {name.lower() for name in tables}]
    for name, _ in triggers:
        database.execute(statement("DROP TRIGGER", quoted(name)))
    yield
    for _, sql in triggers:
        database.execute(sql)


def _advance(database: sqlite3.Connection, connection: Connection, lite: Lite, server: Server) -> None:
    """Have AUTOINCREMENT give numbers behind those that PostgreSQL gave."""
    if lite.table.source.next_number is None:
        return
    number = lite.table.source.row_number
    target_name = next((column.target for column in lite.table.loaded if column.source == number), "")
    taken = [
        surroundings.taken(connection, sequence) for column, sequence in surroundings.sequences(connection, lite.table, server.name) if column == target_name
    ]
    name = lite.table.source.name
    for last in taken:
        if not database.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name)).rowcount and last > 0:
            database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


def _orphans(database: sqlite3.Connection) -> int:
    """How many rows refer to others that are not there; 0 where the declarations are such that SQLite cannot say."""
    try:
        return sum(1 for _ in database.execute("PRAGMA foreign_key_check"))
    except sqlite3.OperationalError:
        return 0


def _notices(record: state.Record, found: Found) -> tuple[str, ...]:
    """What SQLite keeps beside its tables, and triggers would have kept up; what only PostgreSQL has."""
    virtual = [table.name for table in record.plan.source.virtual if table.name not in record.plan.tables]
    said = [f"{', '.join(virtual)}: virtual tables did not come along, so they are as they were at the cut-over. Rebuild them."] if virtual else []
    for _, server, _ in found:
        names = ", ".join(alone.columns(server))
        if names:
            said.append(f"{server.table.name}: {names} is in PostgreSQL alone; what is in it stays there, and is in the rows again after the next cut-over.")
    return tuple(said)
