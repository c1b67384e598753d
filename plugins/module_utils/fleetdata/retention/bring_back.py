# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived rows back into a table. Rows that are there already are left, whatever they hold; a second time changes nothing."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from .. import errors
from ..errors import ConfigurationError, FleetDataError
from ..limits import Progress
from ..model import CONFLICT, DAMAGED, FAILED, UNCHANGED, Archive
from ..reading import Reader, Trouble
from ..restore import RESTORED
from ..store import Store
from . import guards, inserting, schema
from .archived import ArchivedDay, archived_rows, rows_archive
from .inserting import ADDED, RENUMBERED, THERE, Inserter
from .schema import Schema
from .table import Table, opened, read_table
from .union import Union

STOPPED = "stopped"
"""What became of a day, beside RESTORED, UNCHANGED, CONFLICT, DAMAGED and FAILED: the table cannot take its rows, and none went in."""

CODES = {DAMAGED: errors.DAMAGED, FAILED: errors.UNREACHABLE, CONFLICT: errors.CONFLICT, STOPPED: errors.CONFLICT}
_EXAMPLES = 5


@dataclass(frozen=True)
class Asked:
    """Which rows. name: of the database in the archive. first, last: ISO days, inclusive; None: open."""

    name: str
    table: str
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class BroughtBack:
    """What became of one day of a table, or would.

    in_archive: its rows there, equal ones once. there: those that were in the table. added: those that are in it now (renumbered: of these, how many under
    another number). conflicts: those that are not, as rows of their keys have other values, or the table does not allow them; named: the first of these,
    and of the renumbered, a sentence each. unproved: objects that were passed over, a sentence each. reason: a sentence where a row may be missing.
    """

    table: str
    day: str
    status: str
    revisions: int = 0
    in_archive: int = 0
    there: int = 0
    added: int = 0
    renumbered: int = 0
    conflicts: int = 0
    named: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()
    reason: str = ""

    @property
    def changed(self) -> bool:
        """Whether rows went in, or would."""
        return self.added > 0


def bring_back(
    *,
    asked: Asked,
    database: sqlite3.Connection,
    store: Store,
    archive: Archive,
    create: bool = False,
    check: bool = False,
    progress: Progress | None = None,
) -> list[BroughtBack]:
    """Bring the archived rows of a table's days back; what became of each day, ascending.

    database: as ``table.opened`` gives it. archive: as it is declared for reports.
    create: for a database of its own: make the table, as it was when its newest rows were archived, unless it is there; rows may refer to rows that are
    not. check: do it, see what comes of it, and take it back. Each day is one transaction. Raises ConfigurationError, StoreError; sqlite3.Error before
    the first day.
    """
    days = list(archived_rows(store=store, archive=archive, name=asked.name, table=asked.table, first=asked.first, last=asked.last))
    if not days:
        return []
    reader = Reader(store, progress)
    reader.expect([manifest for day in days for manifest in day.revisions])
    if create:
        database.execute("PRAGMA foreign_keys = OFF")
    made = _schema(database, asked, days, store, archive) if create else None
    with _with_table(database, made, check) as ready:
        known = read_table(ready, asked.table)
        triggers = guards.insert_triggers(ready, known)
        if triggers:
            why = f"{known.name} has triggers that run when a row is inserted ({', '.join(triggers)}): they could change other rows"
            raise ConfigurationError(f"{why}. Bring the rows back into a new database (create), and move them from there.")
        with taken_back(ready) if check and not ready.in_transaction else nullcontext():
            return [_Day(ready, known, reader, day).bring() for day in days]


def exit_code(results: list[BroughtBack]) -> int:
    """The exit code for what became of the days. None at all is INCOMPLETE."""
    seen = {result.status for result in results}
    return next((code for status, code in CODES.items() if status in seen), errors.OK if results else errors.INCOMPLETE)


def _schema(database: sqlite3.Connection, asked: Asked, days: list[ArchivedDay], store: Store, archive: Archive) -> Schema | None:
    """What the table is to be, None when it is there."""
    there = database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)", (asked.table,)).fetchone()
    newest = next((manifest for day in reversed(days) for manifest in reversed(day.revisions)), None)
    if there or newest is None:
        return None
    return schema.recorded(store=store, archive=rows_archive(archive=archive, name=asked.name, columns={}), table=asked.table, columns=newest.columns)


@contextmanager
def _with_table(database: sqlite3.Connection, made: Schema | None, check: bool) -> Iterator[sqlite3.Connection]:
    """The database with the table in it. In a check one that is not there is made in a database of its own."""
    if made and check:
        with opened("", mode="rwc") as scratch:
            scratch.execute("PRAGMA foreign_keys = OFF")
            schema.create(scratch, made)
            yield scratch
    else:
        if made:
            schema.create(database, made)
        yield database


@contextmanager
def taken_back(database: sqlite3.Connection) -> Iterator[None]:
    """What is done to the database is taken back in the end."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


@contextmanager
def _whole(database: sqlite3.Connection) -> Iterator[None]:
    """All that is done to the database, or nothing: also within a transaction that there is."""
    begin, commit, undo = ("SAVEPOINT day", "RELEASE day", "ROLLBACK TO day") if database.in_transaction else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
    database.execute(begin)
    try:
        yield
        database.execute(commit)
    except BaseException:
        if database.in_transaction:
            database.execute(undo)
        raise


class _Day:
    def __init__(self, database: sqlite3.Connection, table: Table, reader: Reader, day: ArchivedDay) -> None:
        self._database, self._table, self._reader, self._day = database, table, reader, day

    def bring(self) -> BroughtBack:
        with tempfile.TemporaryDirectory(prefix="fleetdata-rows-") as folder, closing(Union(table=self._table, folder=folder)) as union:
            try:
                faults, failed = self._gather(union)
                return self._result(FAILED, reason=failed) if failed else self._put(union, folder, faults)
            except (FleetDataError, OSError, sqlite3.Error) as error:
                return self._result(STOPPED, reason=f"{str(error).rstrip('.')}. None of its rows went in.")

    def _gather(self, union: Union) -> tuple[list[str], str]:
        """Read all revisions: what is wrong with them, and why they could not all be read now."""
        good: set[str] = set()
        wrong: dict[str, str] = {}
        for manifest in self._day.revisions:
            read = self._reader.read(manifest, partial(union.add, manifest.revision, manifest.columns), name=manifest.key)
            if not isinstance(read, Trouble):
                good.add(manifest.content_sha256)
            elif read.kind == FAILED:
                return [], read.reason
            else:
                wrong[manifest.content_sha256] = read.reason
        return [*self._day.faults, *(reason for sha256, reason in wrong.items() if sha256 not in good)], ""

    def _put(self, union: Union, folder: str, faults: list[str]) -> BroughtBack:
        count: Counter[str] = Counter()
        named: list[str] = []
        with closing(Inserter(database=self._database, table=self._table, union=union, folder=folder)) as inserter, _whole(self._database):
            total = len(union)
            for place, (how, row) in enumerate(union):
                became, sentence = inserter.put(how, row, again=place >= total)
                if became == inserting.LATER:
                    union.put_off()
                count[became] += 1
                named += [sentence] if sentence and len(named) < _EXAMPLES else []
        added, conflicts = count[ADDED] + count[RENUMBERED], count[inserting.CONFLICT]
        status = DAMAGED if faults else CONFLICT if conflicts else RESTORED if added else UNCHANGED
        return BroughtBack(
            table=self._table.name, day=self._day.day, status=status, revisions=len(self._day.revisions), in_archive=total, there=count[THERE],
            added=added, renumbered=count[RENUMBERED], conflicts=conflicts, named=tuple(named), unproved=self._day.unproved,
            reason=" ".join(faults),
        )  # fmt: skip

    def _result(self, status: str, reason: str) -> BroughtBack:
        return BroughtBack(table=self._table.name, day=self._day.day, status=status, revisions=len(self._day.revisions), reason=reason)
