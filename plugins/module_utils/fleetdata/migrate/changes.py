# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows differ between a table of SQLite and what became of it in PostgreSQL.

Rows are told apart by the number that a row's digest gives on each side, so that neither a key nor the rows' numbers in SQLite, which VACUUM changes,
have to be the same. First both sides sum these numbers up by their last 16 bits; then only rows in sums that differ are looked at one by one, on disk.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..retention.rows import Text, bound
from ..sql import quoted, statement
from .canonical import RowDigest, compared
from .digest_sql import row_number_sql
from .planned import TablePlan

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

Row = tuple[Any, ...]
_BUCKETS = 1 << 16
_MASK = _BUCKETS - 1
_ROWS, _BYTES, _AT_ONCE = 1000, 1 << 20, 500


def text(value: bytes) -> str | Text:
    """The ``text_factory`` of connections that read rows: text that is not UTF-8 stays bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Text(value)


@dataclass(frozen=True)
class Weights:
    """counts, sums: of the rows' numbers by their last bits. unfit: rows of SQLite that PostgreSQL cannot hold, which are in neither."""

    counts: Sequence[int]
    sums: Sequence[int]
    unfit: int = 0

    @property
    def total(self) -> tuple[int, int]:
        """Rows, and the sum of their numbers."""
        return sum(self.counts), sum(self.sums)

    def differing(self, other: Weights) -> frozenset[int]:
        """The last bits of rows that are not the same on both sides."""
        return frozenset(
            bits for bits in range(_BUCKETS) if self.counts[bits] != other.counts[bits] or self.sums[bits] != other.sums[bits]
        )  # fmt: skip


class Lite:
    """A table in SQLite. database: with ``text`` for texts, in a transaction. at_once: how many of its rows may be in memory."""

    def __init__(self, database: sqlite3.Connection, table: TablePlan) -> None:
        self.database, self.table = database, table
        self.name = quoted(table.source.name)
        self.places = _places(table)
        self._columns = ", ".join(quoted(column.source) for column in compared(table))
        self.at_once = max(1, min(_ROWS, _BYTES * max(1, table.rows) // max(1, table.bytes)))

    def weigh(self) -> Weights:
        """Of all rows."""
        counts, sums, unfit = array("q", bytes(8 * _BUCKETS)), [0] * _BUCKETS, 0
        digest = RowDigest(self.table)
        for rows in self._blocks(statement("SELECT", self._columns, "FROM", self.name)):
            for number in digest.numbers(rows):
                if number is None:
                    unfit += 1
                else:
                    counts[number & _MASK] += 1
                    sums[number & _MASK] += number
        return Weights(counts, sums, unfit)

    def numbers(self, bits: frozenset[int]) -> Iterator[Row]:
        """Number and place of the rows whose numbers end so, and of those that PostgreSQL cannot hold, which have none."""
        digest, width = RowDigest(self.table), len(compared(self.table))
        for rows in self._blocks(statement("SELECT", self._columns, ",", ", ".join(self.places), "FROM", self.name)):
            for number, row in zip(digest.numbers([row[:width] for row in rows]), rows):
                if number is None or number & _MASK in bits:
                    yield (number, *row[width:])

    def at(self, place: Row, columns: Sequence[str]) -> Row:
        """Values of a row."""
        where, values = self.where(place)
        row = self.database.execute(statement("SELECT", ", ".join(map(quoted, columns)), "FROM", self.name, where), values).fetchone()
        return tuple(row)

    def where(self, place: Row) -> tuple[str, list[Any]]:
        """SQL that names a row, and what is bound in it."""
        each = [bound(value) for value in place]
        return "WHERE " + " AND ".join(f"{name} = {said}" for name, (said, _) in zip(self.places, each)), [value for _, value in each]

    def _blocks(self, select: str) -> Iterator[list[Row]]:
        with closing(self.database.execute(select)) as found:
            while rows := found.fetchmany(self.at_once):
                yield rows


class Server:
    """A table in PostgreSQL, which nobody writes to."""

    def __init__(self, connection: Connection, table: TablePlan, schema: str) -> None:
        self.connection, self.table, self.schema = connection, table, schema
        self.name = f"{quoted(schema)}.{quoted(table.name)}"
        self._number = row_number_sql(compared(table))

    def weigh(self) -> Weights:
        """Of all rows."""
        counts, sums = array("q", bytes(8 * _BUCKETS)), [0] * _BUCKETS
        each = statement("(SELECT", self._number, "AS number FROM", self.name, ") AS each")
        for bits, count, total in self._stream(statement(f"SELECT number & {_MASK}, count(*), sum(number) FROM", each, "GROUP BY 1")):
            counts[bits], sums[bits] = count, int(total)
        return Weights(counts, sums)

    def numbers(self, bits: frozenset[int]) -> Iterator[Row]:
        """Number and place of the rows whose numbers end so."""
        each = statement("(SELECT", self._number, "AS number, ctid::text AS place FROM", self.name, ") AS each")
        wanted = ",".join(map(str, sorted(bits)))
        yield from self._stream(statement("SELECT number, place FROM", each, f"WHERE number & {_MASK} = ANY('{{{wanted}}}'::bigint[])"))

    def said(self, places: Iterable[Row]) -> Iterator[Row]:
        """Number and values of rows, each value as text, in the order of ``table.loaded``."""
        values = ", ".join(f"{quoted(column.target)}::text" for column in self.table.loaded)
        for some in _some(places):
            yield from self._stream(statement("SELECT", self._number, ",", values, "FROM", self.name, "WHERE", some))

    def delete(self, places: Iterable[Row], *, into: str = "", listed: str = "") -> int:
        """Delete rows; how many there were. into: a table that gets the columns that are listed."""
        gone = ("WITH gone AS (DELETE FROM", self.name, "WHERE")
        kept = (") INSERT INTO", into, "SELECT * FROM gone")
        each = (
            statement(*gone, some, "RETURNING", listed, *kept) if into else statement("DELETE FROM", self.name, "WHERE", some)
            for some in _some(places)
        )  # fmt: skip
        return sum(self.connection.execute(one.encode()).rowcount for one in each)

    def _stream(self, query: str) -> Iterator[Row]:
        """Without parameters, so that a % in a name is itself."""
        with self.connection.cursor() as cursor:
            yield from cursor.stream(query.encode())


class Differing:
    """The rows that one side has and the other has not, in a file of its own that goes with it.

    weights: of all rows, in SQLite and in PostgreSQL. lite, server: how many rows that side alone has; a row that PostgreSQL cannot hold is one of them.
    """

    def __init__(self, lite: Lite, server: Server) -> None:
        self.weights = lite.weigh(), server.weigh()
        bits = self.weights[0].differing(self.weights[1])
        self.file = sqlite3.connect("", isolation_level=None)
        self.file.text_factory = text
        self._width = len(lite.places)
        for sql in ("PRAGMA synchronous = OFF", f"CREATE TABLE lite (number, {self._places})", "CREATE TABLE server (number, p0)", "BEGIN"):
            self.file.execute(sql)
        for name, side in (("lite", lite), ("server", server)) if bits or self.weights[0].unfit else ():
            for row in side.numbers(bits):
                self.insert(name, row)
            self.file.execute(f"CREATE INDEX {name}_number ON {name} (number)")
        self.lite, self.server = self._alone("lite", "server"), self._alone("server", "lite")

    def __bool__(self) -> bool:
        return bool(self.lite or self.server)

    def close(self) -> None:
        """Nothing more is asked."""
        self.file.close()

    def lites(self) -> Iterator[Row]:
        """The places of the rows that SQLite alone has."""
        return self.file.execute(statement("SELECT", self._places, "FROM lite_alone ORDER BY", self._places))

    def servers(self) -> Iterator[Row]:
        """The places of the rows that PostgreSQL alone has."""
        return self.file.execute("SELECT p0 FROM server_alone")

    def insert(self, name: str, row: Row) -> None:
        """A row into one of the file's tables."""
        each = [bound(value) for value in row]
        self.file.execute(statement("INSERT INTO", name, f"VALUES ({', '.join(said for said, _ in each)})"), [value for _, value in each])

    @property
    def _places(self) -> str:
        return ", ".join(f"p{place}" for place in range(self._width))

    def _alone(self, side: str, other: str) -> int:
        """Equal rows are as many on one side as on the other; what is more is alone. How many they are."""
        counted = statement("(SELECT *, row_number() OVER (PARTITION BY number) AS nth FROM", side, ") AS one")
        others = statement("(SELECT count(*) FROM", other, "AS two WHERE two.number = one.number)")
        self.file.execute(statement("CREATE TABLE", f"{side}_alone", "AS SELECT * FROM", counted, "WHERE nth >", others))
        return int(self.file.execute(statement("SELECT count(*) FROM", f"{side}_alone")).fetchone()[0])


def _places(table: TablePlan) -> tuple[str, ...]:
    """What names a row in SQLite, as SQL: its number, or its key where it has none."""
    source = table.source
    if source.without_rowid:
        return tuple(map(quoted, source.primary))
    if source.row_number:
        return (quoted(source.row_number),)
    taken = {column.name.lower() for column in source.columns}
    free = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")
    if not free:
        raise ConfigurationError(f"{source.name}: its columns are called rowid, _rowid_ and oid, so its rows cannot be named. Rename one of them.")
    return (free,)


def _some(places: Iterable[Row]) -> Iterator[str]:
    """Conditions that name rows by their places in PostgreSQL, some hundreds each."""
    left = iter(places)
    while some := [f'"{place}"' for (place,) in islice(left, _AT_ONCE)]:
        yield "ctid = ANY('{" + ",".join(some) + "}'::tid[])"
