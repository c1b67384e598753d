"""The quick proofs say what the exact reader says: of every text of up to five tokens, and of any delimiter (CS-28, F44)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping

import pytest
import strict_csv
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.row_counter import RowCounter
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.rows import last_end

DAY = "2026-01-05"
TOKENS = ['"', ",", "\n", "\r", DAY, "a"]
TEXTS = ["".join(tokens) + "\n" for length in range(1, 6) for tokens in itertools.product(TOKENS, repeat=length)]


def strictly(text: str, *, width: int, day: int | None, delimiter: str = ",") -> Mapping[bytes, int] | None:
    """Rows by day cell, None when the strict reader refuses a row."""
    found: Counter[bytes] = Counter()
    try:
        for cells, raw in strict_csv.rows_of(text, delimiter=delimiter):
            if len(cells) != width or raw in ("\n", "\r\n"):
                return None
            found[b"" if day is None else cells[day].encode()] += 1
    except strict_csv.Refused:
        return None
    return found


@pytest.mark.parametrize(("width", "day"), [(1, 0), (2, 0), (2, 1), (3, 1), (2, None), (1, None)])
def test_cs28_f44_every_short_text_is_counted_as_the_strict_reader_counts_it(width: int, day: int | None) -> None:
    counter = RowCounter(delimiter=b",", width=width, day=day)
    learned = (",".join(DAY if column == day else "a" for column in range(width)) + "\n").encode()
    proved = 0

    for text in TEXTS:
        assert counter.count(learned)
        found, expected = counter.count(text.encode()), strictly(text, width=width, day=day)
        if found is None:
            assert expected is None or (day is not None and b"" in expected), repr(text)
        else:
            assert found == expected, repr(text)
            proved += 1
    assert proved > 50


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "]", "^", "\\", "-", ".", "0", " "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("day", [0, 1, 3])
def test_cs28_any_delimiter_and_line_end(delimiter: str, newline: str, day: int) -> None:
    counter = RowCounter(delimiter=delimiter.encode(), width=4, day=day)
    for quote in ("", '"', ""):
        row = delimiter.join(f"{quote}{'D' if column == day else 'x'}{quote}" for column in range(4)) + newline
        assert counter.count((row * 50).encode()) == {b"D": 50}
        assert counter.count((row * 50).encode()) == {b"D": 50}
        longer = {b"D": 50, b"xD": 1} if day == 0 else {b"D": 51}
        assert counter.count((row * 50 + "x" + row).encode()) == (None if quote else longer)
        assert counter.count((row * 50 + delimiter + row).encode()) is None


def test_cs28_rows_are_cut_where_the_strict_reader_ends_them() -> None:
    for text in TEXTS:
        whole = 0
        try:
            for _, raw in strict_csv.rows_of(text, delimiter=","):
                whole += len(raw)
        except strict_csv.Refused as refused:
            if "it ends" not in str(refused):
                continue
        assert last_end(text.encode(), inside=False)[0] == whole, repr(text)
