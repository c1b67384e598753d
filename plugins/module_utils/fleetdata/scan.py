# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CSV file holds, found out while it streams by, and every way in which it is not what its report type declares."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import BinaryIO

from .days import DayReader, brief, compile_file_day, day_in_name
from .errors import ConfigurationError, ContentError
from .header import header_columns
from .model import FILE_NAME, FIRST, LAST, ONLY, Facts, ReportType
from .row_counter import RowCounter
from .rows import RowError, is_utf8, last_end, read_row

BLOCK = 1 << 20
"""Bytes read at once."""
LARGEST_ROW = 8 << 20
"""Bytes that one row may have, its end included."""
_PIECE = 1 << 18
BOM = b"\xef\xbb\xbf"
_FOREIGN = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32", b"\x1f\x8b": "gzip", b"PK\x03\x04": "a ZIP archive"}
_AGAIN = "Get it from its source again, or correct it."


def scan(*, stream: BinaryIO, report: ReportType, name: str, block_bytes: int = BLOCK) -> Facts:
    """Read ``stream`` to its end. name: of the file, for messages. ContentError, ConfigurationError as of Scanner."""
    scanner = Scanner(report=report, name=name)
    while block := stream.read(block_bytes):
        scanner.feed(block)
    return scanner.finish()


def report_day(*, facts: Facts, report: ReportType, name: str) -> str:
    """The ISO day whose report the file is, by the report type's rule, never by the clock. ContentError when that is not one day."""
    if report.report_day == FILE_NAME or not facts.days:
        return day_in_name(name=name, pattern=report.file_day)
    days = sorted(facts.days)
    if report.report_day == ONLY and len(days) > 1:
        shown = ", ".join(f"{day} ({facts.days[day]})" for day in days[:7]) + (f" and {len(days) - 7} more" if len(days) > 7 else "")
        raise ContentError(
            f"{name}: column {report.day_column!r} has {len(days)} days (rows of each): {shown}; a {report.name} report has one. "
            f"Split it by day, or declare report_day: {FIRST}, {LAST} or {FILE_NAME}."
        )
    return days[-1] if report.report_day == LAST else days[0]


def first_day(*, block: bytes, report: ReportType, name: str) -> str | None:
    """The day that the beginning of a file lets expect as its report day; only ``report_day`` of the whole file is sure.

    None when ``block`` has no whole row behind its header. ContentError when what it has is wrong.
    """
    check_report(report)
    if report.report_day == FILE_NAME:
        return day_in_name(name=name, pattern=report.file_day)
    delimiter, start = report.delimiter.encode(), len(BOM) if block.startswith(BOM) else 0
    try:
        header_end = read_row(block, start, delimiter=delimiter)[1]
        end = read_row(block, header_end, delimiter=delimiter)[1]
    except RowError:
        return None
    if end == header_end or not block.endswith(b"\n", 0, end):
        return None
    scanner = Scanner(report=report, name=name)
    scanner.feed(block[:end])
    return scanner.finish().first_day


def check_report(report: ReportType) -> None:
    """Raise ConfigurationError when files of ``report`` could not be checked as declared."""
    what = f"report {report.name}: "
    if len(report.delimiter) != 1 or not report.delimiter.isascii() or report.delimiter in '"\r\n\0':
        raise ConfigurationError(f"{what}delimiter {report.delimiter!r} is not one ASCII character other than a quote, a line's end or NUL.")
    if report.report_day not in (ONLY, FIRST, LAST, FILE_NAME):
        raise ConfigurationError(f"{what}report_day {report.report_day!r} is not one of {ONLY}, {FIRST}, {LAST}, {FILE_NAME}.")
    if not report.day_column and report.report_day != FILE_NAME:
        raise ConfigurationError(f"{what}report_day {report.report_day} needs a day_column.")
    if report.columns and report.day_column and report.day_column not in report.columns:
        raise ConfigurationError(f"{what}day_column {report.day_column!r} is not one of its columns {', '.join(report.columns)}.")
    if "" in report.columns or len(set(report.columns)) < len(report.columns):
        raise ConfigurationError(f"{what}a column has no name, or two have the same.")
    try:
        compile_file_day(report.file_day)
        DayReader(day_format=report.day_format)
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}{error}") from None


class Scanner:
    """Takes a file in blocks of any size; memory does not grow with the file. Raises ConfigurationError as ``check_report`` does."""

    def __init__(self, *, report: ReportType, name: str) -> None:
        check_report(report)
        self._report, self._name = report, name
        self._delimiter = report.delimiter.encode()
        self._days = DayReader(day_format=report.day_format)
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._pending: list[bytes] = []
        self._pending_bytes, self._inside = 0, False
        self._columns: tuple[str, ...] = ()
        self._counter: RowCounter | None = None
        self._day_index: int | None = None
        self._row, self._line = 1, 1
        self._found: Counter[str] = Counter()
        self._rows = 0

    def feed(self, block: bytes) -> None:
        """Take what comes next. ContentError as soon as something is wrong."""
        self._bytes += len(block)
        for start in range(0, len(block), _PIECE):
            piece = block[start : start + _PIECE]
            self._digest.update(piece)  # meanwhile other threads run, who compress and send
            self._take(piece)

    def finish(self) -> Facts:
        """What the file holds, once all of it was fed. ContentError when its end is wrong."""
        rest = b"".join(self._pending)
        if not self._bytes or (not self._columns and rest == BOM):
            raise self._error("it is empty, it has not even a header")
        if not self._columns:
            self._refuse_foreign(rest)
        if rest and self._report.final_newline and not self._inside:
            raise self._error("it does not end with a newline, so it is half written", row=self._row, line=self._line)
        if rest:
            self._rows_of(rest if self._inside or rest.endswith(b"\r") else rest + b"\n")
        if not self._rows and not self._report.empty:
            raise self._error(f"it has a header and no row, and a {self._report.name} report is never empty")
        days = {day: self._found[day] for day in sorted(self._found)}
        return Facts(rows=self._rows, bytes=self._bytes, sha256=self._digest.hexdigest(), columns=self._columns, days=days)

    def _take(self, piece: bytes) -> None:
        """Hand on the rows that are whole with ``piece``."""
        cut, self._inside = last_end(piece, inside=self._inside)
        if cut:
            rows, self._pending = b"".join([*self._pending, piece[:cut]]), []
            self._rows_of(rows)
        self._pending.append(piece[cut:])
        self._pending_bytes = len(piece) - cut + (0 if cut else self._pending_bytes)
        if self._pending_bytes > LARGEST_ROW + len(BOM):
            self._rows_of(b"".join(self._pending))

    def _rows_of(self, text: bytes) -> None:
        if self._counter is None:
            text = text[self._header(text) :]
        counts = None
        if self._counter and len(text) <= min(2 * _PIECE, LARGEST_ROW) and b"\0" not in text and is_utf8(text):
            counts = self._counter.count(text)
        if counts is None or not self._add(counts):
            self._walk(text)
        else:
            self._line += text.count(b"\n") if b'"' in text else sum(counts.values())

    def _add(self, counts: Mapping[bytes, int]) -> bool:
        """Count rows by day, unless one of the cells is no day."""
        rows = sum(counts.values())
        try:
            days = [] if self._day_index is None else [(self._days.iso(cell), count) for cell, count in counts.items()]
        except ValueError:
            return False
        for day, count in days:
            self._found[day] += count
        self._rows += rows
        self._row += rows
        return True

    def _walk(self, text: bytes) -> None:
        """Row by row: for rows larger than a piece, and to say what is wrong and where."""
        at = 0
        while at < len(text):
            cells, end = self._read(text, at)
            if len(cells) != len(self._columns):
                fault = f"it has {len(cells)} cells, the header has {len(self._columns)}"
                raise self._error(fault, row=self._row, line=self._line)
            if self._day_index is not None:
                try:
                    self._found[self._days.iso(cells[self._day_index])] += 1
                except ValueError as error:
                    raise self._error(str(error), row=self._row, line=self._line, cell=self._day_index) from None
            self._line += text.count(b"\n", at, end)
            self._rows += 1
            self._row += 1
            at = end

    def _read(self, text: bytes, at: int) -> tuple[list[bytes], int]:
        """The row at ``at`` and its end, when it is CSV in UTF-8."""
        try:
            cells, end = read_row(text, at, delimiter=self._delimiter)
        except RowError as error:
            raise self._error(f"it {error}", row=self._row, line=self._line + text.count(b"\n", at, error.at), cell=error.cell) from None
        if end - at > LARGEST_ROW:
            raise self._error(f"it is longer than {LARGEST_ROW} bytes", row=self._row, line=self._line)
        if cells == [b""] and not text.startswith(b'"', at):
            raise self._error("it is a blank line", row=self._row, line=self._line)
        for index, cell in enumerate(cells):
            if b"\0" in cell or not is_utf8(cell):
                fault = "holds a NUL byte" if b"\0" in cell else "is not UTF-8"
                value = brief(cell[:60].decode("utf-8", "backslashreplace"))
                raise self._error(f"{value} {fault}", row=self._row, line=self._line, cell=index)
        return cells, end

    def _header(self, text: bytes) -> int:
        """Read the header; where the first row starts."""
        self._refuse_foreign(text)
        cells, end = self._read(text, len(BOM) if text.startswith(BOM) else 0)
        try:
            self._columns = header_columns(header=[cell.decode("utf-8") for cell in cells], report=self._report)
        except ValueError as error:
            raise self._error(str(error), row=1, line=1) from None
        self._day_index = self._columns.index(self._report.day_column) if self._report.day_column else None
        self._counter = RowCounter(delimiter=self._delimiter, width=len(self._columns), day=self._day_index)
        self._row, self._line = 2, self._line + text.count(b"\n", 0, end)
        return end

    def _refuse_foreign(self, text: bytes) -> None:
        for beginning, what in _FOREIGN.items():
            if text.startswith(beginning):
                raise self._error(f"it is {what}, not CSV in UTF-8")

    def _error(self, fault: str, *, row: int = 0, line: int = 0, cell: int | None = None) -> ContentError:
        where = f"row {row}" + (f" (line {line})" if line != row else "") + ": " if row else ""
        if cell is not None:
            title = brief(self._columns[cell]) + " " if cell < len(self._columns) else ""
            where = f"{where[:-2]}, column {title}({cell + 1}): "
        return ContentError(f"{self._name}: {where}{fault}. {_AGAIN}")
