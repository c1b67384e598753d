# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database holds of the tables that have rules: read, nothing written."""

from __future__ import annotations

import datetime
import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import ConfigurationError
from ..model import ReportType
from ..sql import statement, words
from . import day, guards, relation
from .model import REPORT, Retention, Rule
from .table import Table, read_table

_EXAMPLES = 3


@dataclass(frozen=True)
class Holding:
    """A table with its rows by day. days, bytes: rows, and bytes of their values as text, by ISO day; bytes only of days that are old enough to go.

    undated: rows whose day column says no day; examples: some of what it says. objections: sentences why none of its rows may be deleted.
    notices: sentences on what is slow.
    """

    table: Table
    days: Mapping[str, int]
    bytes: Mapping[str, int]
    undated: int = 0
    examples: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """All of its rows."""
        return sum(self.days.values()) + self.undated


@dataclass(frozen=True)
class Found:
    """All that a plan is made of. holdings: by table, or the sentence why it cannot be read. modified: when the file was written to last."""

    holdings: Mapping[str, Holding | str]
    modified: datetime.datetime


def look(*, database: sqlite3.Connection, retention: Retention, now: datetime.datetime, reports: Mapping[str, ReportType] = MappingProxyType({})) -> Found:
    """Read what there is. now: with its zone. reports: of the archive, for rules whose proof is a report."""
    holdings: dict[str, Holding | str] = {}
    for name, rule in retention.rules.items():
        try:
            if not rule.forever:
                holdings[name] = _holding(database, rule, cutoff(rule, now), reports)
        except ConfigurationError as error:
            holdings[name] = str(error)
    return Found(holdings=holdings, modified=_modified(retention.database))


def cutoff(rule: Rule, now: datetime.datetime) -> str:
    """The first day, ISO, that stays."""
    return (now.astimezone(datetime.timezone.utc).date() - datetime.timedelta(days=rule.keep_days)).isoformat()


def day_column(table: Table, rule: Rule) -> str:
    """The day column as SQL names it. Raises ConfigurationError."""
    for column in table.columns:
        if column.lower() == rule.day_column.lower() and column != table.rowid:
            return table.sql(column)
    raise ConfigurationError(f"{table.name} has no column {rule.day_column!r}; it has {', '.join(table.columns)}.")


def _holding(database: sqlite3.Connection, rule: Rule, until: str, reports: Mapping[str, ReportType]) -> Holding:
    table = read_table(database, rule.table)
    column = day_column(table, rule)
    its_day = day.expression(column, rule.day_format)
    name = table.quoted
    days = {words(found): rows for found, rows in database.execute(_by_day(its_day, column, "count(*)", name))}
    undated = days.pop("", 0)
    size = " + ".join(f"coalesce(length(CAST({table.sql(one)} AS BLOB)), 0)" for one in table.columns)
    old = _by_day(its_day, column, f"sum({size})", name, "WHERE", column, "< ?")
    sizes = {words(found): size for found, size in database.execute(old, (day.bounds(until, rule.day_format)[0],))}
    examples = []
    if undated:
        some = statement("SELECT DISTINCT quote(substr(", column, ", 1, 30)) FROM", name, "WHERE", its_day, "IS NULL LIMIT", str(_EXAMPLES))
        examples = [words(value) for (value,) in database.execute(some)]
    return Holding(
        table=table,
        days=dict(sorted(days.items())),
        bytes={found: size for found, size in sizes.items() if found},
        undated=undated,
        examples=tuple(examples),
        objections=(
            *guards.objections(database, table, acknowledged=rule.triggers),
            *(relation.objections(table=table, rule=rule, reports=reports) if rule.proof == REPORT else ()),
        ),
        notices=tuple(guards.notices(database, table, column)),
    )


def _by_day(its_day: str, column: str, what: str, *source: str) -> str:
    """A number of rows by day. Those of one value come first, which an index gives in order: its day is then made out once."""
    of_values = statement("SELECT", column, ",", what, "AS n FROM", *source, "GROUP BY", column, "COLLATE BINARY")
    return statement("SELECT", its_day, "AS d, sum(n) FROM (", of_values, ") GROUP BY d")


def _modified(path: str) -> datetime.datetime:
    times = []
    for name in (path, f"{path}-wal"):
        with suppress(FileNotFoundError):
            times.append(os.stat(name).st_mtime)
    return datetime.datetime.fromtimestamp(max(times), datetime.timezone.utc)
