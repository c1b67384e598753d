# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging schema, and what it knows of itself: which parts of which tables are in it. A run that follows a killed one goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..sql import quoted, statement
from .misfit import forget, misfit_table
from .planned import TablePlan
from .statements import create_table, qualified

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_TABLES, _PARTS = "__steady_tables", "__steady_parts"


@dataclass(frozen=True)
class Part:
    """Rows of a table, first and last by their numbers, both included, None for no end. loaded: whether they are in staging; then how many.

    sum: of their digests, None where none were made.
    """

    number: int
    first: int | None = None
    last: int | None = None
    loaded: bool = False
    rows: int = 0
    sum: int | None = 0
    bytes: int = 0
    misfits: int = 0


class Journal:
    """Of one staging schema."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection, self._schema = connection, schema
        self._tables, self._parts = qualified(_TABLES, schema), qualified(_PARTS, schema)

    def open(self) -> None:
        """Make the schema where it is not there."""
        with self._connection.transaction():
            self._run("CREATE SCHEMA IF NOT EXISTS", quoted(self._schema))
            self._run("CREATE TABLE IF NOT EXISTS", self._tables, "(name text PRIMARY KEY, shape text NOT NULL, finished boolean NOT NULL)")
            self._run(
                "CREATE TABLE IF NOT EXISTS",
                self._parts,
                "(name text, part int, first bigint, last bigint, loaded boolean NOT NULL, rows bigint NOT NULL, sum numeric,"
                " bytes bigint NOT NULL, misfits bigint NOT NULL, PRIMARY KEY (name, part))",
            )

    def keep_only(self, tables: Iterable[str]) -> None:
        """Drop what is there of tables that are no longer to be migrated. tables: by their names in the target."""
        wanted = set(tables)
        known = [str(row[0]) for row in self._run("SELECT name FROM", self._tables).fetchall()]
        for name in known:
            if name not in wanted:
                with self._connection.transaction():
                    self._drop(name)

    def parts(self, table: TablePlan) -> tuple[list[Part], bool] | None:
        """The parts of a table, and whether it has its keys and indexes already; None where it is not there in this shape."""
        row = self._run("SELECT finished FROM", self._tables, "WHERE name = %s AND shape = %s", bound=(table.name, shape(table))).fetchone()
        if not row:
            return None
        found = self._run(
            "SELECT part, first, last, loaded, rows, sum, bytes, misfits FROM", self._parts, "WHERE name = %s ORDER BY part", bound=(table.name,)
        ).fetchall()
        return [
            Part(number, first, last, loaded, rows, None if total is None else int(total), size, misfits)
            for number, first, last, loaded, rows, total, size, misfits in found
        ], bool(row[0])  # fmt: skip

    def make(self, table: TablePlan, parts: Iterable[Part]) -> None:
        """The table anew, and empty."""
        with self._connection.transaction():
            self._drop(table.name)
            self._connection.execute(create_table(table, schema=self._schema))
            self._run("INSERT INTO", self._tables, "VALUES (%s, %s, false)", bound=(table.name, shape(table)))
            for part in parts:
                self._put(self._connection, table, part)

    def empty(self, table: TablePlan, part: Part, column: str) -> None:
        """Take the rows of a part out again. column: in which the target has their numbers."""
        with self._connection.transaction():
            self._run(
                "DELETE FROM", qualified(table.name, self._schema).replace("%", "%%"),
                f"WHERE {quoted(column)} >= coalesce(%s, {quoted(column)}) AND {quoted(column)} <= coalesce(%s, {quoted(column)})".replace("%%s", "%s"),
                bound=(part.first, part.last),
            )  # fmt: skip
            forget(self._connection, table, self._schema, part.first, part.last)
            self._put(self._connection, table, Part(part.number, part.first, part.last))

    def loaded(self, connection: Connection, table: TablePlan, part: Part) -> None:
        """Note it, in the transaction that there is on the connection that loaded it."""
        self._put(connection, table, part)

    def finished(self, connection: Connection, table: TablePlan) -> None:
        """Note that it has its keys and indexes."""
        connection.execute(statement("UPDATE", self._tables, "SET finished = true WHERE name = %s"), (table.name,))

    def close(self) -> None:
        """Drop what only the journal needs."""
        self._run("DROP TABLE", self._tables, ",", self._parts)

    def _put(self, connection: Connection, table: TablePlan, part: Part) -> None:
        connection.execute(
            statement(
                "INSERT INTO", self._parts, "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name, part) DO UPDATE SET loaded = EXCLUDED.loaded,"
                " rows = EXCLUDED.rows, sum = EXCLUDED.sum, bytes = EXCLUDED.bytes, misfits = EXCLUDED.misfits",
            ),
            (table.name, part.number, part.first, part.last, part.loaded, part.rows, part.sum, part.bytes, part.misfits),
        )  # fmt: skip

    def _drop(self, name: str) -> None:
        for one in (name, misfit_table(name)):
            self._run("DROP TABLE IF EXISTS", qualified(one, self._schema), "CASCADE")
        for table in (self._tables, self._parts):
            self._run("DELETE FROM", table, "WHERE name = %s", bound=(name,))

    def _run(self, *parts: str, bound: tuple[Any, ...] | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(statement(*parts), bound)


def shape(table: TablePlan) -> str:
    """What has to be the same for rows that were loaded to be what would be loaded now."""
    columns = [(one.source, one.conversion, one.empty_is_null, one.replace) for one in table.columns]
    after = [repr(one) for one in (table.constraints, table.indexes)] + [repr((one.identity, one.default)) for one in table.columns]
    said = json.dumps([table.source.name, create_table(table, schema=""), columns, after])
    return hashlib.sha256(said.encode()).hexdigest()
