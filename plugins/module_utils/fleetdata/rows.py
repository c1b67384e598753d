# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of strict CSV (RFC 4180 with LF or CRLF): one exact reader, and proofs that whole texts are well-formed at a hundred times its speed.

``read_row`` is what is right. ``RowCounter`` proves the same of many rows at once, or says that it cannot. No text here starts inside a row.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Mapping

from .days import brief

QUOTE, NEWLINE = b'"', b"\n"
_MARK = b"\xff"
"""Stands for a cell of the day column; it cannot be in UTF-8."""
_SLICE = 1 << 16
_USUAL = 4
"""How many days are looked for at once before each row is looked at."""


class RowError(Exception):
    """A row is not CSV. cell: its index. at: where in the text. The message is a sentence without its end."""

    def __init__(self, message: str, *, cell: int, at: int) -> None:
        super().__init__(message)
        self.cell = cell
        self.at = at


def read_row(text: bytes, start: int, *, delimiter: bytes) -> tuple[list[bytes], int]:
    """The cells of the row at ``start``, without their quotes, and where the next row starts. A row may end with the text. Raises RowError."""
    cells: list[bytes] = []
    at = start
    stop = text.find(NEWLINE, start)
    stop = len(text) if stop < 0 else stop
    while True:
        if text.startswith(QUOTE, at):
            cell, at = _quoted(text, at, len(cells))
            if at > stop:
                stop = text.find(NEWLINE, at)
                stop = len(text) if stop < 0 else stop
        else:
            cell, at = _plain(text, at, stop, delimiter, len(cells))
        cells.append(cell)
        if text.startswith(delimiter, at):
            at += 1
        elif at == len(text):
            return cells, at
        elif text.startswith((b"\n", b"\r\n"), at):
            return cells, text.index(NEWLINE, at) + 1
        else:
            what = "has a carriage return without a newline" if text.startswith(b"\r", at) else f"has {_shown(text[at : at + 60])} behind its closing quote"
            raise RowError(what, cell=len(cells) - 1, at=at)


def _quoted(text: bytes, start: int, cell: int) -> tuple[bytes, int]:
    at = start + 1
    while True:
        at = text.find(QUOTE, at)
        if at < 0:
            raise RowError(f"has a quote that is never closed: {_shown(text[start : start + 60])}", cell=cell, at=start)
        if not text.startswith(QUOTE, at + 1):
            return text[start + 1 : at].replace(b'""', b'"'), at + 1
        at += 2


def _plain(text: bytes, start: int, stop: int, delimiter: bytes, cell: int) -> tuple[bytes, int]:
    end = text.find(delimiter, start, stop)
    end = stop if end < 0 else end
    value = text[start:end]
    if QUOTE in value:
        raise RowError(f"has a quote inside a cell that does not begin with one: {_shown(value[:60])}", cell=cell, at=start + value.index(QUOTE))
    bare, _, behind = value.partition(b"\r")
    if len(bare) < len(value) and (behind or end != stop):
        raise RowError("has a carriage return without a newline", cell=cell, at=start + len(bare))
    return bare, start + len(bare)


def _shown(data: bytes) -> str:
    return brief(data.decode("utf-8", "replace"))


def is_utf8(data: bytes) -> bool:
    """Whether ``data`` is UTF-8, found out without a copy of all of it."""
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _SLICE):
            decoder.decode(data[start : start + _SLICE])
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def last_end(text: bytes, *, inside: bool) -> tuple[int, bool]:
    """Where the last row that ends in ``text`` ends, 0 for none; and whether the text's end is inside quotes. inside: whether its start is.

    True of well-formed text; in other text whatever is before the first fault is still cut between two rows.
    """
    at_end = inside ^ (text.count(QUOTE) % 2 == 1)
    state, stop = at_end, len(text)
    while stop >= 0:
        newline = text.rfind(NEWLINE, 0, stop)
        if newline < 0:
            break
        state ^= text.count(QUOTE, newline, stop) % 2 == 1
        if not state:
            return newline + 1, at_end
        stop = text.rfind(QUOTE, 0, newline)
        state = False
    return 0, at_end


class RowCounter:
    """Counts whole rows by the content of their day column, when it can prove that all of them are well-formed and of the same width."""

    def __init__(self, *, delimiter: bytes, width: int, day: int | None) -> None:
        """day: the index of the day column, None for none."""
        self._dull = bytes(set(range(256)) - set(delimiter + b'"\r\n' + _MARK))
        self._day = day
        self._before = NEWLINE if day == 0 else delimiter
        self._after = NEWLINE if day == width - 1 else delimiter
        self._unit = delimiter * (width - 1) + NEWLINE
        if day is not None and width > 1:
            left, right = delimiter * max(day - 1, 0), delimiter * max(width - 2 - day, 0)
            self._unit = left + _MARK + right + (NEWLINE if 0 < day < width - 1 else b"")
        self._simple = width > 1
        self._usual: tuple[bytes, ...] = ()
        comma = re.escape(delimiter)
        cell = rb'(?:"[^"]*(?:""[^"]*)*"|[^' + comma + rb'"\r\n]*)'
        before = rb"(?:%b%b){%d}" % (cell, comma, day or 0)
        after = rb"(?:%b%b){%d}" % (comma, cell, width - 1 - (day or 0))
        row = rb"%b(%b)%b\r?\n" % (before, cell, after) if day is not None else rb"%b%b(\r?\n)" % (cell, after)
        self._row = re.compile(rb"(?![\r\n])" + row + rb"|[\s\S]+")
        self._quoted = re.compile(rb'"(?<![^%b\n]")(?:([^%b"\r\n]*)|[^"]*(?:""[^"]*)*)"(?![^%b\r\n])' % (comma, comma, comma))

    def count(self, text: bytes) -> Mapping[bytes, int] | None:
        """How many rows of ``text`` (whole rows, UTF-8, no NUL) have which day cell; one empty cell without a day column. None when nothing is proved."""
        plain = text
        quotes = text.count(QUOTE) if QUOTE in text else 0
        if 0 < quotes < len(text) // 24:
            plain = self._quoted.sub(rb"\1", text)
            quotes = plain.count(QUOTE)
        found = None if quotes else self._count_usual(plain.replace(b"\r\n", NEWLINE))
        return self._count_each(text) if found is None else found

    def _count_usual(self, text: bytes) -> Mapping[bytes, int] | None:
        """Delete all but what makes the structure; what is left must be the same for each row, with a mark where its day was."""
        if not self._simple or (self._day is not None and not self._usual):
            return None
        if self._day is None:
            skeleton = text.translate(None, self._dull)
            rows = len(skeleton) // len(self._unit)
            return {b"": rows} if skeleton == self._unit * rows else None
        if self._day == 0:
            text = NEWLINE + text[:-1]
        found: dict[bytes, int] = {}
        for cell in self._usual:
            wanted = self._before + cell + self._after
            shorter = text.replace(wanted, _MARK)
            rows = (len(text) - len(shorter)) // (len(wanted) - 1)
            text = shorter
            if rows:
                found[cell] = rows
        if text.translate(None, self._dull) != self._unit * sum(found.values()):
            return None
        self._usual = tuple(found)
        return found

    def _count_each(self, text: bytes) -> Mapping[bytes, int] | None:
        """Match row by row. What is no row is matched as one piece without a cell."""
        found = Counter(self._row.findall(text))
        if b"" in found:
            return None
        if self._day is None:
            return {b"": sum(found.values())}
        cells: Counter[bytes] = Counter()
        for cell, rows in found.items():
            cells[cell[1:-1].replace(b'""', b'"') if cell.startswith(QUOTE) else cell] += rows
        self._usual = tuple(cells) if len(cells) <= _USUAL and not any(cell.translate(None, self._dull) for cell in cells) else ()
        return cells
