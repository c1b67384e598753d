# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of strict CSV (RFC 4180, with LF or CRLF): what one is, and where to cut between two."""

from __future__ import annotations

import codecs

from .days import brief

QUOTE, NEWLINE, CRLF = b'"', b"\n", b"\r\n"
_SLICE = 1 << 16


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
        elif text.startswith((NEWLINE, CRLF), at):
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
    at_end = inside ^ _odd(text, 0, len(text))
    state, stop = at_end, len(text)
    while stop >= 0:
        newline = text.rfind(NEWLINE, 0, stop)
        if newline < 0:
            break
        state ^= _odd(text, newline, stop)
        if not state:
            return newline + 1, at_end
        stop = text.rfind(QUOTE, 0, newline)
        state = False
    return 0, at_end


def _odd(text: bytes, start: int, stop: int) -> bool:
    return text.find(QUOTE, start, stop) >= 0 and text.count(QUOTE, start, stop) % 2 == 1
