# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, uniqueness, checks and indexes of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..sql import quoted
from . import expressions, fits
from .model import Index, Table
from .names import Names
from .planned import ColumnPlan, Constraint, IndexPlan
from .told import Told

Widths = Mapping[str, int]
"""Bytes of the longest value, by column."""
_BINARY, _NOCASE = "BINARY", "NOCASE"
_WIDEST = 2600
"""Bytes that surely find room in an entry of a B-tree."""
_LONG = (fits.PLAIN, fits.BYTEA, fits.VARCHAR, fits.NUMERIC, "citext")


def constraints(*, table: Table, target: str, columns: Sequence[ColumnPlan], widths: Widths, taken: Names, told: Told) -> tuple[Constraint, ...]:
    """The primary key, UNIQUE of plain columns, and CHECK."""
    by_name = {column.source: column for column in columns}
    keys = [table.primary] if table.primary else []
    keys += [index.names for index in table.indexes if index.made_by == "u" and _is_plain(index)]
    found = []
    for key in keys:
        try:
            _check([by_name[name] for name in key], widths)
        except expressions.Unlike as unlike:
            told.blocks(f"index:{table.name}.{','.join(key)}", table.name, f"{table.name}: {', '.join(key)} is not kept unique any more ({unlike})")
            continue
        found.append(_primary(table, target, by_name, taken, told) if key == table.primary else _unique(target, [by_name[name] for name in key], taken))
    for place, check in enumerate(table.checks, 1):
        try:
            sql = expressions.condition(check.sql, by_name)
        except expressions.Unlike as unlike:
            what = f"{table.name}: a condition is not checked any more: CHECK ({check.sql}) ({unlike})"
            told.blocks(f"check:{table.name}.{check.name or place}", table.name, what)
            continue
        found.append(Constraint(taken.give(check.name or f"{target}_check_{place}"), f"CHECK ({sql})"))
    return tuple(found)


def _unique(target: str, columns: Sequence[ColumnPlan], taken: Names) -> Constraint:
    return Constraint(taken.give(f"{target}_{'_'.join(column.target for column in columns)}_key"), f"UNIQUE ({_list(columns)})")


def _check(columns: Sequence[ColumnPlan], widths: Widths) -> None:
    """Raises Unlike where an index cannot have these columns together."""
    for column in columns:
        if column.type == fits.JSON:
            raise expressions.Unlike(f"{column.source} is json, which cannot be compared; as text or jsonb it can")
    wide = {column.source: min(4 * column.values.longest, widths.get(column.source, 1 << 40)) for column in columns if fits.base(column.type) in _LONG}
    if sum(wide.values()) > _WIDEST:
        raise expressions.Unlike(f"values of {', '.join(wide)} have {sum(wide.values())} bytes, more than an entry of an index surely holds")


def _primary(table: Table, target: str, columns: Mapping[str, ColumnPlan], taken: Names, told: Told) -> Constraint:
    sql, name = _list(columns[key] for key in table.primary), taken.give(f"{target}_pkey")
    nulls = [key for key in table.primary if columns[key].values.nulls]
    if not nulls:
        return Constraint(name, f"PRIMARY KEY ({sql})")
    rows = max(columns[key].values.nulls for key in nulls)
    what = f"{table.name}: NULL stands in its primary key ({', '.join(nulls)}), which SQLite allows and PostgreSQL does not; it becomes UNIQUE"
    told.blocks(f"nulls:{table.name}.{','.join(table.primary)}", table.name, what, column=nulls[0], rows=rows)
    return Constraint(name, f"UNIQUE ({sql})")


def indexes(*, table: Table, target: str, columns: Sequence[ColumnPlan], widths: Widths, taken: Names, told: Told) -> tuple[IndexPlan, ...]:
    """All that is no constraint; what is unique without regard to case, too."""
    by_name = {column.source: column for column in columns}
    for column in columns:
        if column.collation == _NOCASE:
            _told_case(table, column, told)
    found = []
    for index in table.indexes:
        if index.made_by == "c" or not _is_plain(index):
            found.extend(_index(table, target, index, by_name, widths, taken, told))
    return tuple(found)


def _told_case(table: Table, column: ColumnPlan, told: Told) -> None:
    name = f"{table.name}.{column.source}"
    what = (
        f"{name} is compared without regard to the case of A-Z in SQLite (COLLATE NOCASE), but with regard to it in PostgreSQL; "
        f'what is unique stays so by lower({column.target} COLLATE "C"). Queries have to ask for it, or the column is cast to citext, an extension'
    )
    if column.type != "citext":
        told.notice(f"nocase:{name}", table.name, what, column=column.source)


def _is_plain(index: Index) -> bool:
    """Whether a constraint can say it: columns as they are, compared byte by byte, of all rows."""
    return all(index.names) and not index.where and all(collation == _BINARY for collation in index.collations)


def _index(table: Table, target: str, index: Index, columns: Mapping[str, ColumnPlan], widths: Widths, taken: Names, told: Told) -> list[IndexPlan]:
    made = index.made_by != "c"
    said = f"its uniqueness ({', '.join(index.columns)})" if made else f"index {index.name}"
    name = f"{target}_{'_'.join(columns[name].target for name in index.names)}_key" if made else index.name
    try:
        sql = _using(index, columns, widths)
    except expressions.Unlike as unlike:
        code = f"index:{table.name}.{','.join(index.names)}" if made else f"index:{index.name}"
        what = f"{table.name}: {said} does not come along ({unlike})"
        told.blocks(code, table.name, what) if index.unique else told.notice(code, table.name, what)
        return []
    given = taken.give(name)
    if given != index.name and not made:
        told.notice(f"name:{index.name}", table.name, f"index {index.name} is called {given}: its name is too long or another's")
    return [IndexPlan(name=given, sql=sql, unique=index.unique)]


def _using(index: Index, columns: Mapping[str, ColumnPlan], widths: Widths) -> str:
    """Raises Unlike where it would not be the same."""
    entries = []
    for sql, name, descending, collation in zip(index.columns, index.names, index.descending, index.collations):
        entry = _entry(columns[name], collation) if name else f"({expressions.indexed(sql, columns, exact=index.unique)})"
        entries.append(f"{entry} DESC" if descending else entry)
    where = f" WHERE {expressions.condition(index.where, columns)}" if index.where else ""
    plain = [columns[name] for name in index.names if name]
    try:
        _check(plain, widths)
    except expressions.Unlike:
        if index.unique or len(index.names) > 1 or plain[0].type == fits.JSON:
            raise
        return f"USING hash ({quoted(plain[0].target)}){where}"  # finds what is equal, however long it is
    return f"USING btree ({', '.join(entries)}){where}"


def _entry(column: ColumnPlan, collation: str) -> str:
    if collation == _NOCASE and fits.base(column.type) in (fits.PLAIN, fits.VARCHAR):
        return f'lower({quoted(column.target)} COLLATE "C")'
    if collation not in (_BINARY, _NOCASE):
        raise expressions.Unlike(f"collation {collation} is SQLite's own")
    return quoted(column.target)


def _list(columns: Iterable[ColumnPlan]) -> str:
    return ", ".join(quoted(column.target) for column in columns)
