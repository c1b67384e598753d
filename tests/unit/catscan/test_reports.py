"""Parsing of the three report types (CS-28)."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from catscan.reports import REPORT_TYPES, ReportError, ReportType, classify, read
from hypothesis import given
from hypothesis import strategies as st

DAY = "2026-11-20"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80).filter(str.strip)
COUNT = st.integers(0, 2**63 - 1)
CODE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
PERFORMANCE = st.tuples(TEXT, TEXT, TEXT, CODE, COUNT, COUNT, COUNT, st.decimals(0, 10**9, places=6, allow_nan=False, allow_infinity=False))


def parse(text: str, report: ReportType = REPORT_TYPES["performance"]) -> list[dict[str, str | int]]:
    return list(read(io.StringIO(text, newline=""), report, DAY))


def written(rows: list[list[str]], report: ReportType = REPORT_TYPES["performance"]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([report.header, *rows])
    return stream.getvalue()


@given(st.lists(PERFORMANCE, min_size=1, max_size=5))
def test_cs28_every_value_survives_the_way_through_csv(rows: list[tuple[str, str, str, str, int, int, int, Decimal]]) -> None:
    found = parse(written([[DAY, *(f"{cell:f}" if isinstance(cell, Decimal) else str(cell) for cell in row)] for row in rows]))
    for row, got in zip(rows, found, strict=True):
        assert list(got.values()) == [DAY, *row[:7], int(row[7] * 10**6)]


@given(st.text(max_size=300), st.sampled_from(sorted(REPORT_TYPES)))
def test_any_text_is_read_or_refused_with_its_row(text: str, name: str) -> None:
    try:
        parse(text, REPORT_TYPES[name])
    except ReportError as error:
        assert str(error).startswith("row ")


GOOD = [DAY, "7", "31", "300x250", "DE", "10", "5", "1", "0.5"]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        (0, "2026-11-21", "is not the day 2026-11-20"),
        (0, "20.11.2026", "must be a day"),
        (0, "2026-02-30", "must be a day"),
        (0, "20261120", "must be a day"),
        (1, "", "must not be empty"),
        (4, "de", "country code"),
        (5, "-1", "whole number"),
        (5, "1.0", "whole number"),
        (5, "\u0661", "whole number"),
        (5, "9223372036854775808", "whole number"),
        (8, "1,5", "amount"),
        (8, "1e3", "amount"),
        (8, "NaN", "amount"),
        (8, "0.0000001", "amount"),
    ],
)
def test_a_bad_value_is_named_with_row_column_and_value(column: int, value: str, rule: str) -> None:
    row = [*GOOD[:column], value, *GOOD[column + 1 :]]
    with pytest.raises(ReportError) as caught:
        parse(written([GOOD, row]))
    message = str(caught.value)
    assert message.startswith(f"row 3, column '{REPORT_TYPES['performance'].header[column]}': ")
    assert value in message and rule in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: is missing"),
        (written([]), "row 2: there is none"),
        (written([GOOD]).replace("Spend", "Cost"), "row 1: the header"),
        (written([GOOD[:-1]]), "row 2: has 8 columns, expected 9"),
        (written([GOOD]) + '"open', "row 3: is not valid CSV"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ReportError, match=message):
        parse(text)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ReportError) as caught:
        parse(written([[*GOOD[:5], "x" * 10_000, *GOOD[6:]]]))
    assert len(str(caught.value)) < 250


@given(st.dates(min_value=date(1, 1, 1)), st.sampled_from(sorted(REPORT_TYPES)))
def test_cs28_names_of_reports_are_known(day: date, name: str) -> None:
    assert classify(f"catscan-{name}-{day.isoformat()}.csv") == (REPORT_TYPES[name], day.isoformat())


@pytest.mark.parametrize(
    "name",
    ["catscan-funnel-pubs-2026-11-20.csv", "catscan-performance-2026-02-30.csv", "catscan-performance.csv", "x.csv", "a\n.csv"],
)
def test_cs28_other_names_are_refused(name: str) -> None:
    with pytest.raises(ReportError, match=r"^the name "):
        classify(name)
