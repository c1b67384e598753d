# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar as one HTML page that needs nothing else: no script, no font, no picture; it may be mailed or put anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .calendar_text import classes, cost, months, sentence
from .calendar_view import ARCHIVED, CONFLICTING, EMPTY, LATE, MISSING, REVISED, STATES, Calendar, Day, ReportCalendar, Totals, span
from .html_page import page as html_page
from .html_page import safe
from .prices import CURRENCY
from .table import size

_MARKS = {ARCHIVED: "✓", EMPTY: "0", REVISED: "R", CONFLICTING: "!", MISSING: "✗", LATE: "…"}
"""So that colour is never the only sign."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6475; --page: #fff; --line: #d5dae3; --good: #cdebd3; --good-ink: #14532d; --plain: #e8f4ea;
  --new: #cfe3fb; --new-ink: #173e6e; --bad: #b3261e; --bad-ink: #fff; --wait: #fde9b8; --wait-ink: #6a4a00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #a3adbd; --page: #14171d; --line: #3a4250; --good: #1d4a2b; --good-ink: #c9f0d2;
  --plain: #1b2f22; --new: #1d3d66; --new-ink: #d3e6ff; --bad: #d9483f; --bad-ink: #fff; --wait: #574312; --wait-ink: #ffe6a8 } }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 1.75rem 0 .25rem; overflow-wrap: anywhere }
p { margin: .25rem 0 .5rem } .soft { color: var(--soft) } ul { list-style: none; margin: .25rem 0; padding: 0 }
li { margin: .4rem 0; overflow-wrap: anywhere; padding-left: 2rem; position: relative } li .mark { left: 0; position: absolute } .day { white-space: nowrap }
.wide { overflow-x: auto } table { border-collapse: separate; border-spacing: 2px } th { font-weight: 600 }
.days th { color: var(--soft); font-size: .75rem; font-weight: 400; min-width: 1.4rem; text-align: center }
.days th[scope=row] { background: var(--page); left: 0; padding-right: .4rem; position: sticky; white-space: nowrap; font-variant-numeric: tabular-nums }
.days td { border-radius: 3px; font-size: .8rem; height: 1.4rem; line-height: 1; min-width: 1.4rem; padding: 0; text-align: center }
.days td.expected { border: 1px dashed var(--line); box-sizing: border-box }
.archived { background: var(--good); color: var(--good-ink) } .empty { background: var(--plain); color: var(--good-ink) }
@media (prefers-color-scheme: dark) { .empty { color: #c9f0d2 } }
.revised { background: var(--new); color: var(--new-ink) } .late { background: var(--wait); color: var(--wait-ink) }
.conflicting, .missing { background: var(--bad); color: var(--bad-ink); font-weight: 700 }
.totals { border-spacing: 0 } .totals th, .totals td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right; white-space: nowrap }
.totals th[scope=row], .totals thead th:first-child { padding-left: 0; text-align: left; white-space: normal }
.totals tr > :nth-child(6) { text-align: left } .totals tr:last-child > * { font-weight: 600 }
dl { display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; margin: .5rem 0 }
dl div { display: flex; gap: .5rem } dd { margin: 0 }
dt, .mark { border-radius: 3px; flex: none; height: 1.5rem; line-height: 1.5rem; text-align: center; width: 1.6rem }
.hidden { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; white-space: nowrap; width: 1px }
"""


def page(shown: Calendar) -> str:
    """The whole document. Everything that comes from the archive or its configuration is escaped."""
    title = safe(f"Archive calendar: {shown.bucket}")
    made = safe(shown.generated_at)
    return html_page(
        title=title,
        style=_STYLE,
        body=[
            "<header>",
            f"<h1>{title}</h1>",
            f'<p class="soft">Region {safe(shown.region)}. Generated at <time datetime="{made}">{made}</time>.</p>',
            "</header>",
            "<main>",
            *_problems(shown),
            *_legend(),
            *(line for number, report in enumerate(shown.reports, 1) for line in _report(number, report)),
            *_totals(shown),
            "</main>",
        ],
    )


def _problems(shown: Calendar) -> Iterator[str]:
    yield '<section aria-labelledby="problems"><h2 id="problems">Problems</h2>'
    yield f"<p>{safe(shown.verdict)}</p>"
    if shown.problems:
        yield '<ul role="list">'
        for problem in shown.problems:
            reason = f'<div class="soft">{safe(problem.reason)}</div>' if problem.reason else ""
            days = f'<span class="day">{span(problem.first, problem.last)}</span>'
            yield f"<li>{_mark(problem.state)}<b>{safe(problem.report)}</b> {problem.state} {days}{reason}</li>"
        yield "</ul>"
    yield "</section>"


def _totals(shown: Calendar) -> Iterator[str]:
    yield '<section aria-labelledby="totals"><h2 id="totals">Totals</h2>'
    yield '<div class="wide" role="region" aria-labelledby="totals" tabindex="0"><table class="totals">'
    heads = ("Report", "Days", "Rows", "Content", "Stored", "Objects by class", f"{CURRENCY} a month")
    yield _head(heads)
    yield from (_total(report.report, report.totals) for report in shown.reports)
    yield _total("All", shown.totals)
    yield f'</tbody></table></div><p class="soft">{safe(shown.cost_basis)}</p></section>'


def _total(name: str, totals: Totals) -> str:
    cells = (
        f"{totals.archived:,}",
        f"{totals.rows:,}",
        size(totals.content_bytes),
        size(totals.object_bytes),
        classes(totals),
        cost(totals.cost_per_month),
    )
    return f'<tr><th scope="row">{safe(name)}</th>{"".join(f"<td>{safe(cell)}</td>" for cell in cells)}</tr>'


def _legend() -> Iterator[str]:
    yield '<section aria-labelledby="legend"><h2 id="legend">Legend</h2><dl>'
    for state, meaning in STATES.items():
        yield f'<div><dt class="{state}">{_MARKS[state]}</dt><dd><b>{state}</b> {safe(meaning)}</dd></div>'
    yield "</dl></section>"


def _report(number: int, report: ReportCalendar) -> Iterator[str]:
    yield f'<section aria-labelledby="report-{number}"><h2 id="report-{number}">{safe(report.report)}</h2>'
    yield f'<p class="soft">{safe(sentence(report))}</p>'
    if report.days:
        yield f'<div class="wide" role="region" aria-labelledby="report-{number}" tabindex="0"><table class="days">'
        yield _head(("Month", *map(str, range(1, 32))))
        yield from (_month(month, days) for month, days in months(report.days).items())
        yield "</tbody></table></div>"
    yield "</section>"


def _month(month: str, days: Mapping[int, Day]) -> str:
    cells = (_cell(days[number]) if number in days else "<td></td>" for number in range(1, 32))
    return f'<tr><th scope="row">{month}</th>{"".join(cells)}</tr>'


def _cell(day: Day) -> str:
    title = safe(_facts(day))
    if day.state not in STATES:
        return f'<td class="{day.state}" title="{title}"></td>'
    return f'<td class="{day.state}" title="{title}"><span aria-hidden="true">{_MARKS[day.state]}</span><span class="hidden">{day.state}</span></td>'


def _facts(day: Day) -> str:
    facts = [f"{day.day}: {day.state}"]
    if day.manifest is not None:
        facts += [f"{day.manifest.rows:,} rows", size(day.manifest.content_bytes), f"revision {day.manifest.revision} of {day.revisions}"]
        facts += [f"version {day.manifest.version_id}"] if day.manifest.version_id else []
    return ". ".join([", ".join(facts), *day.reasons])


def _head(cells: Iterable[str]) -> str:
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in cells)
    return f"<thead><tr>{columns}</tr></thead><tbody>"


def _mark(state: str) -> str:
    return f'<span class="mark {state}" aria-hidden="true">{_MARKS[state]}</span>'
