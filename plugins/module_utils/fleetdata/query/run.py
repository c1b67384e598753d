# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A question in SQL, and its answer over all days that are asked for.

A row is deleted only after it was archived. So what is archived is listed once more when the application's database is read: each row is in one of the two.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Callable

from ..errors import INCOMPLETE, ConfigurationError, DamageError, FleetDataError, StoreError, UsageError
from ..model import Manifest
from ..progress import Stopped
from ..reading import FAILED, Reader, Trouble
from ..retention.model import NONE, Retention
from ..sql import statement
from ..table import number, size
from . import cache, database, lines
from .archived import Bucket, Fault, Held, all_columns
from .cache import Cache, Layout, Piece, address
from .guard import LIVE, Guard
from .sources import Sources, find
from .union import Days, Union, report_view

_STEPS = 20000
"""Steps of SQLite's machine between two looks at the clock."""
_ROUNDS = 5
_SHOWN = 5
_DISK = 4
"""Bytes on disk for each byte of CSV, with what the write-ahead log takes."""


class MissingDayError(FleetDataError):
    """A day that is asked for is not in the archive."""

    code = INCOMPLETE


@dataclass(frozen=True)
class Question:
    """What is asked. sql: one statement. first, last: ISO days, inclusive. reports: whether a report's name means it where a table has that name, too.

    partial: whether an answer without days that are damaged or missing is wanted. limit: bytes of archived CSV that may be read. seconds: for the statement.
    """

    sql: str
    first: str | None = None
    last: str | None = None
    reports: bool = False
    partial: bool = False
    limit: int = 2_000_000_000
    seconds: float = 600.0


@dataclass(frozen=True)
class Place:
    """Where the answer is. retention: of the database, None to ask of reports alone. cache: a directory of our own, None for one that goes again.

    notice: told, in sentences, what will be read. stopped: whether somebody asked to stop. clock: seconds that never go back.
    """

    bucket: Bucket
    reader: Reader
    retention: Retention | None
    cache: str | None
    notice: Callable[[str], None]
    stopped: Callable[[], bool]
    clock: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class Answered:
    """An answer. rows: to be read once. missing: days that are not in it. objects, bytes: archived ones that are."""

    columns: tuple[str, ...]
    rows: Iterator[Sequence[Any]]
    missing: tuple[Fault, ...]
    objects: int
    bytes: int


@contextmanager
def answered(question: Question, place: Place) -> Iterator[Answered]:
    """Answer. Raises UsageError (the statement), ConfigurationError, MissingDayError, DamageError, StoreError, Stopped; so do its rows."""

    def wait(seconds: float) -> None:
        if place.stopped():
            raise Stopped
        place.sleep(seconds)

    try:
        with cache.opened(place.cache, limit=question.limit, wait=wait) as there:
            yield from _Query(question, place, there).answer()
    except sqlite3.Error as error:
        raise ConfigurationError(f"SQLite: {error}. Nothing was changed. See that the database can be read, and that the disk has room.") from None


@dataclass(frozen=True)
class _Loaded:
    """Objects of one shape that are in the cache. held: what they are of."""

    held: Held
    layout: Layout
    manifests: Sequence[Manifest]


class _Query:
    def __init__(self, question: Question, place: Place, there: Cache) -> None:
        self._question, self._place, self._cache, self._bucket = question, place, there, place.bucket
        self._live = place.retention.database if place.retention else None

    def answer(self) -> Iterator[Answered]:
        asked = self._question
        found = find(sql=asked.sql, bucket=self._bucket, retention=self._place.retention, reports=asked.reports, cache=self._cache.path)
        for _ in range(_ROUNDS):
            self._judge(found.missing)
            loaded = self._load(found)
            self._judge(found.missing)
            with database.connected(self._cache.path, self._live) as connection:
                self._snapshot(connection)
                if not self._newer(found) and (pieces := [cache.pieces(connection, one.layout, one.manifests) for one in loaded]).count(None) == 0:
                    yield self._run(connection, found, loaded, [there or [] for there in pieces])
                    return
        raise ConfigurationError("What is archived keeps changing while it is read. Ask again in a while.")

    def _judge(self, missing: Sequence[Fault]) -> None:
        """Refuse where days are not whole."""
        if not missing or self._question.partial:
            return
        more = f" And {number(len(missing) - _SHOWN, 'day')} more." if len(missing) > _SHOWN else ""
        reasons = " ".join(fault.reason for fault in missing[:_SHOWN])
        sentence = (
            f"The answer would lack {number(len(missing), 'day')}: {reasons}{more} Ask for other days (--from, --to), or for a partial answer (--partial)."
        )
        raise DamageError(sentence) if any(fault.damaged for fault in missing) else MissingDayError(sentence)

    def _load(self, found: Sources) -> list[_Loaded]:
        """Have all of it in the cache, as far as it can be read."""
        wanted = [
            _Loaded(held, self._cache.layout(shape), [manifest for manifest in held.objects if manifest.columns == header])
            for held in found.held.values()
            for header, shape in found.shapes(held).items()
        ]
        missing = [self._cache.missing(one.layout, one.manifests) for one in wanted]
        self._limit([manifest for one in wanted for manifest in one.manifests], [manifest for some in missing for manifest in some])
        keep = {address(manifest) for one in wanted for manifest in one.manifests}
        loaded = []
        for one, some in zip(wanted, missing):
            bad = {address(manifest) for manifest in some if not self._take(found, one, manifest, keep)}
            loaded.append(replace(one, manifests=[manifest for manifest in one.manifests if address(manifest) not in bad]))
        return loaded

    def _limit(self, all_of_it: Sequence[Manifest], missing: Sequence[Manifest]) -> None:
        total, new = (sum(manifest.content_bytes for manifest in some) for some in (all_of_it, missing))
        if total > self._question.limit:
            what = f"{number(len(all_of_it), 'object')} with {size(total)}"
            raise UsageError(f"{what} would be read, more than {size(self._question.limit)}. Ask for fewer days (--from, --to), or allow it (--limit-bytes).")
        free = shutil.disk_usage(self._cache.path).free
        if free < _DISK * new:
            raise ConfigurationError(f"{self._cache.path}: {size(_DISK * new)} are needed there, {size(free)} are free. Ask for fewer days, or use --cache.")
        if missing:
            days = sorted(manifest.day for manifest in missing)
            there = f"; {number(len(all_of_it) - len(missing), 'object')} more {'is' if len(all_of_it) - len(missing) == 1 else 'are'} here"
            self._place.notice(f"Reads {number(len(missing), 'archived object')}, {size(new)}, of {days[0]} to {days[-1]}{there}.")
        self._place.reader.expect(missing)

    def _take(self, found: Sources, one: _Loaded, manifest: Manifest, keep: set[str]) -> bool:
        report = one.held.report

        def use(blocks: Iterable[bytes]) -> None:
            rows = lines.report_rows(blocks, manifest, report) if report else lines.table_rows(blocks, manifest)
            columns = manifest.columns if report else manifest.columns[:-1]
            self._cache.load(layout=one.layout, manifest=manifest, columns=columns, rows=rows, keep=keep)

        trouble = self._place.reader.read(manifest, use, name=f"{one.held.name} {manifest.day}")
        if isinstance(trouble, Trouble):
            if trouble.kind == FAILED:
                raise StoreError(trouble.reason, kind="unreachable")
            found.faults.append(Fault(one.held.name, manifest.day, trouble.reason, damaged=True))
        return trouble is None

    def _snapshot(self, connection: sqlite3.Connection) -> None:
        """From here on both databases are read as they are now."""
        connection.execute("BEGIN")
        for name in ["main", *([LIVE] if self._live else [])]:
            connection.execute(statement("SELECT count(*) FROM", f"{name}.sqlite_master")).fetchone()

    def _newer(self, found: Sources) -> bool:
        """Whether rows were archived, and maybe deleted, since it was found out what is archived. Then that is what was found."""
        if self._place.retention is None:
            return False
        now = {name: self._bucket.table(name, self._place.retention.name) for name in found.tables}
        same = all({*map(address, now[name].objects)} == {*map(address, found.held[name].objects)} for name in now)
        found.held.update(now)
        found.faults[:] = found.faults if same else []
        return not same

    def _run(self, connection: sqlite3.Connection, found: Sources, loaded: Sequence[_Loaded], pieces: Sequence[Sequence[Piece]]) -> Answered:
        until = self._place.clock() + self._question.seconds
        connection.set_progress_handler(lambda: self._place.stopped() or self._place.clock() > until, _STEPS)
        guard = Guard()
        with self._explained(guard, until):
            self._views(connection, found, [*zip(loaded, pieces)])
            connection.set_authorizer(guard)
            cursor = connection.execute(self._question.sql)
        manifests = [manifest for one in loaded for manifest in one.manifests]
        return Answered(
            columns=tuple(column[0] for column in cursor.description or ()),
            rows=self._rows(cursor, guard, until),
            missing=found.missing,
            objects=len(manifests),
            bytes=sum(manifest.content_bytes for manifest in manifests),
        )

    def _views(self, connection: sqlite3.Connection, found: Sources, loaded: Sequence[tuple[_Loaded, Sequence[Piece]]]) -> None:
        for place, (name, held) in enumerate(found.held.items()):
            own = [(one.layout, pieces) for one, pieces in loaded if one.held.name == name]
            if held.report:
                report_view(connection, name, all_columns(held), own)
                continue
            every = [piece for _, pieces in own for piece in pieces]
            Union(database=connection, number=place, layout=own[0][0], pieces=every, days=self._days(name)).make()

    def _days(self, name: str) -> Days:
        rules = self._place.retention.rules if self._place.retention else {}
        rule = next((rule for table, rule in rules.items() if table.lower() == name.lower() and not rule.forever), None)
        if rule and rule.proof == NONE:
            self._place.notice(f"Rows of {name} that retention deleted are nowhere (proof: none), so the answer has those that are left.")
        return Days(rule=rule, first=self._question.first, last=self._question.last)

    def _rows(self, cursor: sqlite3.Cursor, guard: Guard, until: float) -> Iterator[Sequence[Any]]:
        with self._explained(guard, until):
            yield from cursor

    @contextmanager
    def _explained(self, guard: Guard, until: float) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            if self._place.stopped():
                raise Stopped from None
            if self._place.clock() > until:
                raise UsageError(f"There was no answer within {self._question.seconds:g} seconds. Ask for less, or allow more (--seconds).") from None
            raise guard.explained(error) from None
        except MemoryError:
            raise UsageError(
                f"The answer needs more than {size(database.HEAP)} of memory at once: values are joined to one that large. Ask for less."
            ) from None
