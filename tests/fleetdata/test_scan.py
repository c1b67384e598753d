"""What a CSV holds, and everything that is wrong with one, at the speed of a stream (CS-28, CS-29, W-29, F44, F47)."""

from __future__ import annotations

import csv
import hashlib
import io
import random
from typing import Any

import pytest
import strict_csv
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import scan as scanning
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import FILE_NAME, FIRST, LAST, Facts, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.scan import first_day, report_day, scan
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = ("2026-01-05", "2026-01-06", "2026-02-28", "1999-12-31", "2026-12-31", "2026-01-07")
ANY = ReportType(name="performance", day_column="Day")
REPORT = ReportType(name="performance", columns=("Day", "Country", "Bids"), day_column="Day")
HEADER = b"Day,Country,Bids\n"
GOOD = HEADER + b"2026-01-05,DE,1\n2026-01-05,FR,2\n"
ODD = ['"', ",", "\n", "\r\n", "\r", 'x"y', "a,b", '",', '"\n', '""', "\ufeff", "é", "😀", "2026-01-05", ";"]


def facts(data: bytes, report: ReportType = REPORT, *, block_bytes: int = 1 << 20) -> Facts:
    return scan(stream=io.BytesIO(data), report=report, name="performance.csv", block_bytes=block_bytes)


def refusal(data: bytes, report: ReportType = REPORT, *, block_bytes: int = 1 << 20) -> str:
    with pytest.raises(ContentError) as refused:
        facts(data, report, block_bytes=block_bytes)
    assert str(refused.value).startswith("performance.csv: ")
    return str(refused.value)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """A valid file as a well-behaved writer writes it: any quoting, line ends, delimiter in cells, BOM, huge cells."""
    width = draw(st.integers(1, 5))
    place = draw(st.integers(0, width - 1))
    plain = draw(st.booleans())
    cell = st.sampled_from(["", "a", "12", "b c"]) if plain else st.one_of(st.sampled_from(ODD), st.text(max_size=6).map(_writable), st.just('x,"\n' * 40))
    days = st.sampled_from(DAYS[: draw(st.integers(1, len(DAYS)))])
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, lineterminator=draw(st.sampled_from(["\n", "\r\n"])), quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    )
    writer.writerow(["Day" if column == place else f"c{column}" for column in range(width)])
    for _ in range(draw(st.integers(0, 8))):
        writer.writerow([draw(days) if column == place else draw(cell) for column in range(width)])
    return (b"\xef\xbb\xbf" if draw(st.booleans()) else b"") + text.getvalue().encode()


def _writable(text: str) -> str:
    return "".join(char for char in text if char != "\0" and not "\ud800" <= char <= "\udfff")


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 1 << 16),
        st.integers(0, 5),
        st.sampled_from(
            [b"", b'"', b",", b"\n", b"\r", b"\0", b"a", b"\xff", b"\xc3", b'""', b'","', b"\r\n", b",,", b",2026-01-05,", b'"2026-01-05"', b"\n2026-01-05,"]
        ),
    ),
    max_size=3,
)
SIZES = st.sampled_from([1, 2, 3, 7, 16, 64, 1 << 18])


def mutated(data: bytes, mutations: list[tuple[int, int, bytes]]) -> bytes:
    for place, deleted, put in mutations:
        start = place % (len(data) + 1)
        data = data[:start] + put + data[start + deleted :]
    return data


def same_verdict(data: bytes, *, final_newline: bool, largest_row: int, block_bytes: int, piece: int) -> None:
    """Ours and the strict reader's: refused or not, the row of the first fault, rows and days."""
    report = ReportType(name="performance", day_column="Day", final_newline=final_newline)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "_PIECE", piece)
        patch.setattr(scanning, "LARGEST_ROW", largest_row)
        try:
            expected = strict_csv.read(data, day_column="Day", days=frozenset(DAYS), final_newline=final_newline, largest_row=largest_row)
        except strict_csv.Refused as refused:
            said = refusal(data, report, block_bytes=block_bytes)
            assert not refused.row or said.startswith(
                (f"performance.csv: row {refused.row}:", f"performance.csv: row {refused.row} (", f"performance.csv: row {refused.row},")
            ), (said, refused)
            return
        found = facts(data, report, block_bytes=block_bytes)
    assert found == Facts(rows=expected.rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), columns=expected.columns, days=expected.days)
    assert list(found.days) == sorted(found.days)


@settings(max_examples=300, deadline=None)
@given(data=csv_files(), block_bytes=SIZES, piece=SIZES)
def test_cs28_f44_every_valid_file_is_read_as_a_strict_reader_reads_it(data: bytes, block_bytes: int, piece: int) -> None:
    assert facts(data, ANY, block_bytes=block_bytes).rows >= 0
    same_verdict(data, final_newline=True, largest_row=1 << 20, block_bytes=block_bytes, piece=piece)


@settings(max_examples=800, deadline=None)
@given(
    data=csv_files(),
    mutations=MUTATIONS,
    final_newline=st.booleans(),
    largest_row=st.sampled_from([1 << 20, 1 << 20, 60, 200]),
    block_bytes=SIZES,
    piece=SIZES,
)
def test_cs28_f44_a_damaged_file_gets_the_strict_readers_verdict(
    data: bytes, mutations: list[tuple[int, int, bytes]], final_newline: bool, largest_row: int, block_bytes: int, piece: int
) -> None:
    same_verdict(mutated(data, mutations), final_newline=final_newline, largest_row=largest_row, block_bytes=block_bytes, piece=piece)


def test_cs28_a_good_report() -> None:
    assert facts(GOOD) == Facts(rows=2, bytes=len(GOOD), sha256=hashlib.sha256(GOOD).hexdigest(), columns=("Day", "Country", "Bids"), days={"2026-01-05": 2})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        ("Day,Country,Bids\n".encode("utf-16"), "it is UTF-16"),
        ("Day,Country,Bids\n".encode("utf-32"), "it is UTF-"),
        (b"\x1f\x8b\x08\x00", "it is gzip"),
        (b"\n" + GOOD, "row 1: it is a blank line"),
        (b"Day,Country,Bids", "row 1: it does not end with a newline, so it is half written"),
        (GOOD + b"2026-01-05,DE", "row 4: it does not end with a newline, so it is half written"),
        (GOOD + b"\n", "row 4: it is a blank line"),
        (GOOD + b"2026-01-05,DE\n", "row 4: it has 2 cells, the header has 3"),
        (GOOD + b"2026-01-05,DE,1,\n", "row 4: it has 4 cells, the header has 3"),
        (GOOD + b'2026-01-05,"D\nE",1\n2026-01-05,DE\n', "row 5 (line 6): it has 2 cells"),
        (GOOD + b'2026-01-05,D"E,1\n', "row 4, column 'Country' (2): it has a quote inside a cell that does not begin with one: 'D\"E'"),
        (GOOD + b'2026-01-05,"D"E,1\n', "row 4, column 'Country' (2): it has 'E,1\\n' behind its closing quote"),
        (GOOD + b'2026-01-05,"DE,1\n', "row 4, column 'Country' (2): it has a quote that is never closed: '\"DE,1"),
        (GOOD + b"2026-01-05,D\rE,1\n", "row 4, column 'Country' (2): it has a carriage return without a newline"),
        (GOOD + b"2026-01-05,D\0E,1\n", "row 4, column 'Country' (2): 'D\\x00E' holds a NUL byte"),
        (GOOD + b"2026-01-05,D\xe9,1\n", "row 4, column 'Country' (2): 'D\\\\xe9' is not UTF-8"),
        (GOOD + b"05/01/2026,DE,1\n", "row 4, column 'Day' (1): '05/01/2026' is no day; expected is a day such as 2026-01-31"),
        (GOOD + b"5026-01-05,DE,1\n", "row 4, column 'Day' (1): '5026-01-05' is a day of 5026"),
        (GOOD + b"x" * 200 + b",DE,1\n", "'" + "x" * 59 + "…' is no day"),
        (b"Day,Country\n", "row 1: the header lacks 'Bids'"),
        (b"Day,Country,Bids,Cost\n", "row 1: the header has 'Cost', not declared for performance"),
        (b"Day,country,Bids\n", "row 1: the header lacks 'Country' and has 'country', not declared for performance"),
        (b"Day,Bids,Country\n", "row 1: column 2 of the header is 'Bids', declared is 'Country': the columns are in another order"),
        (b"Day,Country,Day\n", "row 1: the header has column 'Day' twice, as 1 and 3"),
        (b"Day,,Bids\n", "row 1: column 2 of the header has no name"),
    ],
)
def test_cs28_what_is_wrong_is_said_with_row_column_and_value(data: bytes, words: str) -> None:
    for block_bytes in (1, 5, 1 << 20):
        said = refusal(data, block_bytes=block_bytes)
        assert words in said
        assert said.endswith("Get it from its source again, or correct it.")


def test_cs28_ragged_rows_that_make_up_for_each_other_are_refused() -> None:
    assert "row 2: it has 4 cells" in refusal(HEADER + b"2026-01-05,DE,1,2026-01-05\nFR,2\n")
    report = ReportType(name="performance", columns=("Country", "Day", "Bids"), day_column="Day")
    usual = b"Country,Day,Bids\n" + b"DE,2026-01-05,1\n" * 9
    assert "row 11: it has 4 cells" in refusal(usual + b"DE,2026-01-05,1,7\n2026-01-05,1\n", report)
    assert "row 11: it has 2 cells" in refusal(usual + b"DE,2026-01-05\n1,2,2026-01-05,1\n", report)


@pytest.mark.parametrize("day_at", [0, 1, 3])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_w29_the_first_bad_row_of_a_large_file_is_named(day_at: int, quoting: int) -> None:
    """The fault lies far behind what was proved at once."""
    draw, text = random.Random(day_at), io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=quoting)
    header = ["a", "b", "c"]
    header.insert(day_at, "Day")
    writer.writerow(header)
    for row in range(40_000):
        cells = [str(draw.randrange(10**6)), "x, y" if row % 9 == 0 else "x", "two\nlines" if row % 5000 == 7 else "z"]
        cells.insert(day_at, DAYS[row * 3 // 40_000] if row != 33_333 else "today")
        writer.writerow(cells)
    data = text.getvalue().encode()

    assert f"row 33335 (line 33342), column 'Day' ({day_at + 1}): 'today' is no day" in refusal(data, ANY)
    mended = facts(data.replace(b"today", b"2026-02-28"), ANY)
    assert dict(mended.days) == {"2026-01-05": 13_334, "2026-01-06": 13_333, "2026-02-28": 13_333}


def test_cs28_a_huge_cell_is_read_and_a_row_beyond_the_limit_is_refused() -> None:
    huge = HEADER + b'2026-01-05,"' + b'say ""hi"",\n' * 400_000 + b'",1\n'
    assert facts(huge).rows == 1

    for block_bytes in (1 << 16, 1 << 20, 1 << 25):
        assert "row 2: it is longer than 8388608 bytes" in refusal(HEADER + b"2026-01-05," + b"x" * (8 << 20) + b",1\n", block_bytes=block_bytes)
        assert "row 2, column 'Country' (2): it has a quote that is never closed" in refusal(
            HEADER + b'2026-01-05,"' + b"x\n" * (5 << 20), block_bytes=block_bytes
        )


def test_cs28_a_report_of_the_header_alone_is_empty_and_archived_under_the_day_of_its_name() -> None:
    found = facts(HEADER)

    assert (found.rows, dict(found.days), found.first_day) == (0, {}, None)
    assert report_day(facts=found, report=REPORT, name="/in/catscan-performance-2026-01-31.csv") == "2026-01-31"
    with pytest.raises(ContentError, match="its name has no day"):
        report_day(facts=found, report=REPORT, name="/in/performance.csv")
    assert "a performance report is never empty" in refusal(HEADER, ReportType(name="performance", day_column="Day", empty=False))


def test_cs29_w29_the_report_day_comes_from_the_content_by_rule() -> None:
    spanning = facts(HEADER + b"2026-01-06,DE,1\n2026-01-05,DE,1\n2026-01-06,FR,1\n")
    rules = {rule: ReportType(name="performance", day_column="Day", report_day=rule) for rule in (FIRST, LAST, FILE_NAME)}
    name = "performance-2026-03-01.csv"

    assert {rule: report_day(facts=spanning, report=report, name=name) for rule, report in rules.items()} == {
        FIRST: "2026-01-05",
        LAST: "2026-01-06",
        FILE_NAME: "2026-03-01",
    }
    assert report_day(facts=facts(GOOD), report=REPORT, name=name) == "2026-01-05"
    with pytest.raises(ContentError, match=r"has 2 days \(rows of each\): 2026-01-05 \(1\), 2026-01-06 \(2\); a performance report has one"):
        report_day(facts=spanning, report=REPORT, name=name)


@pytest.mark.parametrize(
    ("block", "day"),
    [
        (GOOD, "2026-01-05"),
        (GOOD[:35], "2026-01-05"),
        (GOOD[:20], None),
        (HEADER, None),
        (b"Day,Cou", None),
        (b'Day,Country,Bids\n2026-01-05,"a\n', None),
        (b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n"), "2026-01-05"),
        (b"", None),
    ],
)
def test_cs29_the_first_block_tells_the_likely_day(block: bytes, day: str | None) -> None:
    assert first_day(block=block, report=REPORT, name="performance.csv") == day


def test_cs29_a_first_block_that_is_wrong_is_refused_at_once() -> None:
    with pytest.raises(ContentError, match="the header lacks 'Country', 'Bids'"):
        first_day(block=b"Day\n2026-01-05\n", report=REPORT, name="performance.csv")
    by_name = ReportType(name="performance", report_day=FILE_NAME)
    assert first_day(block=b"", report=by_name, name="performance-2026-01-31.csv") == "2026-01-31"


def test_cs28_more_columns_than_declared_are_taken_where_declared() -> None:
    report = ReportType(name="performance", columns=("Day", "Country"), day_column="Day", extra_columns=True)

    assert facts(GOOD, report).columns == ("Day", "Country", "Bids")
    assert "row 1: the header lacks 'Country'" in refusal(b"Day,Bids\n", report)
    assert "another order" in refusal(b"Day,Bids,Country\n", report)


def test_cs28_a_report_without_a_day_column_and_with_another_delimiter() -> None:
    report = ReportType(name="performance", delimiter=";", report_day=FILE_NAME)

    assert facts(b'a;b\n1;"2;3"\n' + b"4;5\n" * 9, report).rows == 10
    assert "row 3: it has 1 cells" in refusal(b"a;b\n1;2\n1,2\n", report)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"delimiter": ""}, "delimiter ''"),
        ({"delimiter": '"'}, "delimiter"),
        ({"delimiter": "→"}, "delimiter"),
        ({"report_day": "today"}, "report_day 'today' is not one of"),
        ({"day_column": ""}, "report_day only needs a day_column"),
        ({"day_column": "Date"}, "day_column 'Date' is not one of its columns"),
        ({"columns": ("Day", "Day")}, "two have the same"),
        ({"day_format": "%Y"}, "day_format '%Y'"),
        ({"file_day": "("}, "file_day"),
    ],
)
def test_w29_a_report_type_that_cannot_be_checked_is_refused(wrong: dict[str, object], words: str) -> None:
    declared: dict[str, Any] = {"name": "performance", "columns": ("Day", "Country", "Bids"), "day_column": "Day", **wrong}
    with pytest.raises(ConfigurationError, match="report performance: ") as refused:
        facts(GOOD, ReportType(**declared))
    assert words in str(refused.value)
    with pytest.raises(ConfigurationError):
        first_day(block=GOOD, report=ReportType(**declared), name="performance.csv")
