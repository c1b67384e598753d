# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no table: views, triggers, virtual tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..sql import quoted, statement
from .model import Named, Source
from .names import Names
from .planned import TablePlan
from .syntax import Unlike
from .told import Told
from .views import Views


def views(*, chosen: Sequence[Named], tables: Mapping[str, TablePlan], taken: Names, told: Told) -> tuple[Named, ...]:
    """Those that PostgreSQL can have, each after those it selects from; the others are told."""
    found = Views(views=chosen, tables=tables, taken=taken)
    for view in chosen:
        try:
            found.translated(view.name)
        except Unlike as unlike:
            told.notice(f"view:{view.name}", view.name, f"view {view.name} does not come along ({unlike}): {view.sql}")
    return found.in_order


def left(*, source: Source, told: Told) -> tuple[Named, ...]:
    """What does not come along."""
    untold = {one.code for one in told.differences}
    for trigger in source.triggers:
        what = f"trigger {trigger.name} does not come along; what it does has to be done by the application or a trigger of PostgreSQL"
        told.notice(f"trigger:{trigger.name}", trigger.table, what)
    for table in source.virtual:
        _virtual(table, told)
    unsaid = (view for view in source.views if f"view:{view.name}" in untold)
    return (*unsaid, *source.triggers, *source.virtual)


def _virtual(table: Named, told: Told) -> None:
    """A search index over a table that comes along is made anew; rows that are nowhere else are lost unless somebody acts."""
    code, said = f"virtual:{table.name}", f"{table.name} is a virtual table ({table.kind}), which PostgreSQL does not have"
    if table.kind.startswith("fts") and f"{table.name}_content" not in table.shadows:
        told.notice(code, table.name, f"{said}; it holds no texts of its own, and searches are made by to_tsvector() and a GIN index there")
        return
    columns = ", ".join(quoted(column) for column in table.columns)
    number = "" if table.kind == "rtree" else "rowid AS id, "
    copy = statement("CREATE TABLE", quoted(f"{table.name}_rows"), "AS SELECT", f"{number}{columns or '*'}", "FROM", quoted(table.name))
    told.blocks(code, table.name, f"{said}; its rows do not come along. To keep them, run this in SQLite first: {copy}")
