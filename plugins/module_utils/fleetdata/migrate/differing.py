# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that one side has and the other has not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from ..retention.rows import bound
from ..sql import statement
from .ahead import Ahead
from .changes import Lite, Row, Server, text


class Differing:
    """The rows that one side has and the other has not, in a file of its own that goes with it.

    weights: of all rows, in SQLite and in PostgreSQL. lite, server: how many rows that side alone has; a row that PostgreSQL cannot hold is one of them.
    """

    def __init__(self, lite: Lite, server: Server, seen: Ahead | None = None) -> None:
        """seen: what is known of the target, and perhaps of SQLite, already."""
        self._server, self._seen, self._open = server, seen if seen and seen.parts else None, list[int]()
        self._width = len(lite.places)
        self.file = sqlite3.connect("", isolation_level=None)
        self.file.text_factory = text
        for sql in ("PRAGMA synchronous = OFF", f"CREATE TABLE lite (number, {self._places})", "CREATE TABLE server (number, p0)", "BEGIN"):
            self.file.execute(sql)
        self.weights = seen.now(lite) if seen and seen.parts else lite.weigh(), seen.server if seen else server.weigh()
        for name, rows in zip(("lite", "server"), self._found(lite, server)):
            for row in rows:
                self.insert(name, row)
            self.file.execute(f"CREATE INDEX {name}_number ON {name} (number)")
        self.lite, self.server = self._alone("lite", "server"), self._alone("server", "lite")

    def _found(self, lite: Lite, server: Server) -> tuple[Iterable[Row], Iterable[Row]]:
        """Rows that may be on one side alone."""
        if self._seen:
            self._open = self._seen.open(self.weights[0])
            ranges = self._seen.ranges(self._open)
            return (lite.numbers_between(ranges), server.numbers_between(ranges)) if ranges else ((), ())
        bits = self.weights[0].differing(self.weights[1])
        return (lite.numbers(bits), server.numbers(bits)) if bits or self.weights[0].unfit else ((), ())

    def after(self) -> tuple[int, int]:
        """Rows of the target, and the sum of their numbers, now. Parts that did not differ are as they were: nobody else may write."""
        if not self._seen:
            return self._server.weigh().total
        was = self.weights[1]
        count, total = self._server.weigh_between(self._seen.ranges(self._open)) if self._open else (0, 0)
        return was.total[0] - sum(was.counts[place] for place in self._open) + count, was.total[1] - sum(was.sums[place] for place in self._open) + total

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
