# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign keys, between tables that are planned already."""

from __future__ import annotations

from collections.abc import Mapping

from . import fits
from .counts import Counts
from .model import ForeignKey, Table
from .names import Names
from .planned import ColumnPlan, Reference, TablePlan
from .told import Told

_NO_ACTION = "NO ACTION"


def references(*, table: TablePlan, tables: Mapping[str, TablePlan], counts: Counts, taken: Names, told: Told) -> tuple[Reference, ...]:
    """tables: all that are planned, by their name in the source, in small letters."""
    found = []
    for key in table.source.foreign_keys:
        parent = tables.get(key.table.lower())
        said = f"{table.source.name}: FOREIGN KEY ({', '.join(key.columns)}) REFERENCES {key.table}"
        code = f"{table.source.name}.{','.join(key.columns)}"
        why = _why_not(table, parent, key)
        if why or parent is None:
            told.blocks(f"reference:{code}", table.source.name, f"{said} does not come along: {why}", column=key.columns[0])
            continue
        orphans = counts.orphans.get((table.source.name, key.columns), 0)
        if orphans:
            what = f"{said}: {orphans} rows name one that is not there; the key is made NOT VALID, which holds for new rows only"
            told.blocks(f"orphans:{code}", table.source.name, what, column=key.columns[0], rows=orphans)
        here, there = _by_name(table), _by_name(parent)
        columns = tuple(here[name.lower()].target for name in key.columns)
        found.append(
            Reference(
                name=taken.give(f"{table.name}_{'_'.join(columns)}_fkey"),
                columns=columns,
                table=parent.name,
                to=tuple(there[name.lower()].target for name in key.to),
                rule=_rule(key),
                valid=not orphans,
            )
        )
    return tuple(found)


def _rule(key: ForeignKey) -> str:
    parts = [f"ON {when} {what}" for when, what in (("UPDATE", key.on_update), ("DELETE", key.on_delete)) if what and what != _NO_ACTION]
    return " ".join([*parts, *(["DEFERRABLE INITIALLY DEFERRED"] if key.deferred else [])])


def _by_name(table: TablePlan) -> dict[str, ColumnPlan]:
    return {column.source.lower(): column for column in table.columns}


def _why_not(table: TablePlan, parent: TablePlan | None, key: ForeignKey) -> str:
    if parent is None:
        return f"{key.table} is not among the tables that are migrated"
    here, there = _by_name(table), _by_name(parent)
    if len(key.to) != len(key.columns) or not all(name.lower() in there for name in key.to):
        return f"{key.table} has no such columns, or no primary key"
    if not _is_unique(parent.source, key):
        return f"{key.table} ({', '.join(key.to)}) is not unique"
    if not _is_constrained(parent, [there[name.lower()] for name in key.to]):
        return f"{key.table} ({', '.join(key.to)}) is unique only without regard to case, or not as a whole"
    for mine, other in zip(key.columns, key.to):
        left, right = here[mine.lower()].type, there[other.lower()].type
        if _family(left) != _family(right):
            return f"{mine} becomes {left}, {other} becomes {right}; a cast of one of them resolves it"
    return ""


def _family(kind: str) -> str:
    base = fits.base(kind)
    if base in fits.INTEGERS:
        return fits.BIGINT
    return fits.PLAIN if base in (fits.VARCHAR, "character") else base


def _is_unique(parent: Table, key: ForeignKey) -> bool:
    wanted = {name.lower() for name in key.to}
    keys = [parent.primary, *(index.names for index in parent.indexes if index.unique and not index.where)]
    return any({name.lower() for name in names} == wanted for names in keys if names)


def _is_constrained(parent: TablePlan, columns: list[ColumnPlan]) -> bool:
    """Whether PostgreSQL has a key of exactly these columns. A unique index of plain columns is one, too."""
    wanted = {column.target for column in columns}
    listed = [constraint.sql for constraint in parent.constraints if constraint.sql.startswith(("PRIMARY KEY", "UNIQUE"))]
    return any(_named(sql) == wanted for sql in (*listed, *(index.sql for index in parent.indexes if index.unique and " WHERE " not in index.sql)))


def _named(sql: str) -> set[str]:
    """The columns between the brackets of a key, where it has nothing else."""
    inner = sql[sql.index("(") + 1 : sql.rindex(")")]
    return {name.replace('""', '"') for name in inner[1:-1].split('", "')}
