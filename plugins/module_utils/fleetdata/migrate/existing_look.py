# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the rows tell of tables that are there: values that their types would round or refuse, doubles, orphans."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Callable

from ..retention.rows import Text
from ..sql import quoted, statement
from . import conversions, existing_fill, fits, kinds
from .cells import cell
from .existing import Existing, ExistingColumn, ExistingKey, ExistingReference, read
from .existing_match import match
from .fields import RefusedError
from .migration import QUARANTINE, Migration
from .plan import look as look_at_source
from .planned import ColumnPlan, Plan, TablePlan
from .survey import BLOB, TEXT
from .told import Told

_MICROSECONDS = 6
_SHOWN = 5


def look(*, database: sqlite3.Connection, connection: Any, migration: Migration) -> Plan:
    """The plan of a migration into tables that are there. database: in a read transaction, for all that is read has to be of one state.

    Nothing is written on either side. Raises ConfigurationError as ``plan.look`` does.
    """
    existing = read(connection, migration.schema)
    plan = match(plan=look_at_source(database=database, migration=migration), existing=existing)
    plan = existing_fill.asked(connection=connection, plan=plan, existing=existing)
    factory, database.text_factory = database.text_factory, Text
    try:
        return replace(plan, differences=(*plan.differences, *checked(database=database, plan=plan, existing=existing)))
    finally:
        database.text_factory = factory


def checked(*, database: sqlite3.Connection, plan: Plan, existing: Existing) -> list[Any]:
    """The differences that come to what the plan has."""
    told = Told()
    told.differences += plan.differences
    sources = {table.name: table for table in plan.tables.values()}
    for table in plan.tables.values():
        there = existing.tables[table.name]
        for column in table.loaded:
            _values(database, plan.migration, table, column, there.columns[column.target], told)
        for key in there.keys:
            _doubles(database, table, key, told)
        for reference in there.references:
            _orphans(database, table, reference, sources.get(reference.table), told)
    return told.differences[len(plan.differences) :]


def _values(database: sqlite3.Connection, migration: Migration, table: TablePlan, column: ColumnPlan, there: ExistingColumn, told: Told) -> None:
    if there.labels:
        _labels(database, table, column, there, told)
        return
    name = f"{table.source.name}.{column.source}"
    if not _is_risky(column) or any(one.code == f"misfit:{name}" for one in told.differences):
        return
    accepts, refused, first, rule = _accepting(column), 0, None, ""
    for place, value in _each(database, table, column):
        why = accepts(value)
        if why:
            refused, first, rule = refused + 1, first or place, rule or why
    if not refused:
        return
    what = f"{name} is {there.type} in the target: {refused} values do not fit; the first, in row {first}, {rule}"
    if migration.on_misfit == QUARANTINE:
        told.notice(f"misfit:{name}", table.source.name, f"{what}. These rows go to {table.name}__misfit", column=column.source, rows=refused)
    else:
        wider = f"ALTER TABLE {quoted(migration.schema)}.{quoted(table.name)} ALTER COLUMN {quoted(column.target)} TYPE {fits.base(there.base)}"
        told.blocks(
            f"misfit:{name}", table.source.name, what, column=column.source, rows=refused, setting=f"{wider}, or on_misfit: {QUARANTINE}"
        )  # fmt: skip


def _is_risky(column: ColumnPlan) -> bool:
    """Whether values of the right kind may still be none that the type has."""
    types = column.values.types
    if column.conversion in (conversions.TEXT, conversions.ANY_TEXT):
        return bool(fits.limits(column.type)) and column.values.longest > fits.limits(column.type)[0]
    return bool(fits.limits(column.type)) or column.type == "real" or (column.conversion == conversions.UUID and BLOB in types)


def _accepting(column: ColumnPlan) -> Callable[[Any], str]:
    """What says why a value is refused; nothing where it is not."""
    make, room = cell(replace(column, not_null=False)), fits.limits(column.type)
    digits = room[0] if room and column.conversion == conversions.MOMENT else _MICROSECONDS

    def accepts(value: Any) -> str:
        try:
            make(value)
        except RefusedError as error:
            return str(error)
        if digits < _MICROSECONDS and isinstance(value, str) and kinds.moment(value).microsecond % 10 ** (_MICROSECONDS - digits):
            return f"is a moment that {column.type} would round"
        return ""

    return accepts


def _each(database: sqlite3.Connection, table: TablePlan, column: ColumnPlan) -> Iterator[tuple[int, Any]]:
    query = statement("SELECT", quoted(column.source), "FROM", quoted(table.source.name))
    for place, (value,) in enumerate(database.execute(query), 1):
        yield place, _said(value) if isinstance(value, Text) else value


def _said(value: Text) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _labels(database: sqlite3.Connection, table: TablePlan, column: ColumnPlan, there: ExistingColumn, told: Told) -> None:
    """An enum takes its labels alone."""
    query = statement(
        "SELECT", quoted(column.source), ", count(*) FROM", quoted(table.source.name), "WHERE", f"typeof({quoted(column.source)}) = '{TEXT}' GROUP BY 1"
    )  # fmt: skip
    known = {label.encode() for label in there.labels} | ({b""} if column.empty_is_null else set())
    others = {bytes(value): int(count) for value, count in database.execute(query) if bytes(value) not in known}
    if not others:
        return
    shown = "" if column.secret else ": " + ", ".join(json.dumps(value.decode("utf-8", "replace")) for value in sorted(others)[:_SHOWN])
    name = f"{table.source.name}.{column.source}"
    told.blocks(
        f"label:{name}", table.source.name, f"{name} is {there.type} in the target, which has no label for {len(others)} of its values{shown}",
        column=column.source, rows=sum(others.values()), setting=f"ALTER TYPE {there.type} ADD VALUE … for each, or another type for the column",
    )  # fmt: skip


def _doubles(database: sqlite3.Connection, table: TablePlan, key: ExistingKey, told: Told) -> None:
    """What has to be unique there, and is not here."""
    by_target = {column.target: column for column in table.loaded}
    if not set(key.columns) <= by_target.keys() or _is_unique(table, {by_target[name].source for name in key.columns}):
        return
    columns = [f"{quoted(by_target[name].source)} COLLATE BINARY" for name in key.columns]
    filled = " AND ".join(f"{quoted(by_target[name].source)} IS NOT NULL" for name in key.columns) if not key.distinct else "TRUE"
    found = _number(
        database,
        statement(
            "SELECT count(*) FROM (SELECT 1 FROM", quoted(table.source.name), "WHERE", filled, "GROUP BY", ", ".join(columns), "HAVING count(*) > 1)"
        ),
    )  # fmt: skip
    if found:
        said = ", ".join(key.columns)
        told.blocks(
            f"double:{table.source.name}.{key.name}", table.source.name, f"({said}) is unique in {table.name} ({key.name}); {found} values are there twice",
            rows=found, setting="other values in the source, or the key of the target dropped",
        )  # fmt: skip


def _is_unique(table: TablePlan, columns: set[str]) -> bool:
    source = table.source
    unique = [set(index.names) for index in source.indexes if index.unique and not index.where and all(index.names)]
    return any(names and names <= columns for names in (set(source.primary), *unique))


def _orphans(database: sqlite3.Connection, table: TablePlan, reference: ExistingReference, parent: TablePlan | None, told: Told) -> None:
    """Rows that name one that is not there. A parent that is not migrated is looked at when the rows are put in place."""
    if parent is None:
        return
    pairs = _by_target(table, reference.columns), _by_target(parent, reference.to)
    if not all(pairs):
        return
    same = " AND ".join(f"parent.{quoted(there)} = child.{quoted(here)} COLLATE BINARY" for here, there in zip(*pairs))
    named = " AND ".join(f"child.{quoted(here)} IS NOT NULL" for here in pairs[0])
    missing = statement("NOT EXISTS (SELECT 1 FROM", quoted(parent.source.name), "AS parent WHERE", same, ")")
    found = _number(database, statement("SELECT count(*) FROM", quoted(table.source.name), "AS child WHERE", named, "AND", missing))
    if found:
        code = f"orphans:{table.source.name}.{','.join(pairs[0])}"
        what = f"{found} rows of {table.source.name} name one of {parent.source.name} that is not there ({reference.name} of the target)"
        setting = f"accept: [{json.dumps(code)}], which leaves the key NOT VALID: it holds for new rows only"
        told.blocks(code, table.source.name, what, column=pairs[0][0], rows=found, setting=setting)


def _by_target(table: TablePlan, names: tuple[str, ...]) -> tuple[str, ...]:
    found: Mapping[str, str] = {column.target: column.source for column in table.columns}
    return tuple(found[name] for name in names) if set(names) <= found.keys() else ()


def _number(database: sqlite3.Connection, query: str) -> int:
    return int(database.execute(query).fetchone()[0])
