# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the two sides of a table differ: down to row and column.

The sums of single columns say in which of them values differ. Rows are parted by the first bits of their digests; in the parts whose sums differ,
the rows of one side that the other does not have are sought, and those of both sides are put together by their key, or what else did not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .canonical import compared
from .planned import TablePlan
from .sides import Buckets, InSource, InTarget, Seen

if TYPE_CHECKING:
    import psycopg

CHANGED, LOST, EXTRA, DOUBLED = "changed", "lost", "extra", "doubled"
"""A cell is another; a row is not in PostgreSQL; is only there; is there more often than in SQLite."""
MOST = 20
_BUCKETS, _BITS, _ROWS = 64, 16, 256
"""So many parts are looked into; the most bits that part rows; about so many rows are in one."""
_SAID = {LOST: "is not in PostgreSQL", EXTRA: "is only in PostgreSQL", DOUBLED: "is in PostgreSQL more often than in SQLite"}


@dataclass(frozen=True)
class Fault:
    """table, column: of the source; no column for a whole row. row: its name. source, target: what the cell is on each side."""

    kind: str
    table: str
    row: str
    column: str = ""
    source: str = ""
    target: str = ""

    @property
    def said(self) -> str:
        """As a sentence."""
        if self.kind != CHANGED:
            return f"{self.table}: {self.row} {_SAID[self.kind]}"
        beyond = " (they differ in what is not shown)" if self.source == self.target else ""
        return f"{self.table}, {self.row}, column {self.column}: {self.source} in SQLite, {self.target} in PostgreSQL{beyond}"


@dataclass(frozen=True)
class Located:
    """faults: the first of them; more: whether there are others. columns: of the source, whose values differ taken together."""

    faults: tuple[Fault, ...] = ()
    columns: tuple[str, ...] = ()
    more: bool = False


def locate(*, here: InSource, schema: str, connection: psycopg.Connection[Any], rows: int, most: int = MOST) -> Located:
    """Look for what differs. here: the table in SQLite. rows: how many it has, about. connection: in a transaction in which rows stay where they are."""
    table = here.table
    there = InTarget(connection=connection, table=table, schema=schema)
    shift = 64 - max(1, min(_BITS, (rows // _ROWS).bit_length()))
    ours, theirs = here.buckets(shift), there.buckets(shift)
    differing = [bucket for bucket in ours.sums.keys() | theirs.sums.keys() if ours.sums.get(bucket) != theirs.sums.get(bucket)]
    chosen = set(differing[:_BUCKETS])
    places: dict[int, list[str]] = {}
    for number, place in there.candidates(chosen, shift):
        places.setdefault(number, []).append(place)
    left = Counter({number: len(found) for number, found in places.items()})
    key = _key(table, ours, theirs)
    missing, more = here.unmatched(chosen, shift, left, key, most)
    beyond = [(number, place) for number, count in left.items() if count > 0 for place in places[number][-count:]]
    extra = there.at([place for _, place in beyond[:most]], key)
    known = {number for number, count in left.items() if 0 < count < len(places[number])}
    more = more or len(beyond) > most or len(differing) > _BUCKETS
    faults = list(_Pairs(here, there, key, missing, extra, known).faults(complete=not more))
    columns = tuple(column.source for column, one, other in zip(compared(table), ours.columns, theirs.columns) if one != other)
    return Located(tuple(faults[:most]), columns, more or len(faults) > most)


def _key(table: TablePlan, ours: Buckets, theirs: Buckets) -> list[int]:
    """The places of the columns by which a row is known on both sides: its key, or those that are the same taken together."""
    columns = compared(table)
    key = [place for place, column in enumerate(columns) if column.source in table.key]
    if key and len(key) == len(table.key):
        return key
    return [place for place in range(len(columns)) if ours.columns[place] == theirs.columns[place]]


class _Pairs:
    """Rows of one side and of the other. known: the numbers of those that both have, but PostgreSQL more often."""

    def __init__(self, here: InSource, there: InTarget, key: Sequence[int], missing: list[Seen], extra: list[Seen], known: Collection[int]) -> None:
        self._here, self._there, self._key = here, there, key
        self._missing, self._extra, self._known = missing, extra, known
        self._columns, self._table = here.columns, here.table.source.name

    def faults(self, *, complete: bool) -> Iterator[Fault]:
        """complete: whether these are all rows that differ; then alike ones are taken for the same, else they are looked up by their keys."""
        doubled = [seen for seen in self._extra if seen.number in self._known]
        self._extra = [seen for seen in self._extra if seen.number not in self._known]
        for ours, theirs in self._taken(lambda one, other: one.key is not None and one.key == other.key):
            yield from self._changed(ours, theirs)
        if complete:
            for ours, theirs in self._taken(self._alike):
                yield from self._changed(ours, theirs)
        found = {} if complete else self._there.by_key({seen.key for seen in self._missing if seen.key is not None}, self._key)
        for seen in self._missing:
            theirs_there = found.get(seen.key) if seen.key is not None else None
            yield from self._one(LOST, seen, seen, theirs_there)
        wanted = set() if complete else {seen.key for seen in self._extra if seen.key is not None}
        sources = self._here.by_key(wanted, self._key) if wanted else {}
        for seen in self._extra:
            yield from self._one(EXTRA, seen, sources.get(seen.key) if seen.key is not None else None, seen)
        for seen in doubled:
            yield Fault(DOUBLED, self._table, seen.name)

    def _one(self, kind: str, seen: Seen, ours: Seen | None, theirs: Seen | None) -> Iterator[Fault]:
        """A row without a counterpart among those that differ, but perhaps with one elsewhere."""
        changed = list(self._changed(ours, theirs)) if ours and theirs else []
        yield from changed or [Fault(kind, self._table, seen.name)]

    def _taken(self, same: Any) -> Iterator[tuple[Seen, Seen]]:
        """Pairs of the same row; they are among neither side's rows from then on."""
        for ours in list(self._missing):
            theirs = next((one for one in self._extra if same(ours, one)), None)
            if theirs:
                self._missing.remove(ours)
                self._extra.remove(theirs)
                yield ours, theirs

    def _alike(self, ours: Seen, theirs: Seen) -> bool:
        differing = sum(one != other for one, other in zip(ours.cells, theirs.cells))
        return differing <= max(1, len(ours.cells) // 4)

    def _changed(self, ours: Seen, theirs: Seen) -> Iterator[Fault]:
        for place, column in enumerate(self._columns):
            if ours.cells[place] != theirs.cells[place]:
                yield Fault(CHANGED, self._table, ours.name, column.source, ours.said[place], theirs.said[place])
