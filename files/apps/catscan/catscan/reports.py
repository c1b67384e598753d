"""What the three daily reports look like, and how a CSV file becomes typed rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, Callable, Union

Value = Union[str, int]

FILE_NAME = re.compile(r"catscan-(performance|funnel-geo|funnel-publishers)-(\d{4}-\d{2}-\d{2})\.csv", re.ASCII)
LARGEST_INTEGER = 2**63 - 1


class ReportError(Exception):
    """A report cannot be imported; the message names the row (1 = header), the column, the value and the reason."""


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _optional_text(text: str) -> str:
    return _text(text) if text else text


def _country(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError("must be a country code of two capital letters")
    return text


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > LARGEST_INTEGER:
        raise ValueError(f"must be a whole number from 0 to {LARGEST_INTEGER}")
    return int(text)


def _micros(text: str) -> int:
    """Money with up to six decimals, as an exact count of millionths."""
    try:
        amount = Decimal(text).scaleb(6) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) else Decimal("NaN")
        return int(amount)
    except (InvalidOperation, ValueError):
        raise ValueError("must be an amount such as 12.345678, without sign, symbol or thousands separator") from None


def _day(text: str) -> str:
    try:
        if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("must be a day such as 2026-01-31")


@dataclass(frozen=True)
class Column:
    """One column of a report: its heading, the column of the table, and the conversion (ValueError says the rule)."""

    heading: str
    name: str
    convert: Callable[[str], Value]


@dataclass(frozen=True)
class ReportType:
    """One of the report types. constants: what every row of it has in the table besides its own columns."""

    name: str
    table: str
    columns: tuple[Column, ...]
    constants: tuple[tuple[str, str], ...] = ()

    @property
    def header(self) -> list[str]:
        """The first line that its files must have."""
        return [column.heading for column in self.columns]


_DAY = Column("Day", "day", _day)
_COUNTRY = Column("Country", "country", _country)
_FUNNEL = (
    Column("Bid requests", "bid_requests", _count),
    Column("Inventory matches", "inventory_matches", _count),
    Column("Bids", "bids", _count),
    Column("Bids in auction", "bids_in_auction", _count),
    Column("Auctions won", "auctions_won", _count),
    Column("Impressions", "impressions", _count),
)

REPORT_TYPES = {
    report.name: report
    for report in (
        ReportType(
            name="performance",
            table="rtb_daily",
            columns=(
                _DAY,
                Column("Billing ID", "billing_id", _text),
                Column("Creative ID", "creative_id", _text),
                Column("Creative size", "creative_size", _text),
                _COUNTRY,
                Column("Reached queries", "reached_queries", _count),
                Column("Impressions", "impressions", _count),
                Column("Clicks", "clicks", _count),
                Column("Spend", "spend_micros", _micros),
            ),
        ),
        ReportType(
            name="funnel-geo",
            table="rtb_funnel",
            columns=(_DAY, _COUNTRY, *_FUNNEL),
            constants=(("dimension", "geo"), ("publisher_id", ""), ("publisher_name", "")),
        ),
        ReportType(
            name="funnel-publishers",
            table="rtb_funnel",
            columns=(
                _DAY,
                Column("Publisher ID", "publisher_id", _text),
                Column("Publisher name", "publisher_name", _optional_text),
                _COUNTRY,
                *_FUNNEL,
            ),
            constants=(("dimension", "publisher"),),
        ),
    )
}


def shown(text: str) -> str:
    """A value as it appears in a message: quoted, control characters escaped, cut after 60 characters."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def classify(file_name: str) -> tuple[ReportType, str]:
    """Return the type and the day (ISO) that a file name claims. Raises ReportError for any other name."""
    match = FILE_NAME.fullmatch(file_name)
    if match is None:
        raise ReportError(f"the name {shown(file_name)} is not catscan-<type>-YYYY-MM-DD.csv with one of the types " + ", ".join(REPORT_TYPES))
    try:
        return REPORT_TYPES[match[1]], _day(match[2])
    except ValueError:
        raise ReportError(f"the name {shown(file_name)} holds {match[2]}, which is no day of the calendar") from None


def _check_header(report: ReportType, header: list[str]) -> None:
    if header != report.header:
        unknown = [heading for heading in header if heading not in report.header]
        missing = [heading for heading in report.header if heading not in header]
        detail = f"missing {missing}" if missing else f"unknown {[shown(u) for u in unknown]}" if unknown else "order"
        raise ReportError(f"row 1: the header is not the one of a {report.name} report ({detail}); expected {','.join(report.header)}")


def _convert(report: ReportType, number: int, cells: list[str], day: str) -> dict[str, Value]:
    if len(cells) != len(report.columns):
        raise ReportError(f"row {number}: has {len(cells)} columns, expected {len(report.columns)}")
    row: dict[str, Value] = dict(report.constants)
    for column, cell in zip(report.columns, cells):
        try:
            row[column.name] = column.convert(cell)
        except ValueError as error:
            raise ReportError(f"row {number}, column {column.heading!r}: {shown(cell)} {error}") from None
    if row["day"] != day:
        # The day comes from the content; a name that says otherwise is ambiguous, and is never guessed about.
        raise ReportError(f"row {number}, column 'Day': {row['day']} is not the day {day} of the file's name")
    return row


def read(stream: IO[str], report: ReportType, day: str) -> Iterator[dict[str, Value]]:
    """Yield one dict (table column → value) for each row of a report of ``day``, in order, without holding them all.

    stream: the file, opened with ``newline=""``. Raises ReportError at the first row that is wrong; a report without
    any row is wrong too, as nothing in it proves its day.
    """
    reader = csv.reader(stream, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number == 1:
                _check_header(report, cells)
            else:
                yield _convert(report, number, cells, day)
    except csv.Error as error:
        raise ReportError(f"row {number + 1}: is not valid CSV ({error})") from None
    except UnicodeDecodeError as error:
        raise ReportError(f"row {number + 1} or soon after it: is not UTF-8 ({error.reason})") from None
    if number < 2:
        raise ReportError("row 2: there is none; a report without rows proves no day" if number else "row 1: is missing")
