# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that do not fit: named for a person, and put aside whole."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from ..errors import QUARANTINED, FleetDataError
from ..retention.rows import Text
from ..sql import statement
from . import kinds
from .encode import Refusal, Row
from .names import shortened
from .planned import ColumnPlan, TablePlan
from .statements import qualified

if TYPE_CHECKING:
    import psycopg

SHOWN = 20
"""How many rows of a table are named; all are counted, and put aside where that is asked for."""
HIDDEN = "(a hidden value)"
_LONGEST = 60
_IN_MEMORY = 4 << 20


@dataclass(frozen=True)
class Misfit:
    """table, column: of the source. row: its number or key. value: shortened, hidden for a secret column. rule: that it breaks. setting: what takes it."""

    table: str
    row: str
    column: str
    value: str
    rule: str
    setting: str

    @property
    def said(self) -> str:
        """As a sentence."""
        return f"{self.table}, {self.row}, column {self.column}: {self.value} {self.rule}. What takes it: {self.setting}"


class MisfitsError(FleetDataError):
    """Rows do not fit, and that is to end the run. misfits: the first of them."""

    code = QUARANTINED

    def __init__(self, message: str, misfits: Sequence[Misfit]) -> None:
        super().__init__(message)
        self.misfits = tuple(misfits)


class Aside:
    """The rows of one part that do not fit, in their order. file: where they are meanwhile."""

    def __init__(self, table: TablePlan, file: IO[str]) -> None:
        self._table, self._file = table, file
        self._named: list[tuple[Refusal, Row]] = []
        self.places: list[int] = []

    def add(self, place: int, refusal: Refusal, row: Row) -> None:
        """place: of the row in its part."""
        self.places.append(place)
        if len(self._named) < SHOWN:
            self._named.append((refusal, row))
        self._file.write(json.dumps([refusal.column.source, refusal.rule, cells(self._table, row)]) + "\n")

    def named(self, numbers: Mapping[int, int]) -> list[Misfit]:
        """The first of them. numbers: of rows, by their places."""
        return [
            Misfit(
                table=self._table.source.name,
                row=named_row(self._table, row, numbers.get(place)),
                column=refusal.column.source,
                value=shown(refusal.value, refusal.column),
                rule=refusal.rule,
                setting=setting(self._table.source.name, refusal.column, refusal.rule),
            )
            for place, (refusal, row) in zip(self.places, self._named)
        ]

    def store(self, connection: psycopg.Connection[Any], schema: str, numbers: Mapping[int, int]) -> None:
        """Into the table's own table for them, in the transaction that there is."""
        if not self.places:
            return
        name = qualified(misfit_table(self._table.name), schema)
        connection.execute(statement("CREATE TABLE IF NOT EXISTS", name, '("row" bigint, "column" text NOT NULL, rule text NOT NULL, cells json NOT NULL)'))
        self._file.seek(0)
        with connection.cursor().copy(statement("COPY", name, "FROM STDIN")) as copy:
            for place, line in zip(self.places, self._file):
                column, rule, held = json.loads(line)
                copy.write_row((numbers.get(place), column, rule, json.dumps(held)))


@contextmanager
def aside(table: TablePlan) -> Iterator[Aside]:
    """For a part; on disk where they are many."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="ascii") as file:
        yield Aside(table, file)


def misfit_table(name: str) -> str:
    """Where the rows of a table are that do not fit."""
    return shortened(f"{name}__misfit")


def forget(connection: psycopg.Connection[Any], table: TablePlan, schema: str, first: int | None, last: int | None) -> None:
    """Take away what was put aside of a part that is loaded anew."""
    name = qualified(misfit_table(table.name), schema)
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    if found and found[0]:
        connection.execute(
            statement("DELETE FROM", name.replace("%", "%%"), 'WHERE "row" IS NULL OR ("row" >= coalesce(%s, "row") AND "row" <= coalesce(%s, "row"))'),
            (first, last),
        )


def cells(table: TablePlan, row: Row) -> dict[str, Any]:
    """All cells of a row as JSON has them, by the names of the source; what it does not have as an object that says what it is."""
    return {column.source: _cell(value) for column, value in zip(table.loaded, row)}


def _cell(value: Any) -> Any:
    if isinstance(value, Text):
        return {"text": value.hex()}
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return {"real": repr(value)}
    return value


def shown(value: Any, column: ColumnPlan) -> str:
    """A value for a message."""
    if column.secret:
        return HIDDEN
    if isinstance(value, (str, bytes)):
        value = value[: _LONGEST + 1]
    said = "NULL" if value is None else repr(bytes(value) if isinstance(value, Text) else value)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def named_row(table: TablePlan, row: Row, number: int | None) -> str:
    """A row for a message."""
    if number is not None:
        return f"row {number}"
    by_name = {column.source: (column, value) for column, value in zip(table.loaded, row)}
    keys = [f"{key} = {shown(by_name[key][1], by_name[key][0])}" for key in table.key if key in by_name]
    return f"the row with {', '.join(keys)}" if keys else "a row"


def setting(table: str, column: ColumnPlan, rule: str) -> str:
    """What would have the row taken."""
    aside = "on_misfit: quarantine"
    if kinds.NUL in rule or kinds.NOT_UTF8 in rule:
        return f"on_text: replace, on_text: bytea or {aside}"
    if "NULL" in rule:
        return aside
    wider = "bytea" if "blob" in rule else "text"
    return f'casts: {{"{table}.{column.source}": "{wider}"}} or {aside}'
