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
from itertools import chain, islice
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
    """counts, sums: of the rows' numbers by their last bits, or by parts of the table. unfit: rows of SQLite that PostgreSQL cannot hold, which are in
    neither. open: whether a part has such rows."""

    counts: Sequence[int]
    sums: Sequence[int]
    unfit: int = 0
    open: Sequence[bool] = ()

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
        self.number = next((column for column in table.loaded if column.source == table.source.row_number), None)
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

    def between(self, first: int, last: int, at_once: int = _ROWS) -> Iterator[list[Row]]:
        """Values of the rows with such numbers, in their order."""
        where = f"WHERE {self.places[0]} BETWEEN {first} AND {last} ORDER BY {self.places[0]}"
        yield from self._blocks(statement("SELECT", self._columns, "FROM", self.name, where), at_once)

    def numbers_between(self, ranges: Iterable[tuple[int, int]]) -> Iterator[Row]:
        """Number and place of the rows of ranges."""
        digest, at = RowDigest(self.table), [column.source for column in compared(self.table)].index(self.table.source.row_number)
        for rows in chain.from_iterable(self.between(*one) for one in ranges):
            yield from ((number, row[at]) for number, row in zip(digest.numbers(rows), rows))

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

    def _blocks(self, select: str, at_once: int = _ROWS) -> Iterator[list[Row]]:
        with closing(self.database.execute(select)) as found:
            while rows := found.fetchmany(min(self.at_once, at_once)):
                yield rows


class Server:
    """A table in PostgreSQL, which nobody writes to."""

    def __init__(self, connection: Connection, table: TablePlan, schema: str) -> None:
        self.connection, self.table, self.schema = connection, table, schema
        self.name = f"{quoted(schema)}.{quoted(table.name)}"
        self._number = row_number_sql(compared(table))
        self._place = next((quoted(column.target) for column in table.loaded if column.source == table.source.row_number), "")

    def weigh(self) -> Weights:
        """Of all rows."""
        counts, sums = array("q", bytes(8 * _BUCKETS)), [0] * _BUCKETS
        each = statement("(SELECT", self._number, "AS number FROM", self.name, ") AS each")
        for bits, count, total in self._stream(statement(f"SELECT number & {_MASK}, count(*), sum(number) FROM", each, "GROUP BY 1")):
            counts[bits], sums[bits] = count, int(total)
        return Weights(counts, sums)

    def weigh_parts(self, starts: Sequence[int]) -> Weights:
        """By parts, which begin with these numbers, but for the first."""
        counts, sums = [0] * (len(starts) + 1), [0] * (len(starts) + 1)
        part = f"width_bucket({self._place}::bigint, '{{{','.join(map(str, starts))}}}'::bigint[])" if starts else "0"
        each = statement("(SELECT", part, "AS part,", self._number, "AS number FROM", self.name, ") AS each")
        for place, count, total in self._stream(statement("SELECT part, count(*), sum(number) FROM", each, "GROUP BY 1")):
            counts[place], sums[place] = count, int(total)
        return Weights(counts, sums)

    def weigh_between(self, ranges: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """Rows of ranges, and the sum of their numbers."""
        (found,) = self._stream(statement("SELECT count(*), coalesce(sum(", self._number, "), 0)", self._between(ranges)))
        return int(found[0]), int(found[1])

    def numbers_between(self, ranges: Sequence[tuple[int, int]]) -> Iterator[Row]:
        """Number and place of the rows of ranges."""
        yield from self._stream(statement("SELECT", self._number, ', "its rows".ctid::text', self._between(ranges)))

    def _between(self, ranges: Sequence[tuple[int, int]]) -> str:
        firsts, lasts = ("{" + ",".join(str(one[end]) for one in ranges) + "}" for end in (0, 1))
        return statement(
            "FROM", self.name, f"AS \"its rows\" JOIN unnest('{firsts}'::bigint[], '{lasts}'::bigint[]) AS \"ranges of rows\" (\"first of\", \"last of\")",
            f"ON \"its rows\".{self._place} BETWEEN \"first of\" AND \"last of\"",
        )  # fmt: skip

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
