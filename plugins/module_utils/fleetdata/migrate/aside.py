# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no table: views, triggers, virtual tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..sql import quoted, statement
from .model import Named, Source
from .names import Names
from .planned import TablePlan
from .syntax import Unlike
from .told import Told
from .views import Views

_CONTENT = re.compile(r"""\bcontent\s*=\s*["']?([^\s"',)]+)""", re.IGNORECASE)
"""The table that has the texts of an index for searches, as its declaration says."""
_OWN_NUMBER = ("rtree", "rtree_i32")


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
    code, said = f"virtual:{table.name}", f"{table.name} is a virtual table ({table.kind or 'of an unknown module'}), which PostgreSQL does not have"
    search = table.kind.startswith("fts")
    if search and f"{table.name}_content" not in table.shadows:
        content = next((found[1] for found in [_CONTENT.search(table.sql)] if found), "")
        made = f"; there: {_index(content, table)}" if content else ", over the columns that the texts are in"
        told.notice(code, table.name, f"{said}; it holds no texts of its own, and searches are made by to_tsvector() and a GIN index there{made}")
        return
    rows = f"{table.name}_rows"
    columns = ", ".join(quoted(column) for column in table.columns)
    number = "" if table.kind in _OWN_NUMBER else "rowid AS id, "
    copy = statement("CREATE TABLE", quoted(rows), "AS SELECT", f"{number}{columns or '*'}", "FROM", quoted(table.name))
    found = f" (searches there are made by an index: {_index(rows, table)})" if search else ""
    told.blocks(code, table.name, f"{said}; its rows do not come along. To keep them as a plain table{found}, run this in SQLite first: {copy}")


def _index(name: str, table: Named) -> str:
    texts = " || ' ' || ".join(f"coalesce({quoted(column)}, '')" for column in table.columns)
    return statement("CREATE INDEX ON", quoted(name), f"USING gin (to_tsvector('simple', {texts or '…'}))")
