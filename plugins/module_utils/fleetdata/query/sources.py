# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables and reports a statement reads, found out by having SQLite compile it; and what is archived of them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import UsageError
from ..retention.model import Retention
from . import database as databases
from .archived import Bucket, Fault, Held, all_columns
from .guard import Guard
from .shape import Column, Shape, read_shape
from .union import report_view

_BEGINNING = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_READS = re.compile(r"(SELECT|WITH|VALUES|EXPLAIN|PRAGMA)\b", re.IGNORECASE)


@dataclass
class Sources:
    """What a statement reads. tables: shapes by name. held: what is archived of those and of reports, by name. faults: days that cannot be read."""

    tables: Mapping[str, Shape]
    held: dict[str, Held]
    faults: list[Fault] = field(default_factory=list)

    @property
    def missing(self) -> tuple[Fault, ...]:
        """Days that are not whole."""
        return (*(fault for held in self.held.values() for fault in (*held.faults, *self._uncomputed(held))), *self.faults)

    def _uncomputed(self, held: Held) -> Iterator[Fault]:
        computed = [column.name for column in self.tables[held.name].columns if column.computed] if held.report is None else []
        for manifest in held.objects:
            later = [name for name in computed if name not in manifest.columns]
            if later:
                reason = f"{', '.join(later)} of {held.name} is computed since after {manifest.day} was archived, and has no values there."
                yield Fault(held.name, manifest.day, reason)

    def shapes(self, held: Held) -> dict[tuple[str, ...], Shape]:
        """The shapes of what is held, by the columns of its objects: one for a table, one for each header of a report."""
        headers = dict.fromkeys(manifest.columns for manifest in held.objects)
        if held.report is None:
            return dict.fromkeys(headers or [()], self.tables[held.name])
        return {header: Shape(name=f"report {held.name}", columns=tuple(Column(name) for name in header)) for header in headers}


def find(*, sql: str, bucket: Bucket, retention: Retention | None, reports: bool, cache: str) -> Sources:
    """What a statement reads. cache: a database to compile it in. Raises UsageError, ConfigurationError, StoreError, sqlite3.Error."""
    live = retention.database if retention else None
    own, others = _names(live)
    asked = [name for name in sorted(bucket.archive.reports) if name.lower() in sql.lower() and (reports or name.lower() not in own.keys() | others)]
    held = {name: bucket.report(name) for name in asked}
    with databases.connected(cache, live) as database:
        for name in asked:
            report_view(database, name, all_columns(held[name]), [])
        for lower, name in own.items():
            if lower not in {report.lower() for report in asked}:
                databases.placeholder(database, name)
        used = _used(database, sql, [*own.values(), *bucket.archive.reports])
    wanted = [name for lower, name in own.items() if lower in used and name not in held]
    return Sources(tables=_shapes(live, wanted), held={**{name: one for name, one in held.items() if name.lower() in used}, **_rows(bucket, retention, wanted)})


def _rows(bucket: Bucket, retention: Retention | None, wanted: Iterable[str]) -> dict[str, Held]:
    return {name: bucket.table(name, retention.name) for name in wanted} if retention else {}


def _names(live: str | None) -> tuple[dict[str, str], set[str]]:
    """The live database's tables, by their names in small letters; and the names of its views."""
    if live is None:
        return {}, set()
    with databases.reading(live) as database:
        return {name.lower(): name for name in databases.tables(database)}, {name.lower() for name in databases.views(database)}


def _shapes(live: str | None, wanted: Iterable[str]) -> dict[str, Shape]:
    if live is None:
        return {}
    with databases.reading(live) as database:
        return {name: read_shape(database, name) for name in wanted}


def _used(database: sqlite3.Connection, sql: str, known: Iterable[str]) -> set[str]:
    rest = sql[_BEGINNING.match(sql).end() :]  # type: ignore[union-attr]
    if not rest.strip():
        raise UsageError("There is no statement. Say one, such as: SELECT count(*) FROM …")
    if not _READS.match(rest):
        raise UsageError(f"{rest.split(None, 1)[0][:40]}: a query only reads. Say SELECT, WITH or EXPLAIN. Nothing was changed.")
    guard = Guard()
    database.set_authorizer(guard)
    try:
        database.execute(rest if rest[:7].upper() == "EXPLAIN" else f"EXPLAIN {rest}").fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        there = f" There are {', '.join(sorted(known))}." if "no such table" in str(error) else ""
        raise UsageError(f"{guard.explained(error)}{there}") from None
    return guard.used
