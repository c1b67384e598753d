# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a table as lines of CSV, exact to the type: what is read from SQLite and written to it again is the same value of the same type.

The last cell of a line has one letter for each cell before it: n NULL, i integer, r real as Python's repr, t text, b blob in hexadecimal,
x text that is no UTF-8 or has a NUL byte, in hexadecimal. A row has one line, and a line one row: equal lines are equal rows.
"""

from __future__ import annotations

import re
import sqlite3
from binascii import hexlify, unhexlify
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO, Any, Callable, Union

from ..errors import DamageError
from ..rows import RowError, is_utf8, read_row

DELIMITER = b","
_TYPES = "_types"
_PLAIN = re.compile(rb"[ !#-+\--~]*").fullmatch
"""Text that is its own cell: no control character, quote or comma, and ASCII."""
_FIRST, _MOST, _BYTES = 20, 200, 1 << 18
"""How many rows are read at once: so many first, so many at most, and fewer where they are long, so that they take about so many bytes."""
_ODD = re.compile(rb'[",\r\n]').search


class Text(bytes):
    """Text as SQLite holds it, whatever its bytes; a blob is plain bytes. It is the ``text_factory`` of the connections that read rows."""

    __slots__ = ()


Value = Union[None, int, float, Text, bytes]


def header(columns: Sequence[str]) -> tuple[str, ...]:
    """The header of a table's lines: its columns, and one for their types that has a name of its own."""
    types = _TYPES
    while types in columns:
        types = f"_{types}"
    return (*columns, types)


def header_line(columns: Sequence[str]) -> bytes:
    """The first line of a table's file."""
    return DELIMITER.join(_quoted(name.encode()) for name in header(columns)) + b"\n"


def line(row: Iterable[Value]) -> bytes:
    """A row as its line, the newline included."""
    cells: list[bytes] = []
    types = b""
    for value in row:
        if isinstance(value, Text):
            cell, kind = (value, b"t") if _PLAIN(value) else _text(value)
        elif isinstance(value, int):
            cell, kind = b"%d" % value, b"i"
        elif value is None:
            cell, kind = b"", b"n"
        elif isinstance(value, float):
            cell, kind = repr(value).encode(), b"r"
        else:
            cell, kind = hexlify(value), b"b"
        cells.append(cell)
        types += kind
    cells.append(types)
    return DELIMITER.join(cells) + b"\n"


def blocks(database: sqlite3.Connection, select: str, bound: Sequence[Any] = ()) -> Generator[tuple[bytes, int], None, None]:
    """Rows of a query as lines, a few hundred at once, and how many they are. Until it ends, or is closed, the database is for nothing else."""
    factory = database.text_factory
    database.text_factory = bytearray  # made faster than Text is, and no blob either
    try:
        found, many = database.execute(select, bound), _FIRST
        while some := found.fetchmany(many):
            text = block(some)
            yield text, len(some)
            many = max(1, min(_MOST, 2 * many, _BYTES * len(some) // len(text)))
    finally:
        database.text_factory = factory


def block(some: Sequence[tuple[Any, ...]]) -> bytes:
    """Rows as their lines, one after the other: what ``line`` makes of each, in a third of the time where all are plain. Texts may be bytearrays."""
    try:
        text = b"".join([_form(tuple(map(type, row)))(row) for row in some])
    except KeyError:  # a blob
        return _lines(some)
    return text if is_plain(text, rows=len(some), cells=sum(map(len, some))) else _lines(some)


def is_plain(text: bytes, *, rows: int, cells: int) -> bool:
    """Whether in lines, put together from values as they are, each cell is its value. cells: of all rows, without those that say their types."""
    # With no delimiter or newline but those between cells and rows, and nothing that is written another way, it is.
    counts = text.count(DELIMITER) == cells and text.count(b"\n") == rows
    return counts and not any(odd in text for odd in (b'"', b"\r", b"\0")) and is_utf8(text)


def _lines(some: Sequence[tuple[Any, ...]]) -> bytes:
    return b"".join(line(Text(value) if isinstance(value, bytearray) else value for value in row) for row in some)


@lru_cache(maxsize=1024)
def _form(kinds: tuple[type, ...]) -> Callable[[tuple[Any, ...]], bytes]:
    """What makes a row's line, by the types of its values. Raises KeyError where there is a blob."""
    cells, types = zip(*(_CELL[kind] for kind in kinds))
    return (DELIMITER.join((*cells, b"".join(types))) + b"\n").__mod__


_CELL: dict[type, tuple[bytes, bytes]] = {Text: (b"%b", b"t"), bytearray: (b"%b", b"t"), int: (b"%d", b"i"), float: (b"%a", b"r"), type(None): (b"%.0a", b"n")}
"""How a value becomes its cell, and its letter."""


def values(text: bytes) -> tuple[Value, ...]:
    """The row of a line. Raises DamageError when it is not one that ``line`` writes."""
    try:
        cells, end = read_row(text, 0, delimiter=DELIMITER)
        kinds = cells.pop()
        row = tuple(_value(kind, cell) for kind, cell in zip(kinds, cells))
    except (RowError, ValueError) as error:
        raise DamageError(f"{text[:60]!r} is not a row: {error}.") from None
    if not cells or len(kinds) != len(cells) or end != len(text) or line(row) != text:
        raise DamageError(f"{text[:60]!r} is not a row as they are written here.")
    return row


def parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of text from blocks of it."""
    begun: list[bytes] = []
    for block in blocks:
        *whole, rest = block.split(b"\n")
        for part in whole:
            yield b"".join([*begun, part, b"\n"])
            begun = []
        begun.append(rest)
    if any(begun):
        yield b"".join(begun)


def lines(text: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of rows from lines of text: a newline inside quotes ends no row."""
    whole = b""
    for part in text:
        if not whole and b'"' not in part:
            yield part
            continue
        whole += part
        if whole.count(b'"') % 2 == 0:
            yield whole
            whole = b""
    if whole:
        raise DamageError(f"{whole[:60]!r} is a row without its end.")


def some_lines(file: IO[bytes], size: int) -> list[bytes]:
    """The next lines of rows in a file, of so many bytes or a little more; none at its end. Raises DamageError."""
    some = file.readlines(size)
    if (quotes := b"".join(some).count(b'"')) == 0:
        return some
    while quotes % 2 and (more := file.readline()):
        some.append(more)
        quotes += more.count(b'"')
    return list(lines(some))


def bound(value: Value) -> tuple[str, int | float | str | bytes | None]:
    """An SQL expression without affinity, and what is bound to it, that make the very value."""
    if isinstance(value, Text):
        try:
            return "?", value.decode()
        except UnicodeDecodeError:
            return "+CAST(? AS TEXT)", bytes(value)
    return "?", value


def _text(value: bytes) -> tuple[bytes, bytes]:
    if b"\0" not in value:
        try:
            value.decode()
        except UnicodeDecodeError:
            pass
        else:
            return _quoted(value), b"t"
    return hexlify(value), b"x"


def _quoted(cell: bytes) -> bytes:
    return b'"%s"' % cell.replace(b'"', b'""') if _ODD(cell) else bytes(cell)


def _value(kind: int, cell: bytes) -> Value:
    if kind == ord("t"):
        return Text(cell)
    if kind == ord("i"):
        return int(cell)
    if kind == ord("r"):
        return float(cell)
    if kind == ord("n"):
        return None
    if kind == ord("b"):
        return unhexlify(cell)
    if kind == ord("x"):
        return Text(unhexlify(cell))
    raise ValueError(f"{chr(kind)!r} is no type")
