# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-over: the application is stopped, and what it wrote since the load comes along. From then on PostgreSQL has the rows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import CONFLICT, ConfigurationError, ContentError, DamageError, FleetDataError
from ..sql import quoted
from . import existing_fill, misfit, source, state, surroundings
from .ahead import Ahead
from .alone import Alone
from .canonical import RowDigest, compared
from .changes import Lite, Row, Server, text
from .describe import duration
from .differing import Differing
from .encode import HEADER, TRAILER, Encoder, Refusal
from .handing import UNCHANGED, WOULD, Handing, Moved, Outcome, found_in, held, loaded, named, opened, seen_in, stamped, stopped, target
from .migration import QUARANTINE
from .model import Table
from .planned import Plan
from .snapshot import readers
from .unproved import unproved

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]


class BothWrittenError(FleetDataError):
    """The side that is to be replaced was written to."""

    code = CONFLICT


def cutover(how: Handing) -> Outcome:
    """Bring the target to what the stopped application's database holds, in one transaction, and record that the target has the rows from now on.

    Every row of every table is compared, as far as that can be before the application is stopped; only what differs is copied. Killed anywhere, the target
    is as before, or cut over: run it again. What an application wrote that was started with SQLite all the same comes along, too.
    Raises ConfigurationError, InUseError, UnreachableError, BothWrittenError, ContentError (a row does not fit), DamageError.
    """
    with target(how) as connection, loaded(how, connection) as (of, record):
        if record.state == state.CUT_OVER and not _written(of, record):
            return Outcome(UNCHANGED)
        if how.check:
            return _look(of, connection, record)
        with held(connection, of) as known:
            seen = _ahead(of, connection, known)
            with stopped(of), opened(of) as database:
                return _go(of, connection, database, known, seen)


@contextmanager
def _now(how: Handing, record: state.Record, *, stopped: bool = False) -> Iterator[sqlite3.Connection]:
    """The database as it is now, whoever writes on; its tables are those of the load. stopped: nobody does. Raises ConfigurationError."""
    migration = how.migration
    with readers(path=migration.database, count=0, busy_seconds=migration.busy_seconds, work=migration.work, stopped=stopped) as snapshot:
        snapshot.database.text_factory = text
        _tables(snapshot.database, record.plan, migration.database)
        yield snapshot.database


def _written(how: Handing, record: state.Record) -> bool:
    """Whether SQLite has other rows than at the cut-over. The file is not needed any more, so it may be gone."""
    if not os.path.lexists(how.migration.database):
        return False
    with _now(how, record, stopped=True) as database:
        return any(Lite(database, table).weigh().total != record.lite.get(name) for name, table in record.plan.tables.items())


def _ahead(how: Handing, connection: Connection, record: state.Record) -> Mapping[str, Ahead]:
    """What can be known before the application is stopped; nothing where its database cannot be read beside it."""
    try:
        with _now(how, record) as database:
            return seen_in(database, connection, record.plan)
    except ConfigurationError:
        return {}


def _look(how: Handing, connection: Connection, record: state.Record) -> Outcome:
    """What would be copied if the application were stopped now."""
    with _now(how, record) as database, ExitStack() as stack:
        stack.enter_context(connection.transaction())
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        seen = seen_in(database, connection, record.plan)
        began = how.monotonic()
        found = list(found_in(stack, database, connection, how, record.plan, seen))
        _refuse_written(how, record, found)
        took = duration(how.monotonic() - began)
        told = f"To compare while the application is stopped takes about {took}, besides what its rows since then take."
        return Outcome(f"{WOULD}{state.CUT_OVER}", *_told(found, {}), notices=(told,))


def _go(how: Handing, connection: Connection, database: sqlite3.Connection, record: state.Record, seen: Mapping[str, Ahead]) -> Outcome:
    """In the transaction of both sides."""
    given = _tables(database, record.plan, how.migration.database)
    with ExitStack() as stack:
        found = list(found_in(stack, database, connection, how, record.plan, seen))
        _refuse_written(how, record, found)
        changed = [one for one in found if one[2]]
        absent: dict[str, int] = {}
        asides = {lite.table.source.name: _aside(stack, server, how) for lite, server, _ in found}
        sums = {lite.table.source.name: differing.weights[1].total for lite, _, differing in found}
        with surroundings.aside(connection, [server.name for _, server, _ in changed]):
            for lite, server, differing in changed:
                alone = Alone(server, existing_fill.of(record.plan.migration, lite.table.name), written=record.state != state.LOADED)
                left = _bring(lite, server, differing, alone, aside=asides[lite.table.source.name])
                sums[lite.table.source.name] = _proved(server, differing, left)
                absent[lite.table.source.name] = left.count + left.unfit
        for lite, server, _ in found:
            surroundings.advance(connection, lite.table, server.name, given[lite.table.source.name].next_number or 0)
        lites = {lite.table.source.name: differing.weights[0].total for lite, _, differing in found}
        state.keep(connection, replace(record, state=state.CUT_OVER, stamp=stamped(how), sums=sums, lite=lites))
        moved, rows = _told(found, absent)
    notices = tuple(f"{name}: {count} rows do not fit; they are in its table for misfits." for name, count in absent.items() if count)
    return Outcome(state.CUT_OVER, moved, rows, notices=notices)


def _aside(stack: ExitStack, server: Server, how: Handing) -> misfit.Aside | None:
    """Where rows go that do not fit: those of the load are found again. None where there is no such place."""
    if how.migration.on_misfit != QUARANTINE:
        return None
    misfit.forget(server.connection, server.table, how.migration.schema, None, None)
    return stack.enter_context(misfit.aside(server.table))


def _bring(lite: Lite, server: Server, differing: Differing, alone: Alone, *, aside: misfit.Aside | None) -> RowDigest:
    """Delete what SQLite has not, copy what the target has not; the digest of rows that do not fit, which are put aside."""
    alone.delete(differing.servers())
    left, numbers = RowDigest(lite.table), dict[int, int]()
    with alone.into() as name:
        encoder = Encoder(unproved(lite.table))
        columns = ", ".join(quoted(column.target) for column in encoder.columns)
        with server.connection.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT binary)".encode()) as copy:
            copy.write(HEADER)
            for piece in _pieces(lite, encoder, differing, left, aside, numbers):
                copy.write(piece)
            copy.write(TRAILER)
    if aside:
        aside.store(server.connection, server.schema, numbers)
    return left


def _pieces(
    lite: Lite, encoder: Encoder, differing: Differing, left: RowDigest, aside: misfit.Aside | None, numbers: dict[int, int]
) -> Iterator[bytes]:  # fmt: skip
    columns = [column.source for column in compared(lite.table)]
    for count, place in enumerate(differing.lites()):
        row = lite.at(place, columns)
        encoded = encoder.encode([row])
        for refusal in encoded.refused:
            if not aside:
                raise ContentError(_misfit(lite, place, refusal))
            aside.add(count, refusal, row)
            left.add([row])
            if not lite.table.source.without_rowid:
                numbers[count] = place[0]
        yield from encoded.pieces


def _misfit(lite: Lite, place: Row, refusal: Refusal) -> str:
    column = refusal.column
    shown = "a value" if column.secret else repr(refusal.value)[:60]
    return (
        f"{named(lite, place)}: {column.source} ({shown}) {refusal.rule}; at the load, the column became {column.type}. Nothing was copied."
        " Correct the row, or load anew with fleetdata migrate run: it chooses types by all values."
    )


def _proved(server: Server, differing: Differing, left: RowDigest) -> state.Sum:
    """Raises DamageError unless the target has every row that fits, and no other."""
    count, total = differing.weights[0].total
    found = differing.after()
    if found != (count - left.count, total - left.sum):
        raise DamageError(f"{server.name} has {found[0]} rows, and they are not the {count} of SQLite, although they were just copied. Nothing was changed.")
    return found


def _told(found: list[tuple[Lite, Server, Differing]], absent: Mapping[str, int]) -> tuple[tuple[Moved, ...], int]:
    names = [lite.table.source.name for lite, _, _ in found]
    each = [Moved(name, differing.lite - absent.get(name, 0), differing.server, differing.weights[0].total[0]) for name, (_, _, differing) in zip(names, found)]
    return tuple(moved for moved in each if moved.came or moved.went), sum(moved.rows for moved in each)


def _refuse_written(how: Handing, record: state.Record, found: list[tuple[Lite, Server, Differing]]) -> None:
    """Rows that somebody wrote to the target are no rows to be overwritten."""
    for lite, server, differing in found:
        was = record.sums.get(lite.table.source.name)
        if differing and was is not None and differing.weights[1].total != was:
            raise BothWrittenError(
                f"{server.name} of {how.migration.target.database} was written to since it was {record.state} ({was[0]} rows then,"
                f" {differing.weights[1].total[0]} now). Nothing was changed. Take that back, or load anew into an empty schema."
            )


def _tables(database: sqlite3.Connection, plan: Plan, path: str) -> Mapping[str, Table]:
    """As they are declared now. Raises ConfigurationError unless that is as it was: the plan is of those."""
    there = source.read(database, path=path)
    now, was = there.tables, plan.source.tables
    other = [name for name in plan.tables if name not in now or now[name] != replace(was[name], next_number=now[name].next_number)]
    other += [name for name in now if name not in was]
    besides = [{*one.views, *one.triggers, *one.virtual} for one in (there, plan.source)]
    other += sorted({one.name for one in besides[0] ^ besides[1]})
    if other:
        raise ConfigurationError(f"{path}: {', '.join(other)} changed its declaration since the load, or came or went. Load anew: fleetdata migrate run.")
    return now
