# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the library found, as the command and the modules answer it: a plan is the report, and what is in the way stands first and last."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
from collections.abc import Iterator, Sequence

from .. import errors
from ..answers import Answer
from ..table import clean, number
from . import describe
from .planned import Difference, Plan, TablePlan

_WIDEST, _NARROWEST = 100, 72
"""Characters of a line, as the terminal has them, within these."""
_NARROW, _LAST = (26, 14, 30), 16
"""The widest that a column's name, declared type and type are shown in one line, and the least that is left for what is said of it."""


@dataclasses.dataclass(frozen=True)
class PlanAnswer(Answer):
    """Its listing has its problems in it."""

    @property
    def text(self) -> str:
        """The answer as a person reads it."""
        return f"{self.listing}{self.sentence}\n"


def planned(plan: Plan, *, dry_run: bool = True) -> Answer:
    """What a run would do, and what it would refuse, or, where that was no dry run, did."""
    blocking, accepted, notices = describe.split(plan)
    summary = {
        "tables": len(plan.tables),
        "rows": sum(table.rows for table in plan.tables.values()),
        "bytes": sum(table.bytes for table in plan.tables.values()),
        "blocking": len(blocking),
        "accepted": len(accepted),
        "notices": len(notices),
        "dry_run": dry_run,
    }
    return PlanAnswer(
        code=errors.STAYED if blocking else errors.OK,
        summary=summary,
        sentence=verdict(blocking),
        listing="".join(f"{line}\n" for line in _listing(plan, blocking, accepted, notices)),
        problems=[said(one) for one in blocking],
        files=[describe.row(table) for table in plan.tables.values()],
        things="tables",
        more=describe.document(plan),
        changed=dry_run,
        diff=[difference(plan, table) for table in plan.tables.values()],
    )


def described(plan: Plan) -> Answer:
    """What a database would be; nothing is refused as nothing was to be done."""
    return dataclasses.replace(planned(plan), code=errors.OK, changed=False, diff=())


def verdict(blocking: Sequence[Difference]) -> str:
    """How a plan ends."""
    if blocking:
        return f"{number(len(blocking), 'difference')} to be resolved before anything is loaded."
    return "Nothing is in the way."


def said(difference: Difference) -> str:
    """A difference, and what resolves it."""
    return clean(describe.sentence(difference) + (f" Set {difference.setting}." if difference.setting else ""))


def difference(plan: Plan, table: TablePlan) -> dict[str, str]:
    """What Ansible shows of a table."""
    schema = plan.migration.schema
    lines = [describe.moves(table, schema), *(f"  {column.target} {describe.becomes(column)}" for column in table.columns)]
    lines += [f"  {name} {sql}" for name, sql in describe.others(table)]
    named = f"{plan.migration.target.said}: {schema}.{table.name}"
    return {"before_header": named, "after_header": named, "before": "", "after": "".join(f"{clean(line)}\n" for line in lines)}


def _listing(plan: Plan, blocking: Sequence[Difference], accepted: Sequence[Difference], notices: Sequence[Difference]) -> Iterator[str]:
    yield from _wrapped(describe.heading(plan))
    yield from _wrapped(describe.totals(plan))
    yield from _numbered("To be resolved first", blocking)
    for table in plan.tables.values():
        yield ""
        yield from _table(table, plan.migration.schema)
    yield from _left(plan)
    yield from _numbered("Accepted", accepted)
    yield from _numbered("Good to know", notices)
    for note in plan.notes.values():
        yield from _wrapped(note, first="   - ", rest="     ")
    yield from _numbered("To do", blocking)
    yield ""


def _table(table: TablePlan, schema: str) -> Iterator[str]:
    yield from _wrapped(describe.moves(table, schema))
    rows = [
        (
            column.target if column.source == column.target else f"{column.source} -> {column.target}",
            describe.declared(table, column) or "-",
            describe.becomes(column),
        )
        for column in table.columns
    ]
    widths = [min(most * _width() // _WIDEST, max((len(clean(row[place])) for row in rows), default=0)) for place, most in enumerate(_NARROW)]
    for row, column in zip(rows, table.columns):
        yield from _grid([clean(cell) for cell in row], widths, clean(f"{describe.holds(column)}. {describe.why(column)}".strip()))
    for name, sql in describe.others(table):
        yield from _wrapped(f"{name} {sql}", first="  + ", rest="    ")


def _grid(cells: Sequence[str], widths: Sequence[int], last: str) -> Iterator[str]:
    """Cells beside each other, each in lines of its own width; what the last one says gets the room that is left."""
    left = max(_width() - 2 - sum(widths) - 2 * len(widths), _LAST)
    columns = [_cut(cell, width) for cell, width in zip((*cells, last), (*widths, left))]
    for place in range(max(map(len, columns))):
        parts = [column[place] if place < len(column) else "" for column in columns]
        yield ("  " + "  ".join(part.ljust(width) for part, width in zip(parts, (*widths, left)))).rstrip()


def _width() -> int:
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 0)).columns))


def _cut(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _wrapped(text: str, *, first: str = "", rest: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(clean(text), _width(), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _left(plan: Plan) -> Iterator[str]:
    lines = list(describe.besides(plan))
    if lines:
        yield ""
        yield "Besides the tables"
    for line in lines:
        yield from _wrapped(line, first="  ", rest="    ")


def _numbered(title: str, differences: Sequence[Difference]) -> Iterator[str]:
    if not differences:
        return
    yield ""
    yield f"{title}: {len(differences):,}"
    for place, one in enumerate(differences, 1):
        yield from _wrapped(describe.sentence(one), first=f"{place:3}. ", rest="     ")
        if one.setting:
            yield from _wrapped(f"set: {one.setting}", first="     ", rest="       ")
