# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in words and in plain data: what each column holds and becomes, and what stands in the way. No value of a secret column is in any of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from ..table import number, size
from . import conversions
from .model import Named
from .planned import BLOCKS, ColumnPlan, Difference, Plan, Reference, TablePlan
from .spoken import as_arguments
from .survey import BLOB, INTEGER, REAL, TEXT, Values

_CELLS_A_SECOND = 1_500_000
"""Loaded, indexed and verified on two usual cores, a near server; benchmarks/migration measures it."""
_BYTES_A_SECOND = 50_000_000
_PLAIN = ("", conversions.INTEGER, conversions.FLOAT, conversions.NUMERIC, conversions.TEXT, conversions.BYTES, conversions.JSON_TEXT, conversions.UUID)
"""Conversions that the type tells."""
_TELLS_NO_VALUE = frozenset({"rows", "nulls", "types", "infinite", "longest", "texts", "examples"})


def heading(plan: Plan) -> str:
    """Which database goes where."""
    migration = plan.migration
    target = f"{migration.target.said}, " if migration.target.host else "PostgreSQL, "
    return f"{migration.database} -> {target}schema {migration.schema}"


def totals(plan: Plan) -> str:
    """How much there is, and how long it may take."""
    rows, held = sum(table.rows for table in plan.tables.values()), sum(table.bytes for table in plan.tables.values())
    what = (
        f"{number(len(plan.tables), 'table')}, {number(rows, 'row')}, {size(held)}" if held else f"{number(len(plan.tables), 'table')}, {number(rows, 'row')}"
    )
    return f"{what} (SQLite, journal {plan.source.journal}, {plan.source.encoding}). Expected: about {duration(seconds(plan))}, with indexes and verification."


def seconds(plan: Plan) -> float:
    """How long a run may take: a rule of thumb."""
    tables = plan.tables.values()
    cells = sum(table.rows * len(table.columns) for table in tables)
    return 1 + cells / _CELLS_A_SECOND + sum(table.bytes for table in tables) / _BYTES_A_SECOND


def duration(amount: float) -> str:
    """A time in short."""
    whole = int(amount + 0.5)
    return f"{max(whole, 1)} s" if whole < 120 else f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"


def holds(column: ColumnPlan) -> str:
    """Every class of values that a column holds."""
    values = column.values
    if not values.rows:
        return "no row"
    parts = [_class(kind, values, secret=column.secret) for kind in (INTEGER, REAL, TEXT, BLOB) if values.types.get(kind)]
    parts += [f"{values.nulls:,} NULL"] if values.nulls else []
    return "; ".join(parts)


def _class(kind: str, values: Values, *, secret: bool) -> str:
    said = number(values.types[kind], kind)
    where = f", first in row {values.examples[kind]:,}" if len(values.types) > 1 and kind in values.examples else ""
    if kind == INTEGER:
        span = f", each {values.least}" if values.least == values.most else f" from {values.least} to {values.most}"
        return said + ("" if secret or values.least is None else span) + where
    if kind == REAL:
        return said + (f", {values.infinite:,} infinite" if values.infinite else "") + where
    if kind == BLOB:
        return said + where
    kinds = sorted(values.texts.items(), key=lambda item: -item[1])
    each = ", ".join(f"{count:,} {name}{_first(name, values)}" for name, count in kinds) if len(kinds) > 1 else "".join(name for name, _ in kinds)
    of = ", by a sample" if values.sampled else ""
    return f"{said} ({each}{of}, up to {number(values.longest, 'character')}){where}"


def _first(kind: str, values: Values) -> str:
    return f" (row {values.examples[kind]:,})" if kind in values.examples else ""


def becomes(column: ColumnPlan) -> str:
    """What a column is in PostgreSQL."""
    parts = [column.type]
    parts += ["NOT NULL"] if column.not_null else []
    parts += [f"GENERATED ALWAYS AS ({column.generated}) STORED"] if column.generated else []
    parts += [f"IDENTITY, next {column.next_number}"] if column.identity else []
    parts += [f"DEFAULT {column.default}"] if column.default else []
    return " ".join(parts)


def why(column: ColumnPlan) -> str:
    """Why that, and how its values get there."""
    more = [
        f"Converted as {column.conversion}." if column.conversion not in _PLAIN else "",
        "An empty text becomes NULL." if column.empty_is_null else "",
        "What PostgreSQL cannot hold becomes U+FFFD." if column.replace else "",
        "Secret: its values are never shown." if column.secret else "",
    ]
    said = column.why.rstrip(".")
    return " ".join(part for part in (f"{said[:1].upper()}{said[1:]}." if said else "", *more) if part)


def others(table: TablePlan) -> Iterator[tuple[str, str]]:
    """Constraints, foreign keys and indexes: the name of each and its SQL."""
    for constraint in table.constraints:
        yield constraint.name, constraint.sql
    for reference in table.references:
        yield reference.name, foreign_key(reference)
    for index in table.indexes:
        yield index.name, f"{'UNIQUE ' if index.unique else ''}INDEX {index.sql}"


def foreign_key(reference: Reference) -> str:
    """A foreign key as SQL."""
    said = f"FOREIGN KEY ({', '.join(reference.columns)}) REFERENCES {reference.table} ({', '.join(reference.to)}) {reference.rule}".rstrip()
    return said if reference.valid else f"{said} NOT VALID: some rows have no such parent"


def moves(table: TablePlan, schema: str) -> str:
    """A table's old and new name, and how much is in it."""
    held = f", {size(table.bytes)}" if table.bytes else ""
    return f"{table.source.name} -> {schema}.{table.name}: {number(table.rows, 'row')}{held}"


def split(plan: Plan) -> tuple[list[Difference], list[Difference], list[Difference]]:
    """The differences that stand in the way, those that were accepted, and those that are only told."""
    stands, spoken = plan.blocking, as_arguments if plan.migration.by_arguments else str
    every = [(one, replace(one, setting=spoken(one.setting))) for one in plan.differences]
    blocking = [said for one, said in every if one in stands]
    accepted = [said for one, said in every if one.level == BLOCKS and one not in stands]
    return blocking, accepted, [said for one, said in every if one.level != BLOCKS]


def sentence(difference: Difference) -> str:
    """A difference, which names its table and column once."""
    place = f"{difference.table}.{difference.column}" if difference.column else difference.table
    said = difference.what.rstrip(".")
    return f"{said}." if not place or said.startswith(place) else f"{place}: {said}."


def besides(plan: Plan) -> Iterator[str]:
    """What else the database has, and what becomes of it."""
    yield from (f"view {view.name}: becomes {view.sql}" for view in plan.views)
    yield from (f"{_kind(one)} {one.name}{f' of {one.table}' if one.table else ''}: does not come along" for one in plan.left)
    yield from (f"needs PostgreSQL's extension {name}" for name in plan.extensions)


def _kind(one: Named) -> str:
    return "trigger" if one.table else f"virtual table ({one.kind})" if one.kind else "view"


def document(plan: Plan) -> dict[str, Any]:
    """What JSON has besides the tables."""
    return {
        "database": plan.migration.database,
        "target": plan.migration.target.said if plan.migration.target.host else "",
        "schema": plan.migration.schema,
        "seconds": round(seconds(plan)),
        "differences": [{**asdict(one), "accepted": one.level == BLOCKS and one.code in plan.migration.accept} for one in plan.differences],
        "views": [asdict(one) for one in plan.views],
        "left": [asdict(one) for one in plan.left],
        "extensions": list(plan.extensions),
        "notes": dict(plan.notes),
    }


def row(table: TablePlan) -> dict[str, Any]:
    """A table as JSON has it."""
    return {
        "table": table.source.name,
        "name": table.name,
        "status": "planned",
        "rows": table.rows,
        "bytes": table.bytes,
        "key": list(table.key),
        "columns": [_column(table, column) for column in table.columns],
        "constraints": [asdict(one) for one in table.constraints],
        "references": [asdict(one) for one in table.references],
        "indexes": [asdict(one) for one in table.indexes],
    }


def declared(table: TablePlan, column: ColumnPlan) -> str:
    """The type that SQLite was told, and the collation."""
    said = next((one.declared for one in table.source.columns if one.name == column.source), "")
    return f"{said} COLLATE {column.collation}".lstrip() if column.collation else said


def _column(table: TablePlan, column: ColumnPlan) -> dict[str, Any]:
    said = asdict(column)
    if column.secret:
        said["instead"] = None
    said["declared"] = declared(table, column)
    said["holds"] = _counted(said.pop("values"), secret=column.secret)
    return said


def _counted(values: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
    return {name: _finite(value) for name, value in values.items() if not secret or name in _TELLS_NO_VALUE}


def _finite(value: Any) -> Any:
    """JSON has no infinity."""
    return repr(value) if isinstance(value, float) and math.isinf(value) else value
