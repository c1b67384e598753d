# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be compared while the application still writes, so that it is stopped for less: the rows of SQLite by parts, and what tells whether a part
is the same still; PostgreSQL's rows, which nobody changes meanwhile."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from . import conversions
from .canonical import RowDigest, compared
from .changes import Lite, Row, Server, Weights, text
from .reading import LEAST, MOST

_PLAIN = 2
"""The last version of marshal's form in which equal rows are equal bytes."""
_ROWS, _PARTS = 100, 50_000
"""The rows of a part, unless there would be more parts than so many."""
Range = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """Rows of a range of numbers. seen: tells one state of them from another. count, sum, unfit: of their digests."""

    range: Range
    seen: bytes = b""
    count: int = 0
    sum: int = 0
    unfit: int = 0


@dataclass(frozen=True)
class Ahead:
    """Of one table. parts: of SQLite, all numbers that there can be; none where its rows have no numbers on both sides. server: by part, or by last bits."""

    parts: Sequence[Part]
    server: Weights

    def now(self, lite: Lite) -> Weights:
        """By part, what SQLite holds now: of parts that are as they were, that is known already."""
        digest = RowDigest(lite.table)
        parts = [_seen(lite, part, digest) for part in self.parts]
        return Weights([part.count for part in parts], [part.sum for part in parts], sum(part.unfit for part in parts), [bool(part.unfit) for part in parts])

    def open(self, now: Weights) -> list[int]:
        """The places of parts in which both sides are not the same."""
        return [place for place in range(len(self.parts)) if _state(now, place) != _state(self.server, place) or now.open[place]]

    def ranges(self, places: Sequence[int]) -> list[Range]:
        """Of parts."""
        return [self.parts[place].range for place in places]


def ahead(lite: Lite, server: Server) -> Ahead:
    """Look at both sides. lite: of a snapshot."""
    parts = _parts(lite)
    if not parts:
        return Ahead((), server.weigh())
    return Ahead(parts, server.weigh_parts([part.range[0] for part in parts[1:]]))


def _parts(lite: Lite) -> list[Part]:
    number = lite.number
    if not number or number.conversion != conversions.INTEGER:
        return []
    at = [column.source for column in compared(lite.table)].index(number.source)
    found, first, digest = list[Part](), LEAST, RowDigest(lite.table)
    lite.database.text_factory = str
    try:
        for rows in lite.between(LEAST, MOST, max(_ROWS, lite.table.rows // _PARTS)):
            last = rows[-1][at]
            found.append(_weighed(digest, (first, last), [rows], _mark([rows])))
            if last == MOST:
                return found
            first = last + 1
    except sqlite3.OperationalError as error:  # a text that is not UTF-8
        if "decode" not in str(error):
            raise
        return []
    finally:
        lite.database.text_factory = text
    return [*found, Part((first, MOST), _mark([]))]


def _seen(lite: Lite, part: Part, digest: RowDigest) -> Part:
    lite.database.text_factory = str
    try:
        if _mark(lite.between(*part.range)) == part.seen:
            return part
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    finally:
        lite.database.text_factory = text
    return _weighed(digest, part.range, lite.between(*part.range))


def _weighed(digest: RowDigest, of: Range, blocks: Iterable[list[Row]], mark: bytes = b"") -> Part:
    count = total = unfit = 0
    for rows in blocks:
        numbers = digest.numbers(rows)
        fitting = [number for number in numbers if number is not None]
        count, total, unfit = count + len(fitting), total + sum(fitting), unfit + len(numbers) - len(fitting)
    return Part(of, mark, count, total, unfit)


def _mark(blocks: Iterable[list[Row]]) -> bytes:
    mark = sha256()
    for rows in blocks:
        mark.update(marshal.dumps(rows, _PLAIN))
    return mark.digest()


def _state(weights: Weights, place: int) -> tuple[int, int]:
    return weights.counts[place], weights.sums[place]
