# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table's rows on either side, looked at closely: where digests differ, which rows and which of their cells do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..sql import quoted, statement
from .canonical import RowDigest, compared, form_of
from .digest_sql import row_number_sql
from .encode import Encoder
from .misfit import HIDDEN, shown
from .planned import ColumnPlan, TablePlan
from .reading import Reader, row_name
from .statements import qualified
from .unproved import unproved

if TYPE_CHECKING:
    import psycopg

Sum = tuple[int, int]
"""How many rows, and the sum of their numbers."""
_SHOWN = 60
_MOST_CANDIDATES = 200_000


@dataclass(frozen=True)
class Seen:
    """A row as one side has it. number: of all its cells, None where it does not fit; key: of those by which it is found on the other side.

    cells: the number of each. said: what each is, shortened, hidden for a secret. name: of the row.
    """

    number: int | None
    key: int | None
    cells: tuple[int | None, ...]
    said: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Buckets:
    """Rows by the first bits of their numbers. columns: the sum of each column alone."""

    sums: dict[int | None, Sum]
    columns: tuple[Sum, ...]


class InSource:
    """The rows of SQLite. left_out: numbers of rows that were put aside. fitting: without those that do not fit, either: put aside without a number.

    refused: how many of those there were so far.
    """

    def __init__(self, *, reader: Reader, table: TablePlan, left_out: Collection[int] = (), fitting: bool = False) -> None:
        self.table, self.columns = table, compared(table)
        self._reader, self._left_out = reader, left_out
        self._encoder = Encoder(unproved(table)) if fitting else None
        self._whole, self.refused = RowDigest(table), 0
        self._each = [RowDigest(table, (column,)) for column in self.columns]

    def rows(self) -> Iterator[tuple[list[Any], list[int | None]]]:
        """Blocks of rows, and the number of each row, None where rows have none."""
        source = self.table.source
        names = [column.source for column in self.columns]
        if not source.row_number and row_name(source):
            names.append(row_name(source))
        place = names.index(source.row_number) if source.row_number in names else len(self.columns) if len(names) > len(self.columns) else None
        for block in self._reader.rows(source, names):
            kept = block if place is None or not self._left_out else [row for row in block if row[place] not in self._left_out]
            if self._encoder:
                encoded = self._encoder.encode(kept)
                kept, self.refused = list(encoded.rows), self.refused + len(encoded.refused)
            yield kept, [None if place is None else row[place] for row in kept]

    def buckets(self, shift: int) -> Buckets:
        """In one pass."""
        sums: dict[int | None, list[int]] = {}
        for rows, _ in self.rows():
            for number in self._whole.numbers(rows):
                one = sums.setdefault(None if number is None else number >> shift, [0, 0])
                one[0] += 1
                one[1] += number or 0
            for place, digest in enumerate(self._each):
                digest.add([(row[place],) for row in rows])
        return Buckets({bucket: (one[0], one[1]) for bucket, one in sums.items()}, tuple((digest.count, digest.sum) for digest in self._each))

    def unmatched(self, chosen: Collection[int | None], shift: int, there: Counter[int], key: Sequence[int], most: int) -> tuple[list[Seen], bool]:
        """The first rows of some buckets that are not ``there``, and whether there are more. What is found is taken from ``there``."""
        found: list[Seen] = []
        more = False
        for rows, names in self.rows():
            for row, name, number in zip(rows, names, self._whole.numbers(rows)):
                if (None if number is None else number >> shift) not in chosen:
                    continue
                if number is not None and there[number] > 0:
                    there[number] -= 1
                elif len(found) < most:
                    found.append(self._seen(row, name, key))
                else:
                    more = True
        return found, more

    def by_key(self, keys: Collection[int], key: Sequence[int]) -> dict[int, Seen]:
        """Rows by their keys' numbers, as far as they are there."""
        digest = RowDigest(self.table, [self.columns[place] for place in key])
        found = {}
        for rows, names in self.rows():
            for row, name, number in zip(rows, names, digest.numbers([tuple(row[place] for place in key) for row in rows])):
                if number in keys and number is not None:
                    found[number] = self._seen(row, name, key)
        return found

    def _seen(self, row: Sequence[Any], name: int | None, key: Sequence[int]) -> Seen:
        keys = RowDigest(self.table, [self.columns[place] for place in key]).numbers([tuple(row[place] for place in key)])[0] if key else None
        said = tuple(shown(value, column) for column, value in zip(self.columns, row))
        cells = tuple(digest.numbers([(value,)])[0] for digest, value in zip(self._each, row))
        return Seen(self._whole.numbers([row])[0], keys, cells, said, named(self.table, said, name))


class InTarget:
    """The rows of PostgreSQL."""

    def __init__(self, *, connection: psycopg.Connection[Any], table: TablePlan, schema: str) -> None:
        self._connection, self._table, self._name = connection, table, qualified(table.name, schema)
        self._columns = compared(table)
        self._number = row_number_sql(self._columns)

    def buckets(self, shift: int) -> Buckets:
        """In two passes."""
        each = ", ".join(f"coalesce(sum({row_number_sql((column,))}), 0)" for column in self._columns)
        total = self._rows(statement("SELECT count(*),", each, "FROM", self._name))[0]
        rows = self._rows(statement(f"SELECT number >> {shift}, count(*), sum(number) FROM", self._numbered(), "GROUP BY 1"))
        return Buckets({row[0]: (int(row[1]), int(row[2])) for row in rows}, tuple((int(total[0]), int(one)) for one in total[1:]))

    def candidates(self, chosen: Collection[int | None], shift: int) -> list[tuple[int, str]]:
        """The numbers of the rows of some buckets, and where each lies."""
        wanted = ", ".join(str(bucket) for bucket in chosen if bucket is not None)
        if not wanted:
            return []
        query = statement("SELECT number, place FROM", self._numbered(), f"WHERE number >> {shift} IN ({wanted}) LIMIT {_MOST_CANDIDATES}")
        return [(int(number), str(place)) for number, place in self._rows(query)]

    def at(self, places: Sequence[str], key: Sequence[int]) -> list[Seen]:
        """Rows by where they lie."""
        said = ", ".join(f"'{place}'" for place in places)
        return self._seen(f"ctid = ANY (ARRAY[{said}]::tid[])", key) if places else []

    def by_key(self, keys: Collection[int], key: Sequence[int]) -> dict[int, Seen]:
        """Rows by their keys' numbers, as far as they are there."""
        if not keys:
            return {}
        number = row_number_sql([self._columns[place] for place in key])
        return {seen.key: seen for seen in self._seen(f"{number} IN ({', '.join(map(str, keys))})", key) if seen.key is not None}

    def _seen(self, where: str, key: Sequence[int]) -> list[Seen]:
        keys = row_number_sql([self._columns[place] for place in key]) if key else "NULL::bigint"
        cells = ", ".join(row_number_sql((column,)) for column in self._columns)
        said = ", ".join(_said_sql(column) for column in self._columns)
        count, found = len(self._columns), []
        for number, keyed, *rest in self._rows(statement(f"SELECT {self._number}, {keys}, {cells}, {said} FROM", self._name, "WHERE", where)):
            texts = tuple(_target_said(text, column) for text, column in zip(rest[count:], self._columns))
            found.append(Seen(number, keyed, tuple(rest[:count]), texts, named(self._table, texts)))
        return found

    def _numbered(self) -> str:
        return statement(f"(SELECT {self._number} AS number, ctid::text AS place FROM", self._name, ") AS numbered")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()


def _said_sql(column: ColumnPlan) -> str:
    name = quoted(column.target)
    return f"encode(substr({name}, 1, {_SHOWN}), 'hex')" if column.type == "bytea" else f"left({name}::text, {_SHOWN + 1})"


def _target_said(text: str | None, column: ColumnPlan) -> str:
    if column.secret:
        return HIDDEN
    if text is None:
        return "NULL"
    said = repr(bytes.fromhex(text)) if column.type == "bytea" else repr(text) if form_of(column.type).sql == "{}::text" else text
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


def named(table: TablePlan, said: Sequence[str], number: int | None = None) -> str:
    """A row for a message, by its key, or else by its number in SQLite."""
    by_name = dict(zip((column.source for column in compared(table)), said))
    keys = [f"{key} = {by_name[key]}" for key in table.key if by_name.get(key, HIDDEN) != HIDDEN]
    if keys and len(keys) == len(table.key):
        return f"the row with {', '.join(keys)}"
    return "a row" if number is None else f"row {number}"
