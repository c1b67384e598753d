# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs that all rows of a text are well-formed CSV of one width, at up to a hundred times the speed of looking at each.

They hold for what ``rows.read_row`` takes, never for more; what is not proved here, it decides. All texts here are whole rows in UTF-8 without NUL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from .rows import CRLF, NEWLINE, QUOTE

_DELIMITER, _NEWLINE = b"\xfe", b"\xfd"
"""What separates quoted cells, and rows of them, once replaced by one byte. These bytes and the marks cannot be in UTF-8."""
_MARKS = bytes(range(0xF5, 0xFC))
"""They stand for cells of the day column: one for each day that is looked for at once, before each row is looked at."""
_ONE_MARK = bytes.maketrans(_MARKS, _MARKS[:1] * len(_MARKS))
_EVERY_BYTE = bytes(range(256))
_RARE = 12
"""Bytes for each quote from which on quoted cells are taken out one by one."""


class RowCounter:
    """Counts rows by the content of their day column. It learns which days are usual in the file."""

    def __init__(self, *, delimiter: bytes, width: int, day: int | None) -> None:
        """day: the index of the day column, None for none."""
        self._day, self._width = day, width
        self._lf = _Skeleton(delimiter=delimiter, newline=NEWLINE, width=width, day=day)
        self._crlf = _Skeleton(delimiter=delimiter, newline=CRLF, width=width, day=day)
        self._all_quoted = _Skeleton(delimiter=_DELIMITER, newline=_NEWLINE, width=width, day=day)
        self._between = QUOTE + delimiter + QUOTE
        self._special = re.compile(b'[%b"\r\n]' % re.escape(delimiter))
        self._usual: tuple[bytes, ...] | None = None
        plain = b'[^%b"\r\n]*' % re.escape(delimiter)
        cell = b'(?:"[^"]*(?:""[^"]*)*"|%b)' % plain
        before = b"(?:%b%b){%d}" % (cell, re.escape(delimiter), day or 0)
        after = b"(?:%b%b){%d}" % (re.escape(delimiter), cell, width - 1 - (day or 0))
        row = b"%b(%b)%b\r?\n" % (before, cell, after) if day is not None else b"%b%b(\r?\n)" % (cell, after)
        self._row = re.compile(b"(?![\r\n])" + row + rb"|[\s\S]+")
        before, behind = b"[^%b\n]" % re.escape(delimiter), b"[^%b\r\n]" % re.escape(delimiter)
        self._quoted = re.compile(b'"(?<!%b")(?:(%b)|[^"]*(?:""[^"]*)*)"(?!%b)' % (before, plain, behind))

    def count(self, text: bytes) -> Mapping[bytes, int] | None:
        """How many rows have which day cell (one empty cell without a day column), None when it is not proved."""
        if self._usual is None:
            first = self._row.match(text)
            self._usual = self._learn([_content(first[1])] if first and first[1] else [])
        found = self._count_usual(text, self._usual) if self._width > 1 and (self._usual or self._day is None) else None
        if found is None:
            return self._count_each(text)
        self._usual = tuple(found)
        return found

    def _learn(self, cells: Collection[bytes]) -> tuple[bytes, ...]:
        return tuple(cells) if len(cells) <= len(_MARKS) and not any(map(self._special.search, cells)) else ()

    def _count_usual(self, text: bytes, usual: Sequence[bytes]) -> Mapping[bytes, int] | None:
        quotes = text.count(QUOTE) if QUOTE in text else 0
        newline = CRLF if text.endswith(CRLF) else NEWLINE
        skeleton = self._crlf if newline == CRLF else self._lf
        if not quotes:
            return skeleton.count(text, usual)
        if text.startswith(QUOTE) and quotes == 2 * self._width * text.count(newline) and text.endswith(QUOTE + newline):
            inside = text[1 : -1 - len(newline)]
            return self._all_quoted.count(inside.replace(self._between, _DELIMITER).replace(QUOTE + newline + QUOTE, _NEWLINE) + _NEWLINE, usual)
        if quotes * _RARE < len(text):
            # From left to right: a match starts at the first quote that is left, or that quote stays. Contents that look like structure go.
            return skeleton.count(self._quoted.sub(rb"\1", text), usual)
        return None

    def _count_each(self, text: bytes) -> Mapping[bytes, int] | None:
        """Match row by row. What is no row is matched as one piece, to the end, without a cell."""
        found = Counter(self._row.findall(text))
        if b"" in found:
            return None
        if self._day is None:
            return {b"": sum(found.values())}
        cells: Counter[bytes] = Counter()
        for cell, rows in found.items():
            cells[_content(cell)] += rows
        self._usual = self._learn(cells)
        return cells


def _content(cell: bytes) -> bytes:
    return cell[1:-1].replace(b'""', b'"') if cell.startswith(QUOTE) else cell


class _Skeleton:
    """Deletes all but what makes the structure of rows: what is left must be the same for each row."""

    def __init__(self, *, delimiter: bytes, newline: bytes, width: int, day: int | None) -> None:
        kept = delimiter + newline + QUOTE + _MARKS + (b"\r" if newline == NEWLINE else b"")
        self._dull = _EVERY_BYTE.translate(None, kept)
        self._newline, self._day = newline, day
        self._inner = day is not None and 0 < day < width - 1
        self._before = newline if day == 0 else delimiter
        self._after = newline if day == width - 1 else delimiter
        self._row = delimiter * (width - 1) + newline
        if day is not None and self._inner:
            self._row = delimiter * (day - 1) + _MARKS[:1] + delimiter * (width - 2 - day) + newline

    def count(self, text: bytes, cells: Sequence[bytes]) -> Mapping[bytes, int] | None:
        """Rows by day cell, when all rows have one of ``cells``, none of which has a delimiter, a newline or a quote."""
        if self._inner:
            text = self._mark(text, cells)
        skeleton = text.translate(None, self._dull)
        if self._day is None:
            found = {b"": skeleton.count(self._newline)}
        elif self._inner:
            found = {cell: skeleton.count(mark) for mark, cell in zip(_MARKS, cells)}
            skeleton = skeleton.translate(_ONE_MARK)
        else:
            found = {cell: self._count_outer(text, self._before + cell + self._after) for cell in cells}
        rows = sum(found.values())
        if skeleton != self._row * rows or (len(self._newline) > 1 and text.count(self._newline) != rows):
            return None
        return {cell: count for cell, count in found.items() if count}

    def _count_outer(self, text: bytes, wanted: bytes) -> int:
        """In the first or last column: as often as there are rows is once in each."""
        return text.count(wanted) + (self._day == 0 and text.startswith(wanted[len(self._before) :]))

    def _mark(self, text: bytes, cells: Sequence[bytes]) -> bytes:
        """In another column: a mark in place of both delimiters says which day is in which column. A text of the same length is made fastest."""
        for mark, cell in enumerate(cells):
            wanted = self._before + cell + self._after
            text = text.replace(wanted, _MARKS[mark : mark + 1] + self._dull[:1] * (len(wanted) - 1))
        return text
