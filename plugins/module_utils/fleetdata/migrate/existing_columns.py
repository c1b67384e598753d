# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns of a table of SQLite against those of one that is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ..sql import quoted
from . import conversions, fits, kinds
from .choices import choose
from .existing import ExistingColumn, ExistingTable
from .migration import FAIL, QUARANTINE, REPLACE, Migration
from .planned import ColumnPlan, TablePlan
from .survey import BLOB, INTEGER, REAL, TEXT
from .told import Told


def table(*, plan: TablePlan, existing: ExistingTable, migration: Migration, schema: str, told: Told) -> TablePlan:
    """What goes where. What does not is told, and is not in the table."""
    work = _Work(plan, existing, migration, f"{quoted(schema)}.{quoted(existing.name)}", told)
    pairs = work.pairs()
    columns = [work.column(column, there) for column, there in pairs]
    sent = {column.target for column in columns if column and not column.generated}
    kept = tuple(column for column in columns if column and (not column.generated or work.is_made(existing.columns[column.target], sent)))
    work.others({there.name for _, there in pairs})
    key = plan.key if set(plan.key) <= {column.source for column in kept} else ()
    return replace(plan, name=existing.name, columns=kept, key=key, constraints=(), references=(), indexes=())


def spelled(name: str) -> str:
    """A name without what spellings differ in: createdAt, created_at, CreatedAt."""
    return name.replace("_", "").replace(" ", "").lower()


def nearest(name: str, others: Iterable[str]) -> str:
    """The name that is most like another one, empty where none is like it."""
    alike = {spelled(other): other for other in others}
    found = get_close_matches(spelled(name), alike, n=1, cutoff=0.5)
    inside = (other for said, other in alike.items() if spelled(name) in said or said in spelled(name))
    return alike[found[0]] if found else next(inside, "")


@dataclass(frozen=True)
class _Work:
    plan: TablePlan
    existing: ExistingTable
    migration: Migration
    target: str
    told: Told

    def pairs(self) -> list[tuple[ColumnPlan, ExistingColumn]]:
        """By name; then by the only one that is spelled alike; each once."""
        there, found = self.existing.columns, dict[str, ColumnPlan]()
        exact = {column.target for column in self.plan.columns}
        missing = []
        for column in self.plan.columns:
            alike = [other for other in there if spelled(other) == spelled(column.target) and other not in exact]
            name = column.target if column.target in there else alike[0] if len(alike) == 1 else ""
            if not name or name in found:
                missing.append(column)
                continue
            if name != column.target:
                self._notice("name", column, f"is called {name} in the target")
            found[name] = column
        for column in missing:
            self._missing(column, [name for name, other in there.items() if name not in found and not other.generated])
        places = {column.source: place for place, column in enumerate(self.plan.columns)}
        return [(column, there[name]) for name, column in sorted(found.items(), key=lambda pair: places[pair[1].source])]

    def _missing(self, column: ColumnPlan, free: list[str]) -> None:
        filled = column.values.rows - column.values.nulls
        if not filled:
            self._notice("missing", column, f"is not in {self.target}; it has no values, so nothing is lost")
            return
        near = nearest(column.target, free) or self._only(column, free)
        renamed = f"columns: {json.dumps({self._name(column): near})} if it is that one, else " if near else ""
        added = f"ALTER TABLE {self.target} ADD COLUMN {quoted(column.target)} {column.type}"
        left = f'accept: ["missing:{self._name(column)}"] to leave its values behind'
        self._blocks("missing", column, f"is not in {self.target}", f"{renamed}{added}, or {left}", filled)

    def _only(self, column: ColumnPlan, free: list[str]) -> str:
        """The one column among those that are free whose type takes all values."""
        bases = {name: self.existing.columns[name].base for name in free}
        ways = {name: fits.conversion_for(base, column.values) for name, base in bases.items()}
        able = [name for name, way in ways.items() if way and not fits.misfits(kind=bases[name], conversion=way, values=column.values, utc=True)]
        return able[0] if len(able) == 1 else ""

    def column(self, column: ColumnPlan, there: ExistingColumn) -> ColumnPlan | None:
        """Its values become of the type that is there."""
        conversion, agreed = self._conversion(column, there)
        if not conversion:
            what = f"is {there.type} in {self.target}, to which no values are converted"
            self._blocks("type", column, what, self._altered(there.name, column.type), column.values.rows - column.values.nulls)
            return None
        self._look_at_zone(column, there, conversion, agreed)
        self._look_at_type(column, there)
        self._misfits(column, there, conversion)
        not_null = self._not_null(column, there)
        planned = replace(
            column, target=there.name, type=there.base, conversion=conversion, why=f"the target's column is {there.type}", not_null=not_null,
            default="", generated=there.generated, identity=False, next_number=1, collation="",
            by_values=not agreed and (conversion in fits.COUNTED or _are_zoned(column)),
        )  # fmt: skip
        return self._numbered(planned, there)

    def _conversion(self, column: ColumnPlan, there: ExistingColumn) -> tuple[str, bool]:
        """And whether a cast says that it is the right one."""
        cast = self.migration.casts.get(self._name(column), "")
        if cast:
            choice = choose(declared="", values=column.values, cast=cast)
            if choice.type == there.base:
                return choice.conversion, True
            told = f"has the cast {cast}, but its column in {self.target} is {there.type}"
            self._blocks("cast", column, told, f"no cast for it, or {self._altered(there.name, choice.type)}")
        return fits.conversion_for(there.base, column.values), False

    def _look_at_zone(self, column: ColumnPlan, there: ExistingColumn, conversion: str, agreed: bool) -> None:
        texts = column.values.texts
        if agreed or conversion != conversions.MOMENT or fits.base(there.base) != fits.STAMP_ZONE:
            return
        rows = texts.get(kinds.MOMENT, 0) + texts.get(kinds.DATE, 0)
        if rows:
            what = f"holds moments without a time zone, and becomes {there.type}; they would be taken as UTC"
            setting = f"casts: {json.dumps({self._name(column): 'timestamptz'})} if they are of UTC, else {self._altered(there.name, fits.STAMP)}"
            self._blocks("zone", column, what, setting, rows)

    def _look_at_type(self, column: ColumnPlan, there: ExistingColumn) -> None:
        if column.type == there.type:
            return
        declared = next((one.declared for one in self.plan.source.columns if one.name == column.source), "")
        said = f"({declared or 'no type'}) becomes {there.type}, not {column.type}"
        held = ", ".join(f"{count} of {kind}" for kind, count in sorted(fits.classes(column.values).items()))
        self._notice("type", column, f"{said}; it holds {held or 'no values'}")

    def _misfits(self, column: ColumnPlan, there: ExistingColumn, conversion: str) -> None:
        found = fits.misfits(
            kind=there.base, conversion=conversion, values=column.values, empty_is_null=column.empty_is_null, replace=column.replace, utc=True
        )  # fmt: skip
        if not found:
            return
        said = ", ".join(f"{one.kind} ({one.rows} rows, first in row {one.row})" if one.rows and one.row else one.kind for one in found)
        self.misfit(column, there.name, f"is {there.type} in {self.target}, which does not take: {said}", sum(one.rows for one in found), found)

    def misfit(self, column: ColumnPlan, name: str, what: str, rows: int, found: list[fits.Misfit]) -> None:
        """Told, with what takes it."""
        if self.migration.on_misfit == QUARANTINE:
            self._notice("misfit", column, f"{what}. These rows go to {self.existing.name}__misfit", rows)
        else:
            self._blocks("misfit", column, what, self._setting(column, name, {one.kind for one in found}), rows)

    def _setting(self, column: ColumnPlan, name: str, found: set[str]) -> str:
        """What takes all of a column's values, and loses the least."""
        if found == {kinds.EMPTY}:
            return f"empty_as_null: {json.dumps([self._name(column)])}"
        if found <= fits.BROKEN and self.migration.on_text == FAIL:
            return f"on_text: {REPLACE} (U+FFFD for what is wrong)"
        return f"{self._altered(name, _widest(column))}, or on_misfit: {QUARANTINE}"

    def _not_null(self, column: ColumnPlan, there: ExistingColumn) -> bool:
        if not there.not_null or there.generated:
            return False
        if f"{self.existing.name}.{there.name}" in self.migration.fill:
            return False
        nulls = column.values.nulls + (column.values.texts.get(kinds.EMPTY, 0) if column.empty_is_null else 0)
        if nulls:
            filled = json.dumps({f"{self.existing.name}.{there.name}": "a value"})
            setting = f"fill: {filled}, or ALTER TABLE {self.target} ALTER COLUMN {quoted(there.name)} DROP NOT NULL"
            self._blocks("nulls", column, f"is NOT NULL in {self.target}, but {nulls} rows have none", setting, nulls)
        return True

    def _numbered(self, column: ColumnPlan, there: ExistingColumn) -> ColumnPlan:
        """Numbers that the server gives go on after all there were."""
        if not there.sequence or column.conversion != conversions.INTEGER:
            return column
        source = self.plan.source
        given = source.next_number or 0 if column.source == source.row_number else 0
        largest = max(given, column.values.most or 0, 0)
        if largest >= fits.INTEGERS[fits.base(column.type)] - 1:
            self._blocks("identity", column, f"has {largest}, after which {there.sequence} has no number to give", f'accept: ["identity:{self._name(column)}"]')
        return replace(column, identity=there.not_null, next_number=largest + 1)

    def is_made(self, there: ExistingColumn, sent: set[str]) -> bool:
        """Whether a column that the server makes can be made, and so compared, of what is sent."""
        if set(there.made_of) <= sent:
            return True
        code = f"generated:{self.plan.source.name}.{there.name}"
        what = f"{self.existing.name}.{there.name} is made by the target, of columns that it alone has; its values are not compared"
        self.told.notice(code, self.plan.source.name, what, column=there.name)
        return False

    def others(self, taken: set[str]) -> None:
        """What the target alone has."""
        for there in self.existing.columns.values():
            if there.name in taken or there.generated:
                continue
            name = f"{self.existing.name}.{there.name}"
            code, what = f"extra:{name}", f"{name} ({there.type}) is in the target alone"
            if name in self.migration.fill:
                self.told.notice(code, self.plan.source.name, f"{what}; it gets what the migration says (fill)", column=there.name)
            elif there.not_null and not there.filled:
                default = f"ALTER TABLE {self.target} ALTER COLUMN {quoted(there.name)} SET DEFAULT …"
                setting = f"fill: {json.dumps({name: 'a value'})}, or {default}"
                self.told.blocks(
                    code, self.plan.source.name, f"{what}, is NOT NULL and has no default", column=there.name, setting=setting, rows=self.plan.rows
                )  # fmt: skip
            else:
                self.told.notice(code, self.plan.source.name, f"{what}; it gets its default, or NULL", column=there.name)

    def _name(self, column: ColumnPlan) -> str:
        return f"{self.plan.source.name}.{column.source}"

    def _altered(self, name: str, kind: str) -> str:
        return f"ALTER TABLE {self.target} ALTER COLUMN {quoted(name)} TYPE {kind}"

    def _notice(self, code: str, column: ColumnPlan, what: str, rows: int = 0) -> None:
        self.told.notice(f"{code}:{self._name(column)}", self.plan.source.name, f"{self._name(column)} {what}", column=column.source, rows=rows)

    def _blocks(self, code: str, column: ColumnPlan, what: str, setting: str, rows: int = 0) -> None:
        self.told.blocks(
            f"{code}:{self._name(column)}", self.plan.source.name, f"{self._name(column)} {what}", column=column.source, setting=setting, rows=rows
        )  # fmt: skip


def _are_zoned(column: ColumnPlan) -> bool:
    """Whether all its moments have a zone."""
    texts = column.values.texts
    return kinds.MOMENT_ZONE in texts and not {kinds.MOMENT, kinds.DATE} & texts.keys()


def _widest(column: ColumnPlan) -> str:
    """A type that takes everything of a column."""
    types = set(column.values.types)
    if types <= {INTEGER, REAL}:
        return fits.BIGINT if types <= {INTEGER} else fits.DOUBLE if column.values.infinite else fits.NUMERIC
    if BLOB in types and types <= {BLOB, TEXT}:
        return fits.BYTEA
    return fits.PLAIN
