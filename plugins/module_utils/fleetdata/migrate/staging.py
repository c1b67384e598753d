# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a plan in the staging schema: loaded part by part, by several workers at once, with keys and indexes, and proved."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import DamageError
from ..limits import Progress
from ..sql import quoted, statement
from .connection import library
from .helper import Helper
from .journal import Journal, Part
from .load import StoppedError, load_part, read_digest
from .migration import FAIL
from .misfit import SHOWN, Misfit, MisfitsError
from .planned import Plan, TablePlan
from .put import StaysError
from .reading import Reader
from .statements import after_load, qualified
from .verify import require_same, verify

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_ROWS, _BYTES = 50_000, 64 << 20
"""What a part has at most: so many rows, about so many bytes."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Worker:
    """What one thread works with. helper: a process that loads in its stead."""

    reader: Reader
    connection: Connection
    helper: Helper | None = None

    def end(self) -> None:
        """What it is at is taken back."""
        if self.helper:
            self.helper.end()
        with suppress(library().Error):
            self.connection.cancel()


@dataclass(frozen=True)
class Loaded:
    """A table. rows, sum: accepted ones, and of their digests. bytes: sent. kept: parts that an earlier run had loaded. named: some of its misfits."""

    rows: int
    sum: int
    bytes: int
    misfits: int
    kept: int
    named: tuple[Misfit, ...]


class Staging:
    """The work of one run. workers: none of them is used by anybody else meanwhile. digests: whether those of the rows are made."""

    def __init__(
        self, plan: Plan, journal: Journal, workers: Sequence[Worker], progress: Progress, monotonic: Callable[[], float], *, digests: bool = True
    ) -> None:  # fmt: skip
        self._digests = digests
        self._plan, self._journal, self._progress, self._monotonic = plan, journal, progress, monotonic
        self._schema = plan.migration.staging
        self._count, self._every = len(workers), tuple(workers)
        self._workers: queue.Queue[Worker] = queue.Queue()
        for worker in workers:
            self._workers.put(worker)
        self._stop = threading.Event()
        self._parts: dict[str, list[Part]] = {}
        self._kept: dict[str, int] = {}
        self._finished: set[str] = set()
        self._named: dict[str, list[Misfit]] = {name: [] for name in plan.tables}

    def prepare(self) -> None:
        """Find what an earlier run has loaded and is the same still; make what is not there."""
        self._journal.open()
        self._journal.keep_only(table.name for table in self._plan.tables.values())
        for name, table in self._plan.tables.items():
            with self._worker() as worker:
                parts = self._earlier(worker.reader, table)
                self._kept[name] = sum(part.loaded for part in parts)
                if not parts:
                    parts = _parts(worker.reader, table)
                    self._journal.make(table, parts)
            self._parts[name] = parts

    def _earlier(self, reader: Reader, table: TablePlan) -> list[Part]:
        """The parts of a table that is there; none when it has to be made anew."""
        found = self._journal.parts(table)
        if not found:
            return []
        parts, finished = found
        changed = [part for part in parts if part.loaded and not self._is_same(reader, table, part)]
        numbered = next((column.target for column in table.loaded if column.source == table.source.row_number), "")
        if changed and (finished or not numbered):
            return []
        for part in changed:
            self._journal.empty(table, part, numbered)
        if finished:
            self._finished.add(table.source.name)
        return [Part(part.number, part.first, part.last) if part in changed else part for part in parts]

    def _is_same(self, reader: Reader, table: TablePlan, part: Part) -> bool:
        if part.misfits or part.sum is None:  # what was put aside may be another row now
            return False
        return read_digest(reader=reader, table=table, first=part.first, last=part.last) == (part.rows, part.sum)

    def load(self) -> None:
        """Send all parts that are not there. Raises MisfitsError when a row does not fit and that is to end the run."""
        for name, table in self._plan.tables.items():
            self._progress.expect(files=1, bytes=table.bytes or table.rows)
            if all(part.loaded for part in self._parts[name]):
                self._told(name, table.rows)
        work = [(table, part) for name, table in self._plan.tables.items() for part in self._parts[name] if not part.loaded]
        self._all(self._send, work)
        for name in self._plan.tables:
            self._progress.finished(name)
        self._end_on_misfits()

    def _send(self, worker: Worker, work: tuple[TablePlan, Part]) -> None:
        table, part = work
        name = table.source.name
        if worker.helper:
            sent = worker.helper.load(name, part, lambda rows: self._told(name, rows), self._stop.is_set)
        else:
            sent = load_part(
                connection=worker.connection,
                reader=worker.reader,
                table=table,
                schema=self._schema,
                part=part,
                moved=lambda rows: self._told(name, rows),
                stop=self._stop.is_set,
                digests=self._digests,
            )
        self._parts[name][part.number] = sent.of(part)
        self._named[name] += sent.named

    def _told(self, name: str, rows: int) -> None:
        table = self._plan.tables[name]
        self._progress.moved(rows * (table.bytes or table.rows) // max(table.rows, 1))

    def _end_on_misfits(self) -> None:
        total = sum(part.misfits for parts in self._parts.values() for part in parts)
        if not total or self._plan.migration.on_misfit != FAIL:
            return
        named = [misfit for one in self._named.values() for misfit in one][:SHOWN]
        said = "; ".join(misfit.said for misfit in named)
        raise MisfitsError(f"{total} rows do not fit, so nothing was put in place: {said}{'; …' if total > len(named) else ''}.", named)

    def finish(self) -> None:
        """Keys, checks, indexes, numbers for new rows, and statistics."""
        self._all(self._finish, [table for table in self._plan.tables.values() if table.source.name not in self._finished])

    def _finish(self, worker: Worker, table: TablePlan) -> None:
        connection = worker.connection
        with connection.transaction():
            connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
            for what, sql in after_load(table, self._schema):
                self._add(connection, table, what, sql)
            connection.execute(statement("ANALYZE", qualified(table.name, self._schema)))
            self._journal.finished(connection, table)

    def _add(self, connection: Connection, table: TablePlan, what: str, sql: str) -> None:
        driver = library()
        try:
            connection.execute(sql)
        except (driver.OperationalError, driver.InterfaceError):
            raise
        except driver.Error as error:
            secret = any(column.secret for column in table.columns)
            detail = f" ({error.diag.message_detail})" if error.diag.message_detail and not secret else ""
            raise StaysError(
                f"{table.source.name}: {what} cannot be made: {error.diag.message_primary or error}{detail}. Nothing was put in place. "
                "Change the rows in SQLite, or leave the table out (exclude), then run again: what was loaded is kept."
            ) from None

    def prove(self) -> dict[str, Loaded]:
        """Have the server tell what it stored, and compare that with what was read. Raises DifferentError."""
        with self._worker() as worker:
            for name in self._plan.tables:
                self._all_read(worker.reader, name)
            known = {name: (sum(part.rows for part in parts), sum(part.sum or 0 for part in parts)) for name, parts in self._parts.items()}
            require_same(
                verify(plan=self._plan, reader=worker.reader, connection=worker.connection, schema=self._schema, how=self._plan.migration.verify, known=known)
            )
        return {
            name: Loaded(
                rows=sum(part.rows for part in parts),
                sum=sum(part.sum or 0 for part in parts),
                bytes=sum(part.bytes for part in parts),
                misfits=sum(part.misfits for part in parts),
                kept=self._kept[name],
                named=tuple(self._named[name]),
            )
            for name, parts in self._parts.items()
        }

    def _all_read(self, reader: Reader, name: str) -> None:
        there = int(reader.select(statement("SELECT count(*) FROM", quoted(name)))[0][0])
        read = sum(part.rows + part.misfits for part in self._parts[name])
        if there != read:
            raise DamageError(f"{name}: {there} rows are in SQLite, {read} were read. Nothing was put in place; run PRAGMA integrity_check on the database.")

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._workers.get()
        try:
            yield worker
        finally:
            self._workers.put(worker)

    def _all(self, do: Callable[[Worker, _T], None], work: Sequence[_T]) -> None:
        """By as many threads as there are workers; the first error ends it."""

        def one(each: _T) -> None:
            if self._stop.is_set():
                return
            with self._worker() as worker:
                do(worker, each)

        if self._count == 1:
            for each in work:
                one(each)
            return
        with ThreadPoolExecutor(self._count) as pool:
            try:
                self._first_error([pool.submit(one, each) for each in work])
            except KeyboardInterrupt:  # nobody waits for an index to be made
                self._stop.set()
                for worker in self._every:
                    worker.end()
                raise

    def _first_error(self, started: Sequence[Future[None]]) -> None:
        wait(started, return_when=FIRST_EXCEPTION)
        failed = [one for one in started if one.done() and one.exception()]
        if failed:
            self._stop.set()
            wait(started)
            errors = [one.exception() for one in started if one.exception()]
            raise next((error for error in errors if error and not isinstance(error, StoppedError)), errors[0] or StoppedError())


def _parts(reader: Reader, table: TablePlan) -> list[Part]:
    """By the numbers of its rows. The first has no beginning and the last no end: rows may come, before a part is loaded."""
    each = max(1, min(_ROWS, _BYTES * table.rows // max(table.bytes, 1)) if table.bytes else _ROWS)
    ends = reader.ends(table.source, each) if table.rows > each else []
    starts = [None, *(end + 1 for end in ends)]
    return [Part(number, first, last) for number, (first, last) in enumerate(zip(starts, [*ends, None]))]
