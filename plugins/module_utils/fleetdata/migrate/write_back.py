# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of PostgreSQL into a table of SQLite: what is the same there is not touched, and what changed keeps the bytes of its cells that did not."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ..errors import ContentError, DamageError
from ..retention.rows import bound
from ..sql import quoted, statement
from .canonical import RowDigest, compared
from .changes import Lite, Row, Server
from .differing import Differing
from .encode import Encoder
from .misfit import shown
from .planned import ColumnPlan
from .reverse import reverser
from .reverse_times import UnlikeError
from .unproved import unproved

_SAMPLE = 500


class WriteBack:
    """Of one table, in the transaction that there is; foreign keys and triggers are off.

    came, went: rows so far. stay: the digest of SQLite's rows that PostgreSQL could not hold, which are none of its business.
    """

    def __init__(self, lite: Lite, server: Server, differing: Differing) -> None:
        self._lite, self._server, self._differing = lite, server, differing
        self._table = lite.table
        source = self._table.source
        self._stored = [column.name for column in source.columns if not column.generated]
        self._plans = {column.source: column for column in self._table.loaded}
        self._keys = [self._plans[name] for name in self._table.key if name in self._plans]
        self._key = RowDigest(self._table, self._keys) if self._keys else None
        self._cells = {name: RowDigest(self._table, (plan,)) for name, plan in self._plans.items()}
        self._numbered = not source.without_rowid and not source.row_number
        self.came = self.went = 0
        self.stay = RowDigest(self._table)

    def run(self) -> None:
        """All of it. Raises ContentError (SQLite cannot hold a value), DamageError (it does not hold what was written)."""
        back = [reverser(column, self._sample(column)) for column in self._table.loaded]
        self._note_old()
        self._note_new(back)
        for place in self._differing.file.execute(statement("SELECT", self._listed("p", self._lite.places), "FROM old")):
            where, values = self._lite.where(place)
            self.went += self._lite.database.execute(statement("DELETE FROM", self._lite.name, where), values).rowcount
        for row in self._differing.file.execute("SELECT * FROM new ORDER BY known DESC, rowid"):  # before SQLite numbers new rows, those that have a number
            self._insert(row)
            self.came += 1

    def _sample(self, column: ColumnPlan) -> list[Any]:
        """The newest values of a column."""
        name = quoted(column.source)
        order = "" if self._table.source.without_rowid else f"ORDER BY {self._lite.places[0]} DESC"
        query = statement("SELECT", name, "FROM", self._lite.name, "WHERE", name, "IS NOT NULL", order, f"LIMIT {_SAMPLE}")
        return [value for (value,) in self._lite.database.execute(query)]

    def _note_old(self) -> None:
        """Rows that SQLite alone has, by their key; those that PostgreSQL never could take stay."""
        places = self._listed("p", self._lite.places)
        self._differing.file.execute(f"CREATE TABLE old (key, {places})")
        encoder, columns = Encoder(unproved(self._table)), [column.source for column in compared(self._table)]
        at = [columns.index(column.source) for column in self._keys]
        for place in self._differing.lites():
            row = self._lite.at(place, columns)
            if encoder.encode([row]).refused:
                self.stay.add([row])
            else:
                key = self._key.numbers([[row[one] for one in at]])[0] if self._key else None
                self._differing.insert("old", (key, *place))
        self._differing.file.execute("CREATE INDEX old_key ON old (key)")

    def _note_new(self, back: Sequence[Any]) -> None:
        """Rows that PostgreSQL alone has, as SQLite is to have them."""
        places, values = self._listed("p", self._lite.places), self._listed("v", self._stored)
        self._differing.file.execute(f"CREATE TABLE new (number, known, {places}, {values})")
        for number, *said in self._server.said(self._differing.servers()):
            wanted = {column.source: self._reversed(column, one, text, said) for column, one, text in zip(self._table.loaded, back, said)}
            place = self._place_of(wanted)
            if place:
                old = dict(zip(self._stored, self._lite.at(place, self._stored)))
                wanted = {name: self._kept(name, old[name], wanted) for name in self._stored}
            row = (number, int(bool(place)), *(place or [None] * len(self._lite.places)), *(wanted.get(name) for name in self._stored))
            self._differing.insert("new", row)

    def _reversed(self, column: ColumnPlan, back: Any, text: str | None, said: Sequence[str | None]) -> Any:
        try:
            return back(text)
        except (UnlikeError, OverflowError) as error:
            why = str(error) if isinstance(error, UnlikeError) else "is out of range"
            raise ContentError(
                f"{self._named(said)}: {column.target} ({shown(text, column)}) {why}, so SQLite cannot hold it as the others of its column."
                " Nothing was changed. Correct it in PostgreSQL, then run again."
            ) from None

    def _place_of(self, wanted: dict[str, Any]) -> Row | None:
        if not self._key:
            return None
        key = self._key.numbers([[wanted[column.source] for column in self._keys]])[0]
        query = statement("SELECT", self._listed("p", self._lite.places), "FROM old WHERE key = ?")
        found: Row | None = self._differing.file.execute(query, (key,)).fetchone()
        return found

    def _kept(self, name: str, old: Any, wanted: dict[str, Any]) -> Any:
        """The cell as it was, unless it says something else now."""
        if name not in wanted:
            return old
        before, now = self._cells[name].numbers([(old,), (wanted[name],)])
        return old if before == now and now is not None else wanted[name]

    def _insert(self, noted: Row) -> None:
        number, known, *rest = noted
        place, values = rest[: len(self._lite.places)], dict(zip(self._stored, rest[len(self._lite.places) :]))
        names = [name for name in self._stored if known or name in self._plans]
        columns, row = [quoted(name) for name in names], [values[name] for name in names]
        if known and self._numbered:
            columns, row = [*self._lite.places, *columns], [*place, *row]
        each = [bound(value) for value in row]
        into = statement("INSERT OR ABORT INTO", self._lite.name, f"({', '.join(columns)}) VALUES ({', '.join(said for said, _ in each)})")
        try:
            given = self._lite.database.execute(into, [value for _, value in each]).lastrowid
        except sqlite3.IntegrityError as error:
            raise ContentError(
                f"{self._held(values)}: SQLite does not take it ({error}). Nothing was changed. Correct it in PostgreSQL, then run again."
            ) from None
        source = self._table.source
        self._prove(number, tuple(values[name] for name in source.primary) if source.without_rowid else (given,), values)

    def _prove(self, number: int, place: Row, values: dict[str, Any]) -> None:
        """What SQLite holds now is what PostgreSQL has."""
        row = self._lite.at(place, [column.source for column in compared(self._table)])
        if RowDigest(self._table).numbers([row]) != [number]:
            found = dict(zip((column.source for column in compared(self._table)), row))
            other = [name for name in values if name in self._cells and len(set(self._cells[name].numbers([(values[name],), (found[name],)]))) > 1]
            where = f" in {', '.join(other)}" if other else ""
            raise DamageError(
                f"{self._held(values)}: SQLite holds something else than PostgreSQL{where}: a column of its type cannot hold that value."
                " Nothing was changed. Correct it in PostgreSQL, then run again."
            )

    def _named(self, said: Sequence[str | None]) -> str:
        return self._held(dict(zip((column.source for column in self._table.loaded), said)))

    def _held(self, values: dict[str, Any]) -> str:
        """A row, for messages."""
        keys = ", ".join(f"{column.source} {shown(values[column.source], column)}" for column in self._keys)
        return f"{self._table.source.name}, row with {keys}" if keys else f"{self._table.source.name}, a row"

    @staticmethod
    def _listed(letter: str, names: Sequence[str]) -> str:
        return ", ".join(f"{letter}{place}" for place in range(len(names)))
