# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of a table, from SQLite to PostgreSQL: by binary COPY, in one transaction, with the digest of the rows that went."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..sql import quoted, statement
from .canonical import RowDigest, compared
from .connection import library
from .encode import HEADER, TRAILER, Encoder, Refusal
from .journal import Journal, Part
from .misfit import Aside, Misfit, aside
from .planned import TablePlan
from .reading import Reader
from .statements import qualified

if TYPE_CHECKING:
    import psycopg

_BLOCK = 256 << 10
_AT_LINE = re.compile(r"COPY .*, line (\d+)(?:, column ([^:\n]+))?")
_FIXED = 32
"""Bytes that a number takes at most."""


@dataclass(frozen=True)
class Sent:
    """What went. sum: of the rows' digests, None where none were made. misfits: how many rows did not fit; named: the first of them."""

    rows: int
    sum: int | None
    bytes: int
    misfits: int = 0
    named: tuple[Misfit, ...] = ()

    def of(self, part: Part) -> Part:
        """The part, loaded."""
        return replace(part, loaded=True, rows=self.rows, sum=self.sum, bytes=self.bytes, misfits=self.misfits)


class StoppedError(Exception):
    """Somebody else of the run failed."""


class UnforeseenError(Exception):
    """A row does not fit, of which a sample told nothing."""


def load_part(
    *,
    connection: psycopg.Connection[Any],
    reader: Reader,
    table: TablePlan,
    schema: str,
    part: Part,
    moved: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    digests: bool = True,
) -> Sent:
    """Send a part, and note in the same transaction that it is there. Raises UnforeseenError."""
    with connection.transaction():
        sent = copy_part(connection=connection, reader=reader, table=table, schema=schema, part=part, moved=moved, stop=stop, digests=digests)
        if sent.misfits and any(column.values.sampled for column in table.columns):
            raise UnforeseenError
        Journal(connection, schema).loaded(connection, table, sent.of(part))
    return sent


def copy_part(
    *,
    connection: psycopg.Connection[Any],
    reader: Reader,
    table: TablePlan,
    schema: str,
    part: Part,
    moved: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    digests: bool = True,
) -> Sent:
    """Send the rows of a part. Those that do not fit go to the table's ``__misfit`` in the same schema.

    moved: told how many more rows were read. digests: whether those of the rows are made. In one transaction, or a savepoint of the one that there is.
    """
    refused: dict[int, Refusal] = {}
    while True:
        with aside(table) as put_aside:
            attempt = _Attempt(table, reader, part, refused, put_aside, RowDigest(table) if digests else None)
            try:
                with connection.transaction():
                    attempt.send(connection, schema, moved if not refused else None, stop)
                    numbers = reader.numbers_at(table.source, part.first, put_aside.places)
                    put_aside.store(connection, schema, numbers)
            except library().Error as error:
                place, refusal = attempt.blamed(error)
                refused[place] = refusal
                continue
            return Sent(
                attempt.rows, attempt.digest.sum if attempt.digest else None, attempt.bytes,
                misfits=len(put_aside.places), named=tuple(put_aside.named(numbers)),
            )  # fmt: skip


class _Attempt:
    """To send a part. refused: rows that the server did not take, by their places in the part."""

    def __init__(
        self, table: TablePlan, reader: Reader, part: Part, refused: dict[int, Refusal], put_aside: Aside, digest: RowDigest | None
    ) -> None:  # fmt: skip
        self._table, self._refused = table, refused
        columns = [column.source for column in compared(table)]
        self._read: Callable[[], Iterator[list[Any]]] = lambda: reader.rows(table.source, columns, part.first, part.last, widest=widest(table))
        self._aside, self.digest, self.rows, self.bytes = put_aside, digest, 0, 0

    def send(
        self, connection: psycopg.Connection[Any], schema: str, moved: Callable[[int], None] | None, stop: Callable[[], bool] | None
    ) -> None:  # fmt: skip
        encoder, place = Encoder(self._table), 0
        columns = ", ".join(quoted(column.target) for column in encoder.columns)
        with connection.cursor().copy(statement("COPY", qualified(self._table.name, schema), f"({columns}) FROM STDIN (FORMAT BINARY)")) as copy:
            copy.write(HEADER)
            for rows in self._read():
                if stop and stop():
                    raise StoppedError
                pieces, accepted = self._accepted(encoder, rows, place)
                for block in _joined(pieces):
                    copy.write(block)
                    self.bytes += len(block)
                self.rows += len(accepted)
                if self.digest:
                    self.digest.add(accepted)
                place += len(rows)
                if moved:
                    moved(len(rows))
            copy.write(TRAILER)

    def _accepted(self, encoder: Encoder, rows: list[Any], start: int) -> tuple[Iterable[bytes], Sequence[Any]]:
        here = {place - start: refusal for place, refusal in self._refused.items() if start <= place < start + len(rows)}
        kept = [place for place in range(len(rows)) if place not in here] if here else range(len(rows))
        encoded = encoder.encode([rows[place] for place in kept] if here else rows)
        here.update({kept[refusal.place]: refusal for refusal in encoded.refused})
        for place in sorted(here):
            self._aside.add(start + place, here[place], rows[place])
        return encoded.pieces, encoded.rows

    def blamed(self, error: Any) -> tuple[int, Refusal]:
        """The row that the server does not take, by its error; raises that where it names none."""
        found = _AT_LINE.search(error.diag.context or "") if error.sqlstate and error.sqlstate[:2] in ("22", "23") else None
        if not found:
            raise error
        wanted, there = int(found[1]), set(self._aside.places)
        place, row = next(each for each in _counted(self._read(), there, wanted))
        column = next((one for one in self._table.loaded if one.target == found[2]), self._table.loaded[0])
        hidden = any(one.secret for one in self._table.loaded)
        why = f"PostgreSQL's error {error.sqlstate}" if hidden else error.diag.message_primary
        return place, Refusal(place, column, row[self._table.loaded.index(column)], f"is refused by the server: {why}")


def _counted(blocks: Iterable[list[Any]], without: set[int], wanted: int) -> Iterator[tuple[int, Any]]:
    """The so many-th of the rows that were sent (from 1), with its place in the part."""
    sent = 0
    for place, row in enumerate(row for block in blocks for row in block):
        sent += place not in without
        if sent == wanted:
            yield place, row


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """In blocks worth a call; a long value is not copied once more."""
    some: list[bytes] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield from some if len(piece) >= _BLOCK else (b"".join(some),)
            some, size = [], 0
    if some:
        yield b"".join(some)


def widest(table: TablePlan) -> int:
    """Bytes of a row, at most."""
    return sum(_FIXED + 4 * column.values.longest for column in table.columns)


def read_digest(*, reader: Reader, table: TablePlan, first: int | None, last: int | None) -> tuple[int, int]:
    """Count and sum of what a range would send now."""
    digest = RowDigest(table)
    for rows in reader.rows(table.source, [column.source for column in compared(table)], first, last, widest=widest(table)):
        digest.add(rows)
    return digest.count, digest.sum
