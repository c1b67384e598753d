# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of retention: look, plan, and for each day prove, then delete. A day that fails stops no other."""

from __future__ import annotations

import datetime
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, takewhile
from typing import Callable

from .. import work
from ..errors import OK, STAYED, ConfigurationError, FleetDataError
from ..limits import Progress, Silence
from ..model import Archive
from ..progress import Stop, Stopped
from ..sql import statement, words
from ..store import Store
from . import apply, day, rows, space
from .apply import Pace
from .archived import rows_archive
from .holdings import day_column, look
from .model import NONE, REPORT, ROWS, Retention
from .plan import Plan, Step, plan
from .proof import Archived, Proof, Prover, Unproved
from .reported import Reported
from .space import Reclaim
from .table import opened

DELETED, STOPPED, PLANNED = "deleted", "stopped", "planned"
"""What became of a day of a table: all of it went; some or none did, and the reason says why; it would go."""
_FAILURES = (FleetDataError, OSError, sqlite3.Error, Stopped)
ROUNDS = 3
"""How often a day is proved and deleted again when rows come late."""

_OPERATIONS = 20000
"""Of SQLite, after which the reader looks whether it has to wait: less than a millisecond."""


@dataclass(frozen=True)
class Result:
    """What became of one day of a table. planned, deleted: rows. bytes: as planned. uri, version_id, sha256, revision: of the last proof.

    reason: a sentence unless all went; code: what of it the command's exit code would be.
    """

    table: str
    day: str
    status: str
    planned: int
    bytes: int
    proof: str
    deleted: int = 0
    reason: str = ""
    uri: str = ""
    version_id: str = ""
    revision: int = 0
    sha256: str = ""
    code: int = OK


@dataclass(frozen=True)
class Report:
    """What became of a database, or would. refused: why nothing of a table goes, by table. notices: what else there is to know.

    space: what was done about the space of what went; None in a check. left: days that were not begun, as the run was stopped.
    """

    results: tuple[Result, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    space: Reclaim | None = None
    left: int = 0

    @property
    def deleted(self) -> int:
        """Rows that went."""
        return sum(result.deleted for result in self.results)


@dataclass(frozen=True)
class Context:
    """What a run has. work: a directory for rows on their way, with room for a day of them. host: this host's name. monotonic: seconds that never go back.

    stop: while rows are deleted, it is looked at after each batch. progress: told of days and, as its bytes, of rows.
    """

    store: Store
    archive: Archive
    work: str
    host: str
    clock: Callable[[], datetime.datetime]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    stop: Stop = field(default_factory=Stop)
    progress: Progress = field(default_factory=Silence)


def retain(*, retention: Retention, context: Context, check: bool) -> Report:
    """Delete what is old enough and proved. check: write nothing, and say what would go. Raises ConfigurationError, Stopped before anything is done."""
    with opened(retention.database, busy_seconds=retention.busy_seconds) as database:
        try:
            with context.stop.at_once():
                now, schema = context.clock(), apply.schema_version(database)
                made = plan(retention=retention, found=look(database=database, retention=retention, now=now, reports=context.archive.reports), now=now)
        except sqlite3.Error as error:
            raise ConfigurationError(f"{retention.database}: cannot be read ({error}). Nothing was deleted.") from None
        if check:
            return Report(results=tuple(_planned(step) for step in made.steps), refused=made.refused, notices=made.notices)
        with work.held(context.work, of="retention"):
            results = _Run(database, schema, retention, context, made).all()
        left = len(made.steps) - len(results)
        return Report(results=results, refused=made.refused, notices=made.notices, space=_reclaim(database, retention, context), left=left)


def _reclaim(database: sqlite3.Connection, retention: Retention, context: Context) -> Reclaim:
    try:
        with context.stop.at_once():
            planned = space.plan(space=space.measure(database=database, path=retention.database), retention=retention, now=context.clock())
            return space.apply(database=database, path=retention.database, planned=planned, sleep=context.sleep)
    except Stopped:
        return Reclaim(space.NOTHING, "The run was stopped before its space was given back. New rows will use it.")
    except (sqlite3.Error, OSError) as error:
        return Reclaim(space.NOTHING, f"No space was given back, and none is lost: {error}. Run again.")


class _Run:
    def __init__(self, database: sqlite3.Connection, schema: int, retention: Retention, context: Context, made: Plan) -> None:
        self._database, self._schema, self._retention, self._context, self._steps = database, schema, retention, context, made.steps
        self._together = words(database.execute("PRAGMA journal_mode").fetchone()[0]) == "wal"  # else who reads keeps waiting who deletes, and all others
        columns = {step.table.name: rows.header(step.table.columns) for step in made.steps}
        archive = rows_archive(archive=context.archive, name=retention.name, columns=columns)
        archived = Archived(store=context.store, archive=archive, clock=context.clock, host=context.host, sleep=context.sleep)
        self._provers: Mapping[str, Prover] = {ROWS: archived, REPORT: Reported(store=context.store, archive=context.archive), NONE: Unproved()}
        self._pace = Pace(clock=context.monotonic, sleep=context.sleep)
        database.set_progress_handler(self._give_way, _OPERATIONS)

    def _give_way(self) -> int:
        """What is proved waits, in the midst of a statement, while a transaction deletes."""
        self._pace.idle.wait()
        return 0

    def all(self) -> tuple[Result, ...]:
        """What became of the days, of those alone that were begun before a stop."""
        self._context.progress.expect(files=len(self._steps), bytes=sum(step.rows for step in self._steps))
        results: list[Result] = []
        before: Iterator[Result] = iter(())
        with ThreadPoolExecutor(max_workers=1) as self._beside:
            try:
                for step in takewhile(lambda _: not self._context.stop.is_set(), self._steps):
                    day = self._day(step)
                    begun = chain([next(day)], day)
                    results += self._ended(before)
                    before = begun
                    if not self._together:
                        results += self._ended(before)
                results += self._ended(before)
            except BaseException:
                self._context.stop.set()  # ends the deletion after its batch
                raise
            finally:
                self._database.set_progress_handler(None, _OPERATIONS)
        return tuple(results)

    def _ended(self, begun: Iterator[Result]) -> list[Result]:
        """What became of a day that was begun, none if that was told already."""
        result = list(begun)[-1:]
        for each in result:
            self._context.progress.finished(f"{each.table} {each.day}")
        return result

    def _day(self, step: Step) -> Iterator[Result]:
        """Prove a day; while its rows are deleted, the next one may begin. The last that comes is what became of it.

        What comes late meanwhile is left for another round.
        """
        result = _planned(step)
        try:
            for _ in range(ROUNDS):
                with work.folder(self._context.work) as folder:
                    with self._context.stop.at_once():
                        proof = self._provers[step.rule.proof].prove(database=self._database, step=step, folder=folder)
                    deletion = self._beside.submit(self._delete, step, proof, result)
                    yield result
                    result = deletion.result()
                if result.status == STOPPED:
                    yield result
                    return
                if not self._left(step):
                    yield replace(result, status=DELETED)
                    return
        except _FAILURES as error:
            yield _stopped(step, result, error)
            return
        yield replace(result, status=STOPPED, code=STAYED, reason=f"Rows of {step.day} keep coming into {step.table.name}. Run again.")

    def _delete(self, step: Step, proof: Proof, result: Result) -> Result:
        """In a thread, and with a connection, of its own."""
        result = replace(result, uri=proof.uri, version_id=proof.version_id, revision=proof.revision, sha256=proof.sha256)
        try:
            with opened(self._retention.database, busy_seconds=self._retention.busy_seconds) as database:
                self._context.stop.check()
                for gone in apply.delete(database=database, table=step.table, path=proof.path, schema=self._schema, pace=self._pace):
                    result = replace(result, deleted=result.deleted + gone)
                    self._context.stop.check()
                    self._context.progress.moved(gone)
        except _FAILURES as error:
            return _stopped(step, result, error)
        return result

    def _left(self, step: Step) -> int:
        of_day = day.condition(day_column(step.table, step.rule), step.rule.day_format)
        count = statement("SELECT count(*) FROM", step.table.quoted, "WHERE", of_day)
        return int(self._database.execute(count, day.bound(step.day, step.rule.day_format)).fetchone()[0])


def _planned(step: Step) -> Result:
    return Result(table=step.table.name, day=step.day, status=PLANNED, planned=step.rows, bytes=step.bytes, proof=step.rule.proof)


def _stopped(step: Step, result: Result, error: BaseException) -> Result:
    code = error.code if isinstance(error, FleetDataError) else STAYED
    return replace(result, status=STOPPED, reason=_sentence(step, error), code=code)


def _sentence(step: Step, error: BaseException) -> str:
    if isinstance(error, Stopped):
        return f"{step.table.name}, {step.day}: the run was stopped. What is not deleted is as it was. Run again."
    if isinstance(error, FleetDataError):
        return str(error)
    what = f"{os.strerror(error.errno)}" if isinstance(error, OSError) and error.errno else str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return f"Rows of another table refer to rows of {step.table.name} of {step.day} ({what}). Delete those first, or keep both as long."
    return f"{step.table.name}, {step.day}: {what}. What is not deleted is as it was. Run again."
