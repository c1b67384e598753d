# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole migration: one state of the database is planned, loaded aside, proved, and put in place at once. Until then the target is as it was."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..limits import Progress, Silence
from ..sql import quoted, statement
from . import connection as connections
from . import existing_look, existing_put, plan, preflight, put, snapshot
from .connection import AGAIN, explained, library, told, without_waiting
from .journal import Journal
from .load import UnforeseenError
from .migration import DIGEST, INTO_EXISTING, Migration, Target
from .misfit import MisfitsError
from .planned import Plan
from .put import StaysError
from .report import LOADED, PARTIAL, Report, TableResult
from .staging import Loaded, Staging, Worker

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_TOLD = 10
_LARGE = 16 << 20
"""Bytes of a database that is loaded by several processes."""


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


@dataclass(frozen=True)
class Context:
    """What a run uses of the world. patience: seconds to wait for a run before it that was killed, until the server has noticed."""

    progress: Progress = field(default_factory=Silence)
    connect: Callable[[Target], Connection] = connections.connect
    clock: Callable[[], datetime.datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    patience: float = 5.0


class BlockedError(StaysError):
    """Differences have to be resolved first. plan: which has them."""

    def __init__(self, plan: Plan, message: str) -> None:
        super().__init__(message)
        self.plan = plan


Placed = Callable[["Connection", Report], None]


def run(
    *, migration: Migration, context: Context | None = None, resume: bool = True, stopped: bool = False, placed: Placed | None = None
) -> Report:  # fmt: skip
    """Migrate. resume: take over what a killed run had loaded, where it is the same still. stopped: the application is.

    placed: does its own in the transaction that puts the tables in place. Killed anywhere, the target is as it was, and the next run goes on.
    Raises ConfigurationError, StaysError where something is in the way, MisfitsError, DifferentError, UnreachableError.
    """
    with explained(migration, then=AGAIN):
        try:
            return _Run(migration, context or Context(), resume, placed).run(stopped)
        except library().OperationalError:
            raise
        except library().Error as error:
            why = told(migration, error)
            raise StaysError(
                f"PostgreSQL at {migration.target.said} refused: {why}. The target is as it was. See to that, or leave the table out (exclude)."
            ) from None


class _Run:
    def __init__(self, migration: Migration, context: Context, resume: bool, placed: Placed | None) -> None:
        self._migration, self._context, self._resume, self._placed = migration, context, resume, placed
        self._digests = migration.verify == DIGEST or placed is not None  # the cut-over compares with them
        self._phases: dict[str, float] = {}

    def run(self, stopped: bool) -> Report:
        migration = self._migration
        with ExitStack() as stack:
            control = stack.enter_context(closing(self._context.connect(migration.target)))
            stack.enter_context(self._alone(control))
            taken = snapshot.readers(
                path=migration.database, count=self._jobs(), busy_seconds=migration.busy_seconds, work=migration.work, stopped=stopped,
                helpers=self._helpers(),
            )  # fmt: skip
            with self._phase("snapshot"):
                seen = stack.enter_context(taken)
            stamp = self._context.clock()
            with self._phase("plan"):
                planned = self._planned(seen, control, quick=True)
            connections_ = [stack.enter_context(closing(self._context.connect(migration.target))) for _ in seen.readers]
            for connection in (control, *connections_):
                without_waiting(connection)
            for helper in seen.helpers:
                helper.prepare(planned, digests=self._digests)
            workers = [Worker(*each) for each in zip_longest(seen.readers, connections_, seen.helpers)]
            try:
                loaded = self._load(planned, control, workers, stamp)
            except UnforeseenError:  # now every value is looked at first
                for helper in seen.helpers:
                    helper.end()
                _drop(control, self._migration.staging)
                with self._phase("plan again"):
                    planned = self._planned(seen, control, quick=False)
                loaded = self._load(planned, control, [replace(worker, helper=None) for worker in workers], stamp)
            return self._report(planned, stamp, loaded)

    def _helpers(self) -> int:
        """How many processes are worth their start and their memory. They know but one way to connect."""
        pays = self._is_large() and self._context.connect is connections.connect
        return min(self._jobs(), _cores()) - 1 if pays else 0

    def _jobs(self) -> int:
        return self._migration.jobs or (2 if self._is_large() and _cores() > 1 else 1)

    def _is_large(self) -> bool:
        return os.path.isfile(self._migration.database) and os.path.getsize(self._migration.database) >= _LARGE

    def _planned(self, seen: snapshot.Snapshot, control: Connection, *, quick: bool) -> Plan:
        if self._migration.mode == INTO_EXISTING:
            found = existing_look.look(database=seen.database, connection=control, migration=self._migration)
        else:
            beside = seen.readers[0] if self._jobs() > 1 else None
            found = plan.look(database=seen.database, migration=self._migration, quick=quick, beside=beside)
        planned = preflight.with_server(control, found)
        blocking = planned.blocking
        if blocking and quick:  # all of them are told, by all values
            return self._planned(seen, control, quick=False)
        if blocking:
            listed = "; ".join(f"{one.code}: {one.what}{one.setting and f' → {one.setting}'}" for one in blocking[:_TOLD])
            more = f"; and {len(blocking) - _TOLD} more" if len(blocking) > _TOLD else ""
            raise BlockedError(
                planned, f"{len(blocking)} differences have to be resolved first, nothing was loaded: {listed}{more}. The plan tells all of them."
            )
        return planned

    def _load(self, planned: Plan, control: Connection, workers: list[Worker], stamp: datetime.datetime) -> Mapping[str, Loaded]:
        schema = self._migration.staging
        _extend(control, planned)
        if not self._resume:
            _drop(control, schema)
        journal = Journal(control, schema)
        staging = Staging(planned, journal, workers, self._context.progress, self._context.monotonic, digests=self._digests)
        try:
            with self._phase("resume"):
                staging.prepare()
            with self._phase("load"):
                staging.load()
            with self._phase("finish"):
                staging.finish()
            with self._phase("verify"):
                loaded = staging.prove()
        except MisfitsError:
            _drop(control, schema)
            raise
        with self._phase("put"), control.transaction():
            control.execute("SET LOCAL synchronous_commit = on")
            journal.close()
            if self._migration.mode == INTO_EXISTING:
                existing_put.put(connection=control, plan=planned, schema=schema)
                put.put_aside(connection=control, plan=planned, schema=schema)
            else:
                put.put(connection=control, plan=planned, schema=schema)
            if self._placed:
                self._placed(control, self._report(planned, stamp, loaded))
            control.execute(statement("DROP SCHEMA", quoted(schema), "CASCADE"))
        return loaded

    def _report(self, planned: Plan, stamp: datetime.datetime, loaded: Mapping[str, Loaded]) -> Report:
        tables = tuple(
            TableResult(
                source=name, target=planned.tables[name].name, rows=one.rows, bytes=one.bytes, digest=one.sum, kept=one.kept, misfits=one.misfits,
                status=PARTIAL if one.misfits else LOADED,
            )
            for name, one in loaded.items()
        )  # fmt: skip
        return Report(
            plan=planned, tables=tables, misfits=tuple(misfit for one in loaded.values() for misfit in one.named), phases=dict(self._phases), stamp=stamp
        )  # fmt: skip

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = self._context.monotonic()
        yield
        self._phases[name] = round(self._context.monotonic() - began, 3)

    @contextmanager
    def _alone(self, control: Connection) -> Iterator[None]:
        """One run at a time for a schema of a database. A killed one's lock goes when the server notices."""
        end = self._context.monotonic() + self._context.patience
        while True:
            row = control.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"steady.fleet {self._migration.staging}",)).fetchone()
            if row and row[0]:
                break
            if self._context.monotonic() >= end:
                raise ConfigurationError(
                    f"Another run migrates into schema {self._migration.schema} of {self._migration.target.said}. Wait until it has ended, then run again."
                )
            self._context.sleep(0.2)
        yield


def _extend(control: Connection, planned: Plan) -> None:
    for name in planned.extensions:
        try:
            control.execute(statement("CREATE EXTENSION IF NOT EXISTS", quoted(name)))
        except library().Error as error:
            raise ConfigurationError(
                f"{planned.migration.target.said}: the extension {name} is needed and cannot be made ({error.diag.message_primary or error}). "
                f"Have an administrator run CREATE EXTENSION {name} in that database, then run again."
            ) from None


def _drop(control: Connection, schema: str) -> None:
    control.execute(statement("DROP SCHEMA IF EXISTS", quoted(schema), "CASCADE"))
