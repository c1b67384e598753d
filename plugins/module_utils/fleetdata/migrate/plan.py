# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: what becomes of everything in a database, before anything is done."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from ..errors import ConfigurationError
from ..retention.rows import Text
from . import aside, columns, constraints, counts, skim, source, survey
from .counts import Counts
from .migration import CREATE, QUARANTINE, Migration
from .misfit import misfit_table
from .model import Column, Source, Table
from .names import Names
from .planned import Plan, TablePlan
from .reading import Reader
from .references import references
from .survey import Values
from .told import Told


def look(*, database: sqlite3.Connection, migration: Migration, quick: bool = False, beside: Reader | None = None) -> Plan:
    """Read what is declared and every value, in one read transaction, and plan. Nothing is written; the connection's transaction is ended again.

    quick: of large tables, what texts say is taken from a sample (``Values.sampled``), for who looks at each of them later.
    beside: sees the same, and takes a part of the work.

    Raises ConfigurationError for a file that is no database, and for settings that name what is not there.
    """
    factory, level = database.text_factory, database.isolation_level
    database.text_factory, database.isolation_level = Text, None
    begun = not database.in_transaction
    try:
        if begun:
            database.execute("BEGIN")
        found = source.read(database, path=migration.database)
        chosen = [table for name, table in found.tables.items() if _is_chosen(migration, name)]
        values = {table.name: _values(database, table, _quick(database, migration, table, found) if quick else (), beside) for table in chosen}
        return plan(migration=migration, source=found, values=values, counts=counts.count(database=database, tables=chosen))
    finally:
        if begun and database.in_transaction:
            database.execute("ROLLBACK")
        database.text_factory, database.isolation_level = factory, level


def _values(database: sqlite3.Connection, table: Table, quick: Collection[Column], beside: Reader | None) -> dict[str, Values]:
    number = "" if table.without_rowid else _rowid(table)
    skimmed = skim.skim(database=database, table=table, columns=quick, number=number, beside=beside)
    rest = [column.name for column in table.columns if column.name not in skimmed]
    return {**skimmed, **survey.survey(database=database, table=table.name, columns=rest, number=number)}


def _quick(database: sqlite3.Connection, migration: Migration, table: Table, found: Source) -> list[Column]:
    """The columns of which a sample may tell what they hold."""
    if not (skim.is_simple(table, found.views) and skim.is_large(database, table.name)):
        return []
    return [
        column
        for column in table.columns
        if f"{table.name}.{column.name}" not in migration.casts and not columns.matches(migration.empty_as_null, table.name, column.name)
    ]


def _rowid(table: Table) -> str:
    """A name of the row's number that no column has taken."""
    taken = {column.name.lower() for column in table.columns}
    return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "")


def plan(*, migration: Migration, source: Source, values: Mapping[str, Mapping[str, Values]], counts: Counts | None = None) -> Plan:
    """values: of each column of each table that is migrated. Raises ConfigurationError for settings that name what is not there."""
    told, seen = Told(), counts or Counts()
    chosen = {name: _hinted(table, source) for name, table in source.tables.items() if _is_chosen(migration, name)}
    _check(migration, chosen)
    names, taken = {}, Names()
    for name in chosen:
        wanted = migration.tables.get(name, name)
        names[name] = taken.give(wanted)
        if names[name] != wanted:
            told.notice(f"name:{name}", name, f"table {name} is called {names[name]}: its name is too long, empty or another's")
    _check_aside(migration, names)
    tables = {name: _table(migration, table, names[name], values[name], seen, taken, told) for name, table in _ordered(chosen)}
    lower = {name.lower(): table for name, table in tables.items()}
    complete = {
        name: replace(table, references=references(table=table, tables=lower, counts=seen, taken=taken, told=told)) for name, table in tables.items()
    }  # fmt: skip
    seen_views = [view for view in source.views if _is_chosen(migration, view.name)]
    views = aside.views(chosen=seen_views, tables=complete, taken=taken, told=told)
    left = aside.left(source=source, told=told)
    return Plan(
        migration=migration,
        source=source,
        tables=complete,
        views=views,
        left=left,
        differences=tuple(told.differences),
        extensions=_extensions(complete),
        notes=_NOTES,
    )


_NOTES = {
    "nulls": "ORDER BY puts NULL last in PostgreSQL and first in SQLite; a query that relies on it says NULLS FIRST.",
    "order": 'Texts are ordered by the database\'s collation in PostgreSQL and byte by byte in SQLite; COLLATE "C" orders them as SQLite does.',
    "like": "LIKE regards the case of letters in PostgreSQL, and does not for A-Z in SQLite; ILIKE does not.",
    "keys": "Foreign keys always hold in PostgreSQL; in SQLite only where the application turned them on.",
}
"""What is different in all of PostgreSQL, whatever the database holds."""


def _is_chosen(migration: Migration, table: str) -> bool:
    return any(fnmatchcase(table, one) for one in migration.include) and not any(fnmatchcase(table, one) for one in migration.exclude)


def _check(migration: Migration, tables: Mapping[str, Table]) -> None:
    """A setting that names nothing is a slip, which would pass in silence."""
    if not tables:
        if migration.include == ("*",) and not migration.exclude:
            raise ConfigurationError(f"{migration.database} has no table to be migrated. Name the SQLite database that the application writes.")
        raise ConfigurationError(f"{migration.name}: no table of {migration.database} is among those to include; nothing would be migrated.")
    if migration.fill and migration.mode == CREATE:
        raise ConfigurationError(
            f"{migration.name}: fill names {', '.join(migration.fill)}, but the tables are made here. Take it out, or say mode: into_existing."
        )
    named = [f"{table.name}.{column.name}" for table in tables.values() for column in table.columns]
    settings: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("tables", migration.tables, tables), ("columns", migration.columns, named), ("casts", migration.casts, named),
        ("empty_as_null", migration.empty_as_null, named), ("secret", migration.secret, named),
    ]  # fmt: skip
    for setting, said, there in settings:
        for one in said:
            if not any(fnmatchcase(name, one) or name == one for name in there):
                raise ConfigurationError(
                    f"{migration.name}: {setting} names {one}, which is not in {migration.database} (names are as they are written there)."
                )


def _check_aside(migration: Migration, names: Mapping[str, str]) -> None:
    """names: those of the target, by those of the source."""
    if migration.on_misfit != QUARANTINE:
        return
    for name, target in names.items():
        other = next((one for one, taken in names.items() if taken == misfit_table(target)), "")
        if other:
            raise ConfigurationError(
                f"{migration.name}: rows of {name} that do not fit would go to {names[other]}, which is a table of its own. Give {other} another name (tables)."
            )


def _hinted(table: Table, source: Source) -> Table:
    """A column without a type that names a row of another table is of that one's type; else an empty one would be text."""
    by_name = {name.lower(): other for name, other in source.tables.items()}
    hints: dict[str, str] = {}
    for key in table.foreign_keys:
        parent = by_name.get(key.table.lower())
        declared = {column.name.lower(): column.declared for column in parent.columns} if parent else {}
        hints.update({here.lower(): declared.get(there.lower(), "") for here, there in zip(key.columns, key.to)})
    changed = tuple(replace(column, declared=column.declared or hints.get(column.name.lower(), "")) for column in table.columns)
    return replace(table, columns=changed)


def _ordered(tables: Mapping[str, Table]) -> list[tuple[str, Table]]:
    """A table after those it refers to, where that can be."""
    found: dict[str, Table] = {}
    by_name = {name.lower(): name for name in tables}

    def take(name: str, above: frozenset[str]) -> None:
        if name in found or name in above:
            return
        for key in tables[name].foreign_keys:
            if key.table.lower() in by_name:
                take(by_name[key.table.lower()], above | {name})
        found[name] = tables[name]

    for name in tables:
        take(name, frozenset())
    return list(found.items())


def _table(migration: Migration, table: Table, name: str, values: Mapping[str, Values], seen: Counts, taken: Names, told: Told) -> TablePlan:
    planned = columns.plans(migration=migration, table=table, values=values, counts=seen, told=told)
    if table.on_conflict:
        said = ", ".join(sorted(set(table.on_conflict)))
        told.notice(
            f"conflict:{table.name}",
            table.name,
            f"{table.name}: ON CONFLICT {said} of its constraints; PostgreSQL refuses such a row, unless a statement says otherwise",
        )
    widths = {column.name: seen.widths[table.name, column.name] for column in table.columns if (table.name, column.name) in seen.widths}
    rows = max((one.rows for one in values.values()), default=0)
    is_named = bool(table.primary) and not any(values[key].nulls for key in table.primary)
    return TablePlan(
        source=table, name=name, columns=planned, key=table.primary if is_named else (), rows=rows, bytes=seen.bytes.get(table.name, 0),
        constraints=constraints.constraints(table=table, target=name, columns=planned, widths=widths, taken=taken, told=told),
        indexes=constraints.indexes(table=table, target=name, columns=planned, widths=widths, taken=taken, told=told),
    )  # fmt: skip


def _extensions(tables: Mapping[str, TablePlan]) -> tuple[str, ...]:
    return ("citext",) if any(column.type == "citext" for table in tables.values() for column in table.columns) else ()
