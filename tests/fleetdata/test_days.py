"""Days come from what a report says, never from the clock (W-29, CS-29)."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.days import DayReader, day_in_name
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import EPOCH_MILLISECONDS, EPOCH_SECONDS, ISO, ReportType
from hypothesis import given
from hypothesis import strategies as st

FILE_DAY = ReportType(name="performance").file_day
DAYS = st.dates(datetime.date(1970, 1, 1), datetime.date(2200, 12, 31))


@pytest.mark.parametrize(
    ("day_format", "cell"),
    [
        (ISO, "2026-01-31"),
        (ISO, "2026-01-31T23:59:59Z"),
        (ISO, "2026-01-31T23:59"),
        (ISO, "2026-01-31 23:59:59.123456"),
        (ISO, "2026-01-31 00:00:00 UTC"),
        (ISO, "2026-01-31T00:00:00+05:30"),
        (EPOCH_SECONDS, "1769817600"),
        (EPOCH_SECONDS, "1769903999.9"),
        (EPOCH_MILLISECONDS, "1769817600000"),
        (EPOCH_MILLISECONDS, "1769903999999"),
        ("%m/%d/%Y", "01/31/2026"),
        ("%m/%d/%Y", "1/31/2026"),
        ("%Y%m%d", "20260131"),
        ("%b %d, %Y", "Jan 31, 2026"),
        ("%Y-%m-%d %H:%M %z", "2026-01-31 23:59 +0000"),
        ("%Y-%j", "2026-031"),
    ],
)
def test_w29_a_cell_says_its_day(day_format: str, cell: str) -> None:
    reader = DayReader(day_format=day_format)

    assert [reader.iso(cell.encode()) for _ in range(2)] == ["2026-01-31", "2026-01-31"]


@pytest.mark.parametrize(
    ("day_format", "cell"),
    [
        *(
            (ISO, cell)
            for cell in ("", " ", "2026-02-30", "2026-1-31", "31.01.2026", " 2026-01-31", "2026-01-31x", "2026-01-31T", "2026-01-31 soon", "2026-01-31\n")
        ),
        *((ISO, cell) for cell in ("\u0662\u0660\u0662\u0666-01-31", "1969-12-31", "2201-01-01", "9999-12-31", "0000-00-00", "NULL")),
        *((EPOCH_SECONDS, cell) for cell in ("", "-1", "now", "1e9", "1769817600000", "999999999999999999")),
        *((EPOCH_MILLISECONDS, cell) for cell in ("", "99999999999999999", "17698176000001769817600000")),
        *(("%m/%d/%Y", cell) for cell in ("31/01/2026", "2026-01-31", "01/31/26", "01/31/2026 ")),
    ],
)
def test_w29_what_is_no_day_is_refused_in_words(day_format: str, cell: str) -> None:
    with pytest.raises(ValueError, match="expected is") as refused:
        DayReader(day_format=day_format).iso(cell.encode())

    assert repr(cell) in str(refused.value)


@given(day=DAYS, second=st.integers(0, 86399))
def test_w29_every_format_agrees_on_every_day(day: datetime.date, second: int) -> None:
    seconds = (day - datetime.date(1970, 1, 1)).days * 86400 + second
    said = {ISO: day.isoformat(), EPOCH_SECONDS: str(seconds), EPOCH_MILLISECONDS: str(seconds * 1000), "%d.%m.%Y": day.strftime("%d.%m.%Y")}

    assert {DayReader(day_format=name).iso(cell.encode()) for name, cell in said.items()} == {day.isoformat()}


@pytest.mark.parametrize("pattern", ["", "%Y-%m", "%m/%d", "%H:%M", "day", "%Q", "%Y-%m-%d %", "%d %d %m %Y", "%y", "iso8601"])
def test_w29_a_pattern_that_does_not_say_the_day_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="day_format"):
        DayReader(day_format=pattern)


def test_w29_memory_for_known_cells_is_bounded() -> None:
    reader = DayReader(day_format=EPOCH_SECONDS)

    for second in range(100_000):
        reader.iso(b"%d" % (1769817600 + second))

    assert len(reader._known) < 70_000


def test_cs29_the_day_of_a_files_name() -> None:
    assert day_in_name(name="/var/1999-01-01/catscan-performance-2026-01-31.csv", pattern=FILE_DAY) == "2026-01-31"
    assert day_in_name(name="r_31012026.csv", pattern=r"(?P<day>\d\d)(?P<month>\d\d)(?P<year>\d{4})") == "2026-01-31"
    assert day_in_name(name="2026-01-31 to 2026-01-31.csv", pattern=FILE_DAY) == "2026-01-31"


@pytest.mark.parametrize(("name", "words"), [("report.csv", "no day"), ("2026-02-30.csv", "no day"), ("2026-01-31_2026-02-01.csv", "2026-01-31, 2026-02-01")])
def test_cs29_w29_a_name_without_one_day_is_refused(name: str, words: str) -> None:
    with pytest.raises(ContentError, match=words):
        day_in_name(name=name, pattern=FILE_DAY)


@pytest.mark.parametrize("pattern", ["(", r"(?P<year>\d{4})"])
def test_cs29_an_expression_that_cannot_say_the_day_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="file_day"):
        day_in_name(name="2026-01-31.csv", pattern=pattern)
