# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the migration says for columns of the target that SQLite has no value for (``fill``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError
from ..sql import statement
from .connection import library
from .existing import Existing
from .migration import Migration
from .planned import ColumnPlan, Plan
from .reverse import reverser


def of(migration: Migration, table: str) -> Mapping[str, str]:
    """By column of a table of the target."""
    start = f"{table}."
    return {name[len(start) :]: value for name, value in migration.fill.items() if name.startswith(start)}


def asked(*, connection: Any, plan: Plan, existing: Existing) -> Plan:
    """The plan with what NULL becomes in columns that have a fill. Raises ConfigurationError where it is no value of the column's type."""
    tables = {}
    for source, table in plan.tables.items():
        there = existing.tables[table.name].columns
        said = {name: _said(connection, f"{table.name}.{name}", there[name].type, value) for name, value in of(plan.migration, table.name).items()}
        tables[source] = replace(table, columns=tuple(_with(column, said.get(column.target), table.name) for column in table.columns))
    return replace(plan, tables=tables)


def _said(connection: Any, name: str, kind: str, value: str) -> str:
    """As PostgreSQL writes it."""
    try:
        row = connection.execute(statement("SELECT CAST(%s AS", kind.replace("%", "%%"), ")::text"), (value,)).fetchone()
    except library().DataError as error:
        raise ConfigurationError(f"fill: {name} is {kind}, for which {value!r} is no value ({error.diag.message_primary}). Correct it.") from None
    return str(row[0])


def _with(column: ColumnPlan, said: str | None, table: str) -> ColumnPlan:
    if said is None or column.generated:
        return column
    try:
        value = reverser(column, ())(said)
        return replace(column, instead=value.decode() if isinstance(value, bytes) else value)
    except ValueError:
        raise ConfigurationError(
            f"fill: {table}.{column.target} cannot be {said!r} for the rows without a value: SQLite would have no such value, so it could not be compared."
            " Say another one."
        ) from None
