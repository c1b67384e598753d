"""What strict CSV is, written once more: slowly, character by character, with nothing of ours or of Python's csv module."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

OUTSIDE, PLAIN, QUOTED, CLOSED, RETURNED = "at a cell's start", "in a plain cell", "in quotes", "behind quotes", "behind a carriage return"


class Refused(Exception):
    """Not strict CSV. row: 1 is the header, 0 when the whole file is meant."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(f"row {row}: {why}")
        self.row = row


@dataclass(frozen=True)
class Read:
    columns: tuple[str, ...]
    rows: int
    days: dict[str, int]


def rows_of(text: str, *, delimiter: str) -> list[tuple[list[str], int, bool]]:
    """Cells, bytes and whether it is a blank line, for each row that is whole. Raises Refused at the first fault."""
    rows, cells, cell, state, start = [], [], "", OUTSIDE, 0
    for place, char in enumerate(text):
        number = len(rows) + 1
        if state == QUOTED:
            if char == '"':
                state = CLOSED
            else:
                cell += char
            continue
        if char == '"':
            if state == PLAIN or state == RETURNED:
                raise Refused(number, "a quote in a plain cell")
            if state == CLOSED:
                cell += char
            state = QUOTED
        elif state == RETURNED and char != "\n":
            raise Refused(number, "a bare carriage return")
        elif char == "\n":
            raw = text[start : place + 1]
            rows.append(([*cells, cell], len(raw.encode()), raw in ("\n", "\r\n")))
            cells, cell, state, start = [], "", OUTSIDE, place + 1
        elif char == "\r":
            state = RETURNED
        elif char == delimiter:
            cells, cell, state = [*cells, cell], "", OUTSIDE
        elif state == CLOSED:
            raise Refused(number, "something behind the quotes")
        else:
            cell, state = cell + char, PLAIN
    if start < len(text):
        raise Refused(len(rows) + 1, f"it ends {state}")
    return rows


def read(data: bytes, *, day_column: str, days: frozenset[str], delimiter: str = ",", final_newline: bool = True, largest_row: int = 8 << 20) -> Read:
    """What a strict reader says of ``data``. days: all that are days."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        good = data[: data.rindex(b"\n", 0, _fault(data)) + 1] if b"\n" in data[: _fault(data)] else b""
        rows_of(good.decode().removeprefix("\ufeff"), delimiter=delimiter)
        raise Refused(-1, "not UTF-8") from None
    text = text.removeprefix("\ufeff")
    if not text or text.startswith("PK\x03\x04"):
        raise Refused(0, "empty or foreign")
    if not final_newline and not text.endswith("\n") and not text.endswith("\r"):
        text += "\n"
    rows = rows_of(text, delimiter=delimiter)
    columns = tuple(rows[0][0])
    for number, (cells, size, blank) in enumerate(rows, start=1):
        if blank or size > largest_row or "\0" in "".join(cells):
            raise Refused(number, "blank, too long or NUL")
        if number == 1 and (len(set(cells)) < len(cells) or "" in cells or day_column not in cells):
            raise Refused(1, "the header")
        if len(cells) != len(columns):
            raise Refused(number, "ragged")
        if number > 1 and cells[columns.index(day_column)] not in days:
            raise Refused(number, "no day")
    found = Counter(cells[columns.index(day_column)] for cells, _, _ in rows[1:])
    return Read(columns, len(rows) - 1, dict(found))


def _fault(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    raise AssertionError("it is UTF-8")
