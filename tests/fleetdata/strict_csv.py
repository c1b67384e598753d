"""What strict CSV is, written once more: slowly, character by character, with nothing of ours or of Python's csv module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
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


def step(state: str, char: str, delimiter: str) -> str:
    """The state behind ``char``. ValueError when it must not stand here."""
    if state == QUOTED:
        return CLOSED if char == '"' else QUOTED
    if char == '"' and state in (OUTSIDE, CLOSED):
        return QUOTED
    if char == "\n" or (char == delimiter and state != RETURNED):
        return OUTSIDE
    if char == "\r" and state != RETURNED:
        return RETURNED
    if char == '"' or state in (CLOSED, RETURNED):
        raise ValueError(f"{char!r} {state}")
    return PLAIN


def rows_of(text: str, *, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """Cells and text of each row. Raises Refused at the first fault."""
    cells, cell, state, start, number = [], "", OUTSIDE, 0, 1
    for place, char in enumerate(text):
        before = state
        try:
            state = step(before, char, delimiter)
        except ValueError as error:
            raise Refused(number, str(error)) from None
        if state == PLAIN or (state == before == QUOTED) or (before == CLOSED and state == QUOTED):
            cell += char
        elif state == OUTSIDE:
            cells, cell = [*cells, cell], ""
            if char == "\n":
                yield cells, text[start : place + 1]
                cells, start, number = [], place + 1, number + 1
    if start < len(text):
        raise Refused(number, f"it ends {state}")


def read(data: bytes, *, day_column: str, days: frozenset[str], delimiter: str = ",", final_newline: bool = True, largest_row: int = 8 << 20) -> Read:
    """What a strict reader says of ``data``. days: all that are days."""
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text or data.startswith((b"PK\3\4", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        raise Refused(0, "empty or foreign")
    if not final_newline and not text.endswith(("\n", "\r")):
        text += "\n"
    columns: list[str] = []
    found: Counter[str] = Counter()
    for number, (cells, raw) in enumerate(rows_of(text, delimiter=delimiter), start=1):
        size = len(raw.encode("utf-8", "surrogateescape"))
        if raw in ("\n", "\r\n") or size > largest_row or "\0" in raw or any("\ud800" <= char <= "\udfff" for char in raw):
            raise Refused(number, "blank, too long, NUL or not UTF-8")
        if number == 1:
            columns = cells
            if len(set(cells)) < len(cells) or "" in cells or day_column not in cells:
                raise Refused(1, "not a header")
            continue
        if len(cells) != len(columns):
            raise Refused(number, "ragged")
        day = cells[columns.index(day_column)]
        if day not in days:
            raise Refused(number, "no day")
        found[day] += 1
    return Read(tuple(columns), sum(found.values()), dict(found))
