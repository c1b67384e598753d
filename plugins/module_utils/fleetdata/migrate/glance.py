# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All columns of a table surveyed in one pass, which takes a third of the time of one for each; only where all texts are UTF-8."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..sql import quoted, statement
from . import kinds

_NAMES: dict[type, str] = {int: "integer", float: "real", str: "text", bytes: "blob"}
_FIRST, _MOST, _BYTES = 20, 1000, 1 << 20
"""How many rows are read at once: so many first, so many at most, and fewer where they are long."""
_KNOWN, _SHORT = 4096, 100
_INFINITY = float("inf")


def glance(*, database: sqlite3.Connection, table: str, columns: Sequence[str], number: str, rest: str = "") -> list[dict[str, Any]] | None:
    """What ``Values`` is made of, for each column; None where a text is not UTF-8. rest: of the query, for some of the rows."""
    seen = [_Seen(bool(number)) for _ in columns]
    order = rest or (f"ORDER BY {number}" if number else "")
    query = statement("SELECT", ", ".join([number or "0", *map(quoted, columns)]), "FROM", quoted(table), order)
    factory, database.text_factory = database.text_factory, str
    try:
        place = 0
        for numbers, *values in _blocks(database.execute(query), seen):
            for one, some in zip(seen, values):
                one.add(some, numbers, place)
            place += len(numbers)
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        return None
    finally:
        database.text_factory = factory
    return [one.told(place) for one in seen]


def _blocks(rows: sqlite3.Cursor, seen: Sequence[_Seen]) -> Iterator[list[tuple[Any, ...]]]:
    many = _FIRST
    while some := rows.fetchmany(many):
        yield list(zip(*some))
        many = max(1, min(_MOST, 2 * many, _BYTES // max(1, sum(one.widest for one in seen))))


class _Seen:
    """A column, as far as it was read. widest: bytes or characters of the longest value of the last block."""

    def __init__(self, numbered: bool) -> None:
        self._numbered = numbered
        self._types: Counter[type] = Counter()
        self._texts: Counter[str] = Counter()
        self._known = _Kinds()
        self._examples: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._ends: dict[type, tuple[Any, Any]] = {}
        self._infinite = self._longest = self.widest = 0

    def add(self, values: Sequence[Any], numbers: Sequence[int], place: int) -> None:
        """numbers: of the rows. place: of the first of them."""
        types = set(map(type, values))
        self._types.update(map(type, values) if len(types) > 1 else {next(iter(types)): len(values)})
        self.widest = 0
        for kind in types - {type(None)}:
            some: Sequence[Any] = values if len(types) == 1 else [value for value in values if type(value) is kind]
            if _NAMES[kind] not in self._first:
                self._first[_NAMES[kind]] = numbers[next(at for at, value in enumerate(values) if type(value) is kind)]
            if kind is int or kind is float:
                self._add_numbers(kind, some)
            else:
                self.widest = max(self.widest, *map(len, some))
                if kind is str:
                    self._add_texts(some, values, numbers, place)
        self._longest = max(self._longest, self.widest)

    def _add_numbers(self, kind: type, some: Sequence[Any]) -> None:
        least, most = self._ends.get(kind, (some[0], some[0]))
        self._ends[kind] = min(least, *some), max(most, *some)
        if kind is float and (max(some) == _INFINITY or min(some) == -_INFINITY):
            self._infinite += some.count(_INFINITY) + some.count(-_INFINITY)

    def _add_texts(self, some: Sequence[str], values: Sequence[Any], numbers: Sequence[int], place: int) -> None:
        found = list(map(self._known.__getitem__, some))
        for kind in set(found) - self._texts.keys():
            first = values.index(some[found.index(kind)])
            self._examples[kind] = numbers[first] or place + first + 1
        self._texts.update(found)

    def told(self, rows: int) -> dict[str, Any]:
        """As ``Values`` has it."""
        types = {_NAMES[kind]: count for kind, count in self._types.items() if kind in _NAMES}
        least, most = self._ends.get(int, (None, None))
        lowest, highest = self._ends.get(float, (None, None))
        first = self._first if self._numbered and len(types) > 1 else {}
        return {
            "rows": rows, "nulls": rows - sum(types.values()), "types": types, "least": least, "most": most, "lowest": lowest, "highest": highest,
            "infinite": self._infinite, "longest": self._longest, "texts": dict(self._texts), "examples": {**self._examples, **first},
        }  # fmt: skip


class _Kinds(dict[str, str]):
    """The kind of a text, by the text; the first short ones are remembered, as many columns say the same again and again."""

    def __missing__(self, text: str) -> str:
        kind = kinds.kind_of_words(text)
        if len(self) < _KNOWN and len(text) < _SHORT:
            self[text] = kind
        return kind
