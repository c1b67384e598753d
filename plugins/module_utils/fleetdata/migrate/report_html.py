# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan, or what a run did, as one HTML page that needs nothing else: no script, no font, no picture; it may be mailed to a colleague."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..answers import Answer
from ..html_page import page as html_page
from ..html_page import safe
from ..table import size
from . import describe
from .planned import ColumnPlan, Difference, Plan, TablePlan

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6475; --page: #fff; --line: #d5dae3; --bad: #b3261e; --bad-page: #fdecea; --wait: #6a4a00;
  --wait-page: #fdf3d7; --good: #14532d; --good-page: #e3f4e7; --code: #f3f5f9 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #a3adbd; --page: #14171d; --line: #3a4250; --bad: #ffb4ab; --bad-page: #45201d;
  --wait: #ffe6a8; --wait-page: #41361a; --good: #c9f0d2; --good-page: #1d3626; --code: #1f2430 } }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2rem 0 .25rem } h3 { font-size: 1.05rem; margin: 1.75rem 0 .25rem; overflow-wrap: anywhere }
p { margin: .25rem 0 .5rem } .soft { color: var(--soft) }
.verdict { border-radius: 6px; font-weight: 600; padding: .5rem .75rem } .verdict.bad { background: var(--bad-page); color: var(--bad) }
.verdict.good { background: var(--good-page); color: var(--good) }
ol, ul { margin: .25rem 0; padding-left: 2rem } li { margin: .5rem 0; overflow-wrap: anywhere } li::marker { font-weight: 600 }
.blocks li { border-left: 3px solid var(--bad); padding-left: .6rem } .accepted li { border-left: 3px solid var(--wait); padding-left: .6rem }
code { background: var(--code); border-radius: 3px; font: .875rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; padding: .1rem .3rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top } th { font-weight: 600 }
td { min-width: 7rem } td:last-child { min-width: 16rem } td.number { min-width: 0; text-align: right; white-space: nowrap }
th.number { text-align: right } thead th { color: var(--soft); font-size: .85rem; font-weight: 400 }
@media print { body { max-width: none } h3 { break-after: avoid } tr { break-inside: avoid } }
"""


def page(plan: Plan, answer: Answer) -> str:
    """The whole document. Everything that comes from the database or its configuration is escaped."""
    title = safe(describe.heading(plan))
    blocking, accepted, notices = describe.split(plan)
    return html_page(
        title=title,
        style=_STYLE,
        body=[
            f"<header><h1>{title}</h1>",
            f'<p class="soft">{safe(describe.totals(plan))}</p>',
            f'<p class="verdict {"bad" if answer.code else "good"}">{safe(answer.sentence)}</p></header>',
            "<main>",
            *_differences("To be resolved first", "blocks", blocking),
            *_problems(answer, blocking),
            *_overview(plan, answer),
            *(line for place, table in enumerate(plan.tables.values(), 1) for line in _table(place, table, plan.migration.schema)),
            *_besides(plan),
            *_differences("Accepted", "accepted", accepted),
            *_differences("Good to know", "notices", notices),
            *_notes(plan),
            "</main>",
        ],
    )


def _differences(title: str, kind: str, differences: Sequence[Difference]) -> Iterator[str]:
    if not differences:
        return
    yield f'<section aria-labelledby="{kind}"><h2 id="{kind}">{title}: {len(differences):,}</h2><ol class="{kind}">'
    for one in differences:
        setting = f"<br>set: <code>{safe(one.setting)}</code>" if one.setting else ""
        yield f"<li>{safe(describe.sentence(one))}{setting}</li>"
    yield "</ol></section>"


def _problems(answer: Answer, blocking: Sequence[Difference]) -> Iterator[str]:
    """What a run found; a plan's problems are its differences, which are told already."""
    if answer.problems and not blocking:
        yield '<section aria-labelledby="problems"><h2 id="problems">Problems</h2><ul>'
        yield from (f"<li>{safe(problem)}</li>" for problem in answer.problems)
        yield "</ul></section>"


def _overview(plan: Plan, answer: Answer) -> Iterator[str]:
    status = {row.get("table", ""): row.get("status", "") for row in answer.files}
    yield '<section aria-labelledby="tables"><h2 id="tables">Tables</h2><div class="wide" role="region" aria-labelledby="tables" tabindex="0"><table>'
    yield _head(("Table", "In PostgreSQL", "Status"), ("Columns", "Rows", "Size"))
    for place, (name, table) in enumerate(plan.tables.items(), 1):
        cells = (f'<a href="#table-{place}">{safe(name)}</a>', safe(f"{plan.migration.schema}.{table.name}"), safe(status.get(name, "")))
        numbers = (f"{len(table.columns):,}", f"{table.rows:,}", size(table.bytes) if table.bytes else "")
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "".join(f'<td class="number">{cell}</td>' for cell in numbers) + "</tr>"
    yield "</tbody></table></div></section>"


def _table(place: int, table: TablePlan, schema: str) -> Iterator[str]:
    yield f'<section><h3 id="table-{place}">{safe(describe.moves(table, schema))}</h3>'
    yield f'<div class="wide" role="region" aria-labelledby="table-{place}" tabindex="0"><table>'
    yield _head(("Column", "Declared", "Becomes", "Holds", "Why"), ())
    yield from (_column(table, column) for column in table.columns)
    yield "</tbody></table></div>"
    rest = [f"<li>{safe(name)} <code>{safe(sql)}</code></li>" for name, sql in describe.others(table)]
    yield f"<ul>{''.join(rest)}</ul></section>" if rest else "</section>"


def _column(table: TablePlan, column: ColumnPlan) -> str:
    name = safe(column.source) if column.source == column.target else f"{safe(column.source)} → {safe(column.target)}"
    said = describe.declared(table, column)
    cells = (
        f"<code>{safe(said)}</code>" if said else "",
        f"<code>{safe(describe.becomes(column))}</code>",
        safe(describe.holds(column)),
        safe(describe.why(column)),
    )
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _besides(plan: Plan) -> Iterator[str]:
    lines = list(describe.besides(plan))
    if lines:
        yield '<section aria-labelledby="besides"><h2 id="besides">Besides the tables</h2><ul>'
        yield from (f"<li>{safe(line)}</li>" for line in lines)
        yield "</ul></section>"


def _notes(plan: Plan) -> Iterator[str]:
    if plan.notes:
        yield f"<section><ul>{''.join(f'<li>{safe(note)}</li>' for note in plan.notes.values())}</ul></section>"


def _head(cells: Sequence[str], numbers: Sequence[str]) -> str:
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in cells) + "".join(f'<th scope="col" class="number">{cell}</th>' for cell in numbers)
    return f"<thead><tr>{columns}</tr></thead><tbody>"
