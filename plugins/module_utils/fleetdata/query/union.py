# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One view over the rows that are live and those that are archived, for each table and report."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..retention import day
from ..retention.model import Rule
from ..sql import quoted, statement, words
from .cache import Layout, Piece
from .guard import LIVE
from .shape import Shape


@dataclass(frozen=True)
class Days:
    """Which days of a table are asked for. rule: which of its columns says the day; None: it has none, and all of its live rows count. first, last: ISO."""

    rule: Rule | None = None
    first: str | None = None
    last: str | None = None

    def its_day(self, shape: Shape) -> tuple[str, str]:
        """The day column, and the day of a row, as SQL."""
        wanted = self.rule.day_column.lower() if self.rule else ""
        column = next((quoted(one.name) for one in shape.columns if one.name.lower() == wanted), "")
        return column, day.expression(column, self.rule.day_format) if self.rule and column else ""

    def where(self, shape: Shape, first: str | None, last: str | None) -> str:
        """What live rows of these days fulfil, as SQL; the bare column is for an index."""
        column, its_day = self.its_day(shape)
        if not its_day or self.rule is None or first is last is None:
            return ""
        said = []
        if first:
            said += [f"{column} >= {_literal(day.bounds(first, self.rule.day_format)[0])}", f"{its_day} >= '{first}'"]
        if last:
            said += [f"{column} < {_literal(day.bounds(last, self.rule.day_format)[1])}", f"{its_day} <= '{last}'"]
        return "WHERE " + " AND ".join(said)


def _literal(value: str | float) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)


class Union:
    """The view of one table. number: for names of its own. database: whose main is the cache, and which has the application's attached."""

    def __init__(self, *, database: sqlite3.Connection, number: int, layout: Layout, pieces: Sequence[Piece], days: Days) -> None:
        self._database, self._layout, self._pieces, self._days = database, layout, pieces, days
        self._shape = layout.shape
        self._those, self._gone, self._again = (f"temp._fleetdata_{what}_{number}" for what in ("pieces", "gone", "again"))

    def make(self) -> None:
        """Make it, with the rows left out that count already. Raises sqlite3.Error."""
        revisions = Counter(piece.manifest.day for piece in self._pieces)
        live = self._live_days()
        run = self._database.execute
        run(f"CREATE TEMP TABLE {self._those[5:]} (first INTEGER PRIMARY KEY, last, day, revision, several, live)")
        self._database.executemany(
            statement("INSERT OR IGNORE INTO", self._those, "VALUES (?, ?, ?, ?, ?, ?)"),
            [
                (piece.first, piece.last, of.day, of.revision, revisions[of.day] > 1, live is None or of.day in live)
                for piece, of in ((piece, piece.manifest) for piece in self._pieces)
            ],
        )
        run(f"CREATE TEMP TABLE {self._gone[5:]} (row INTEGER PRIMARY KEY)")
        self._leave_out_superseded()
        self._leave_out_live()
        run(statement("CREATE TEMP VIEW", quoted(self._shape.name), "AS", self._select()))

    def _select(self) -> str:
        names = [quoted(column.name) for column in self._shape.columns]
        archived = ", ".join(f"r.c{place} AS {name}" for place, name in enumerate(names))
        live = statement("SELECT", ", ".join(names), "FROM", self._table, self._days.where(self._shape, self._days.first, self._days.last))
        rest = statement("WHERE r._row NOT IN (SELECT row FROM", self._gone, ")")
        return statement(live, "UNION ALL SELECT", archived, "FROM", self._rows("r"), rest)

    @property
    def _table(self) -> str:
        return f"{LIVE}.{quoted(self._shape.name)}"

    def _rows(self, alias: str) -> str:
        return f"{self._those} p CROSS JOIN main.{self._layout.name} {alias} ON {alias}._row BETWEEN p.first AND p.last"

    def _live_days(self) -> set[str] | None:
        """Days that may have rows in both places, None when that cannot be told."""
        _, its_day = self._days.its_day(self._shape)
        if not its_day:
            return None
        archived = [piece.manifest.day for piece in self._pieces]
        where = self._days.where(self._shape, min(archived, default=None), max(archived, default=None))
        found = self._database.execute(statement("SELECT DISTINCT", its_day, "FROM", self._table, where)) if archived else []
        return {words(one) for (one,) in found}

    def _leave_out_superseded(self) -> None:
        """Of one row in several revisions of a day, the newest counts."""
        run, again = self._database.execute, self._again
        run(statement(f"CREATE TEMP TABLE {again[5:]} AS SELECT r.*, p.day AS _day, p.revision AS _revision FROM", self._rows("r"), "WHERE p.several"))
        for number, (index, same) in enumerate(self._same("a", "b", archived=True)):
            run(f"CREATE INDEX {again}_{number} ON {again[5:]} (_day, {index})")
            older = statement("SELECT a._row FROM", again, "b CROSS JOIN", again, "a ON a._day = b._day AND a._revision < b._revision AND", same)
            run(statement("INSERT OR IGNORE INTO", self._gone, older))

    def _leave_out_live(self) -> None:
        """A row that is live counts as it is there; one whose number is never used again, on whichever day it is now."""
        shape = self._shape
        conditions = [statement("p.live AND EXISTS (SELECT 1 FROM", self._table, "l WHERE", same, ")") for _, same in self._same("r", "l", archived=False)]
        if shape.serial:
            conditions.append(statement("EXISTS (SELECT 1 FROM", self._table, "l WHERE", f"l.{quoted(shape.serial)} = r.c{shape.place(shape.serial)})"))
        for condition in conditions:
            self._database.execute(statement("INSERT OR IGNORE INTO", self._gone, "SELECT r._row FROM", self._rows("r"), "WHERE", condition))

    def _same(self, one: str, other: str, *, archived: bool) -> Iterator[tuple[str, str]]:
        """What makes two rows the same one, each as an index's columns and a condition. archived: whether the other is a copy, too."""
        shape = self._shape
        for columns in shape.unique:
            places = [(f"c{shape.place(name)}", name, collation) for name, collation in columns]
            index = ", ".join(f"{ours} COLLATE {quoted(collation)}" for ours, _, collation in places)
            yield index, " AND ".join(f"{other}.{ours if archived else quoted(name)} = {one}.{ours} COLLATE {quoted(how)}" for ours, name, how in places)
        pairs = [(f"{one}.c{place}", f"{other}.{f'c{place}' if archived else quoted(column.name)}") for place, column in enumerate(shape.columns)]
        equal = f"({', '.join(f'{left} COLLATE BINARY' for left, _ in pairs)}) IS ({', '.join(right for _, right in pairs)})"
        types = f"({', '.join(f'typeof({left})' for left, _ in pairs)}) IS ({', '.join(f'typeof({right})' for _, right in pairs)})"
        number = f"{other}.{'n' if archived else shape.number} = {one}.n AND" if shape.number else ""
        yield "n" if shape.number else f"c{shape.key}", f"{number} {equal} AND {types}"


def report_view(database: sqlite3.Connection, name: str, columns: Sequence[str], parts: Sequence[tuple[Layout, Sequence[Piece]]]) -> None:
    """Make the view of a report: its columns, all text, and _day. parts: its days by their headers. Raises sqlite3.Error."""
    arms = [statement("SELECT", ", ".join(f"NULL AS {quoted(column)}" for column in [*columns, "_day"]), "WHERE 0")]
    for number, (layout, pieces) in enumerate(parts):
        those = f"_fleetdata_report_{layout.name[-24:]}_{number}"
        database.execute(f"CREATE TEMP TABLE {those} (first INTEGER PRIMARY KEY, last, day)")
        database.executemany(
            statement("INSERT OR IGNORE INTO", f"temp.{those}", "VALUES (?, ?, ?)"), [(piece.first, piece.last, piece.manifest.day) for piece in pieces]
        )
        known = {column.name: f"r.c{place}" for place, column in enumerate(layout.shape.columns)}
        listed = ", ".join(f"{known.get(column, 'NULL')} AS {quoted(column)}" for column in columns)
        arms.append(statement("SELECT", listed, f", p.day FROM temp.{those} p CROSS JOIN main.{layout.name} r ON r._row BETWEEN p.first AND p.last"))
    database.execute(statement("CREATE TEMP VIEW", quoted(name), "AS", " UNION ALL ".join(arms)))
