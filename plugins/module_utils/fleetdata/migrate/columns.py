# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each column of a table becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase

from ..errors import ConfigurationError
from . import defaults, expressions, fits, kinds, names
from .choices import Choice, choose
from .counts import Counts
from .migration import BYTEA, FAIL, QUARANTINE, REPLACE, Migration
from .model import VIRTUAL, Column, Table
from .planned import ColumnPlan
from .survey import BLOB, INTEGER, REAL, TEXT, Values
from .told import Told

_MOST = 1600


def plans(*, migration: Migration, table: Table, values: Mapping[str, Values], counts: Counts, told: Told) -> tuple[ColumnPlan, ...]:
    """In the order of the source. Raises ConfigurationError for a cast that is none."""
    given = names.columns()
    wanted = {column.name: migration.columns.get(f"{table.name}.{column.name}", column.name) for column in table.columns}
    named = {name: given.give(target) for name, target in wanted.items()}
    for name, target in named.items():
        if target != wanted[name]:
            told.notice(f"name:{table.name}.{name}", table.name, f"column {name} is called {target}: PostgreSQL cannot take its name", column=name)
    plain = {column.name: _column(migration, table, column, named[column.name], values[column.name], counts, told) for column in table.columns}
    made = {column.name: _generated(table, column, plain, told) for column in table.columns}
    return tuple(made.values())


def matches(patterns: tuple[str, ...], table: str, column: str) -> bool:
    """Whether one of the patterns means a column."""
    return any(fnmatchcase(f"{table}.{column}", pattern) for pattern in patterns)


def _column(migration: Migration, table: Table, column: Column, target: str, values: Values, counts: Counts, told: Told) -> ColumnPlan:
    name = f"{table.name}.{column.name}"
    empty, secret = matches(migration.empty_as_null, table.name, column.name), matches(migration.secret, table.name, column.name)
    broken = bool(fits.BROKEN & values.texts.keys())
    cast = migration.casts.get(name, fits.BYTEA if broken and migration.on_text == BYTEA and set(values.types) <= {TEXT, BLOB} else "")
    replace = broken and migration.on_text == REPLACE
    unscaled = counts.unscaled.get((table.name, column.name))
    try:
        choice = choose(declared=column.declared, values=values, cast=cast, unscaled=unscaled, empty_is_null=empty, replace=replace)
    except ValueError as error:
        raise ConfigurationError(f"casts: {name}: {error}.") from None
    for code, what in choice.told.items():
        told.notice(f"{code}:{name}", table.name, f"{name}: {what}", column=column.name)
    if replace:
        rows = sum(values.texts.get(kind, 0) for kind in fits.BROKEN)
        told.notice(
            f"text:{name}", table.name, f"{name}: what PostgreSQL cannot hold in a text becomes U+FFFD (on_text: {REPLACE})", column=column.name, rows=rows
        )
    if len(table.columns) > _MOST:
        told.blocks(f"columns:{table.name}", table.name, f"{table.name} has {len(table.columns)} columns, a table of PostgreSQL has {_MOST} at most")
    _misfits(migration, table, column, values, choice, secret, told)
    planned = ColumnPlan(
        source=column.name, target=target, type=choice.type, conversion=choice.conversion, values=values, why=choice.why,
        not_null=_not_null(table, column, values, empty, told), empty_is_null=empty, replace=replace, secret=secret, collation=column.collation,
        by_values=not cast and (choice.conversion in fits.COUNTED or kinds.MOMENT_ZONE in values.texts),
    )  # fmt: skip
    return _numbered(table, planned, told) if column.name == table.row_number else _defaulted(table, column, planned, told)


def _misfits(migration: Migration, table: Table, column: Column, values: Values, choice: Choice, secret: bool, told: Told) -> None:
    """Each class of values that does not fit; one difference for a column, whose setting takes all of them."""
    if not choice.misfits:
        return
    name = f"{table.name}.{column.name}"
    found = ", ".join(_said(one, table) for one in choice.misfits)
    beyond = "" if secret or values.least is None else f"; its integers go from {values.least} to {values.most}"
    what = f"{name} becomes {choice.type} ({choice.why}), which does not take: {found}{beyond}"
    rows, code = sum(one.rows for one in choice.misfits), f"misfit:{name}"
    if migration.on_misfit == QUARANTINE:
        told.notice(code, table.name, f"{what}. These rows go to {table.name}__misfit", column=column.name, rows=rows)
    else:
        told.blocks(code, table.name, what, column=column.name, rows=rows, setting=_setting(name, values, choice, migration))


def _said(one: fits.Misfit, table: Table) -> str:
    where = f", first in row {one.row}" if one.row and not table.without_rowid else f", first in the {one.row}. row" if one.row else ""
    return f"{one.kind} ({one.rows} rows{where})" if one.rows else one.kind


def _setting(name: str, values: Values, choice: Choice, migration: Migration) -> str:
    """What takes all of a column's values, and loses the least."""
    found = {one.kind for one in choice.misfits}
    if found == {kinds.EMPTY}:
        return f"empty_as_null: {json.dumps([name])}"
    if found <= fits.BROKEN and migration.on_text == FAIL:
        return f"on_text: {REPLACE} (U+FFFD for what is wrong) or on_text: {BYTEA} (the column holds bytes)"
    cast = _cast(values, choice, found)
    more = " (those without a zone are of UTC)" if cast == "timestamptz" else ""
    return f"casts: {json.dumps({name: cast})}{more}" if cast else f"on_misfit: {QUARANTINE}"


def _cast(values: Values, choice: Choice, found: set[str]) -> str:
    """A type that takes them all; empty for none."""
    types = set(values.types)
    if types <= {INTEGER, REAL} and not values.infinite:
        return fits.NUMERIC if REAL in types else fits.BIGINT
    if {kinds.MOMENT, kinds.DATE} & found and choice.type == fits.STAMP_ZONE:
        return "timestamptz"
    if choice.type == fits.DATE and found == {kinds.MOMENT}:
        return "timestamp"
    if BLOB not in types and not fits.BROKEN & values.texts.keys():
        return fits.PLAIN
    return fits.BYTEA if types <= {TEXT, BLOB} else ""


def _not_null(table: Table, column: Column, values: Values, empty: bool, told: Told) -> bool:
    if not column.not_null:
        return False
    nulls = values.nulls + (values.texts.get(kinds.EMPTY, 0) if empty else 0)
    if nulls:
        what = f"{table.name}.{column.name} is NOT NULL, but {nulls} rows have none; it becomes a column that may be NULL"
        told.blocks(f"nulls:{table.name}.{column.name}", table.name, what, column=column.name, rows=nulls)
    return not nulls


def _numbered(table: Table, column: ColumnPlan, told: Told) -> ColumnPlan:
    """The row's number, which the server gives from now on where none is given: the next one after all there were."""
    largest = max(table.next_number or 0, column.values.most or 0, 0)
    room = fits.INTEGERS.get(column.type, 0) - 1
    if largest >= room:
        name = f"{table.name}.{column.source}"
        why = f"the largest is {largest}" if room > 0 else f"it becomes {column.type}"
        what = f"{name}: SQLite gives rows without a number one, PostgreSQL cannot ({why}); the application has to"
        told.notice(f"identity:{name}", table.name, what, column=column.source)
        return column
    return ColumnPlan(**{**vars(column), "identity": True, "next_number": largest + 1, "not_null": True})


def _defaulted(table: Table, column: Column, planned: ColumnPlan, told: Told) -> ColumnPlan:
    if column.default is None:
        return planned
    try:
        sql = defaults.translated(column.default, planned)
    except expressions.Unlike as unlike:
        name = f"{table.name}.{column.name}"
        what = f"{name} has no default any more: {column.default} ({unlike})"
        told.blocks(f"default:{name}", table.name, what, column=column.name)
        return planned
    return ColumnPlan(**{**vars(planned), "default": sql})


def _generated(table: Table, column: Column, plain: Mapping[str, ColumnPlan], told: Told) -> ColumnPlan:
    planned = plain[column.name]
    if not column.generated:
        return planned
    name = f"{table.name}.{column.name}"
    try:
        if fits.base(planned.type) in (fits.PLAIN, fits.VARCHAR) and not _keeps_texts(column.declared):
            raise expressions.Unlike(f"{column.declared} makes a number of a text that looks like one")
        sql = expressions.generated(column.generated, planned, plain, without={other.name for other in table.columns if other.generated})
    except expressions.Unlike as unlike:
        what = f"{name} is not generated any more, but has the values of now: AS ({column.generated}) ({unlike})"
        told.blocks(f"generated:{name}", table.name, what, column=column.name)
        return planned
    if column.kind == VIRTUAL:
        told.notice(
            f"generated:{name}", table.name, f"{name} is computed when a row is written, and stored (PostgreSQL 15 has no virtual ones)", column=column.name
        )
    return ColumnPlan(**{**vars(planned), "generated": sql, "default": "", "identity": False})


def _keeps_texts(declared: str) -> bool:
    """Whether a column's affinity is that of texts, or none."""
    said = declared.upper()
    return not said or ("INT" not in said and any(word in said for word in ("CHAR", "CLOB", "TEXT", "BLOB")))
