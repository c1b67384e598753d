# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar in a terminal, 80 columns wide: a row of day cells a month, what is wrong as ranges of days, totals and a legend."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .calendar_view import ARCHIVED, CONFLICTING, EMPTY, LATE, MISSING, REVISED, STATES, Calendar, Day, ReportCalendar, Totals
from .prices import CURRENCY
from .table import clean, size

WIDTH = 80
_NAME_WIDTH = 17
_ASCII = {ARCHIVED: "#", EMPTY: "0", REVISED: "R", CONFLICTING: "!", MISSING: "x", LATE: "~"}
_UNICODE = {ARCHIVED: "■", EMPTY: "□", REVISED: "▣", CONFLICTING: "!", MISSING: "✗", LATE: "◌"}
_COLOURS = {ARCHIVED: 32, EMPTY: 32, REVISED: 36, CONFLICTING: 31, MISSING: 31, LATE: 33}


@dataclass(frozen=True)
class Style:
    """How a terminal is written to. marks: a character by state. colour: whether the marks have a colour besides."""

    marks: Mapping[str, str]
    colour: bool = False

    def mark(self, state: str) -> str:
        """The cell of a day; blank where nothing is expected."""
        mark = self.marks.get(state, " ")
        return f"\x1b[{_COLOURS[state]}m{mark}\x1b[0m" if self.colour and state in _COLOURS else mark


PLAIN = Style(marks=_ASCII)


def style(*, encoding: str, environ: Mapping[str, str], terminal: bool) -> Style:
    """PLAIN unless the stream's encoding is UTF-8 and NO_COLOR is not set; colour only in a terminal."""
    if environ.get("NO_COLOR") or encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return PLAIN
    return Style(marks=_UNICODE, colour=terminal and environ.get("TERM") != "dumb")


def text(shown: Calendar, *, style: Style = PLAIN) -> str:
    """The whole calendar, lines with a newline each; at most 80 columns wide but for names and keys that are longer."""
    lines = [clean(f"Archive s3://{shown.bucket} ({shown.region}), {shown.generated_at}"), shown.verdict, ""]
    for report in shown.reports:
        lines += [*_report(report, style), ""]
    lines += [*_totals(shown), "", *_legend(style)]
    return "".join(f"{line}\n" for line in lines)


def months(days: Iterable[Day]) -> dict[str, dict[int, Day]]:
    """The days by month (2026-03) and day of the month."""
    found: dict[str, dict[int, Day]] = {}
    for day in days:
        found.setdefault(day.day[:7], {})[int(day.day[8:])] = day
    return found


def cost(amount: float | None) -> str:
    """A cost a month, with as many digits as say something; "unknown" without a price."""
    if amount is None:
        return "unknown"
    return f"{amount:.2f}" if amount >= 1 or amount == 0 else f"{amount:.4f}" if amount >= 0.0001 else "<0.0001"


def classes(totals: Totals) -> str:
    """The storage classes in use, with how many objects each."""
    return ", ".join(f"{name} {kept.objects:,}" for name, kept in sorted(totals.storage.items())) or "-"


def sentence(report: ReportCalendar) -> str:
    """The days of a report in a sentence."""
    if not report.days:
        return "no day to show"
    wanted = sum(report.totals.states[state] for state in STATES)
    return f"{report.days[0].day} to {report.days[-1].day}, {report.totals.archived:,} of {wanted:,} days archived"


def _report(report: ReportCalendar, style: Style) -> Iterator[str]:
    yield f"{report.report}: {sentence(report)}"
    if report.days:
        yield " " * 9 + "".join(f"{day:<2}" if day in (1, 5, 10, 15, 20, 25, 30) else "  " for day in range(1, 32)).rstrip()
    for month, days in months(report.days).items():
        cells = (style.mark(days[number].state) if number in days else " " for number in range(1, 32))
        yield f"{month}  {' '.join(cells)}".rstrip()
    for problem in report.problems:
        yield from textwrap.wrap(clean(str(problem)), WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _totals(shown: Calendar) -> Iterator[str]:
    head = ("", "days", "rows", "content", "stored", f"{CURRENCY}/month")
    yield _row(head)
    for name, totals in [*((report.report, report.totals) for report in shown.reports), ("all", shown.totals)]:
        if len(name) > _NAME_WIDTH:
            yield name
        cells = (f"{totals.archived:,}", f"{totals.rows:,}", size(totals.content_bytes), size(totals.object_bytes), cost(totals.cost_per_month))
        yield _row((name if len(name) <= _NAME_WIDTH else "", *cells))
    yield f"Objects by storage class: {clean(classes(shown.totals))}."
    yield from textwrap.wrap(clean(shown.cost_basis), WIDTH)


def _row(cells: tuple[str, ...]) -> str:
    name, days, rows, content, kept, price = cells
    return f"{name:<{_NAME_WIDTH}}{days:>8}{rows:>16}{content:>13}{kept:>13}{price:>13}"


def _legend(style: Style) -> Iterator[str]:
    for state, meaning in STATES.items():
        yield f"{style.mark(state)}  {state}: {meaning}"
