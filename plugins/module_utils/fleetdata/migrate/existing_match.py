# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of SQLite against those that an application made in PostgreSQL: which goes where, and what has to be resolved first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ..errors import ConfigurationError
from . import existing_columns
from .existing import Existing, ExistingReference, ExistingTable
from .existing_columns import nearest, spelled
from .planned import Plan, TablePlan
from .told import Told

_KEPT = ("trigger", "view", "virtual", "text")
"""The kinds of differences that hold whoever made the tables."""


def match(*, plan: Plan, existing: Existing) -> Plan:
    """The plan of a migration into tables that are there. plan: as for new ones. All that the tables have beyond their columns stays as it is."""
    _check(plan, existing)
    told = Told()
    for one in plan.differences:
        if one.code.partition(":")[0] in _KEPT:
            told.differences.append(one)
    for view in plan.views:
        told.notice(f"view:{view.name}", "", f"view {view.name} is not made: what stands around the application's tables is the application's")
    found = {name: _table_of(name, table, existing, told) for name, table in plan.tables.items()}
    matched = {
        name: existing_columns.table(plan=plan.tables[name], existing=there, migration=plan.migration, schema=existing.schema, told=told)
        for name, there in found.items()
        if there
    }
    _all_there(matched, existing, told)
    for table in matched.values():
        _usable(existing.tables[table.name], told)
    tables = {name: matched[name] for name in _ordered(matched, existing)}
    return replace(plan, tables=tables, views=(), differences=tuple(told.differences), extensions=())


def _check(plan: Plan, existing: Existing) -> None:
    """A setting that names nothing is a slip, which would pass in silence."""
    there = {f"{name}.{column}" for name, table in existing.tables.items() for column in table.columns}
    for name in plan.migration.fill:
        if name not in there:
            raise ConfigurationError(f"{plan.migration.name}: fill names {name}, which is no column of schema {existing.schema} of the target.")


def _table_of(name: str, table: TablePlan, existing: Existing, told: Told) -> ExistingTable | None:
    """By its name, or the only one that is spelled alike."""
    if table.name in existing.tables:
        return existing.tables[table.name]
    alike = [other for other in existing.tables if spelled(other) == spelled(table.name)]
    if len(alike) == 1:
        told.notice(f"name:{name}", name, f"table {name} is called {alike[0]} in the target")
        return existing.tables[alike[0]]
    near = nearest(table.name, existing.tables)
    setting = f"tables: {json.dumps({name: near})} if it is that one, else " if near else ""
    told.blocks(
        f"missing:{name}", name, f"schema {existing.schema} of the target has no table {table.name}",
        setting=f"{setting}exclude: {json.dumps([name])} to leave its {table.rows} rows behind", rows=table.rows,
    )  # fmt: skip
    return None


def _all_there(matched: Mapping[str, TablePlan], existing: Existing, told: Told) -> None:
    """A table has one source, and what it refers to is filled, too."""
    taken: dict[str, str] = {}
    for name, table in matched.items():
        if table.name in taken:
            what = f"{taken[table.name]} and {name} would both go into {table.name}"
            told.blocks(f"twice:{name}", name, what, setting=f"tables: {json.dumps({name: 'another name'})} or exclude: {json.dumps([name])}")
        taken[table.name] = name
    for other in existing.tables:
        if other not in taken:
            told.notice(f"extra:{other}", other, f"table {other} is in the target alone, and stays as it is")


def _usable(table: ExistingTable, told: Told) -> None:
    if not table.writable:
        grant = f"GRANT SELECT, INSERT ON {table.name}, or a role that row-level security does not hold back"
        told.blocks(f"denied:{table.name}", table.name, f"the role of the migration may not read and insert into all of {table.name}", setting=grant)
    elif not table.empty:
        told.blocks(
            f"rows:{table.name}", table.name, f"{table.name} has rows already, with which the migrated ones would be mixed",
            setting=f"TRUNCATE {table.name} in the target, if these rows are not needed",
        )  # fmt: skip
    if table.triggers:
        names = ", ".join(table.triggers)
        if table.owned:
            told.notice(f"asleep:{table.name}", table.name, f"triggers of {table.name} do not fire for the migrated rows: {names}")
        else:
            what = f"triggers of {table.name} could change the migrated rows, and only its owner can turn them off for the migration: {names}"
            told.blocks(f"asleep:{table.name}", table.name, what, setting=f"a role in the target that has {table.name}")


def _ordered(matched: Mapping[str, TablePlan], existing: Existing) -> list[str]:
    """Tables after those they refer to, where that can be."""
    sources = {table.name: name for name, table in matched.items()}
    found: list[str] = []

    def take(name: str, above: frozenset[str]) -> None:
        if name in found or name in above:
            return
        for reference in existing.tables[matched[name].name].references:
            if reference.table in sources:
                take(sources[reference.table], above | {name})
        found.append(name)

    for name in matched:
        take(name, frozenset())
    return found


def forward(existing: Existing, order: list[str]) -> list[tuple[str, ExistingReference]]:
    """References, with their tables, to tables that are filled later than the one that has them. order: names in the target."""
    return [
        (name, reference)
        for place, name in enumerate(order)
        for reference in existing.tables[name].references
        if reference.table in order[place + 1 :]
    ]  # fmt: skip
