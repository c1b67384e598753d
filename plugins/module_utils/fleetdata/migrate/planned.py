# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a plan: what each table and column becomes, why, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .migration import Migration
from .model import Named, Source, Table
from .survey import Values

BLOCKS, NOTICE = "blocks", "notice"
"""A difference that has to be resolved before anything is loaded, and one that is only told."""


@dataclass(frozen=True)
class Difference:
    """What is not the same on both sides. code: names it for ``accept``, such as "orphans:orders.customer_id"; stable from run to run.

    setting: what resolves it, as it is written in the migration; empty where nothing has to be. rows: how many rows it concerns, where that is known.
    """

    code: str
    level: str
    table: str
    what: str
    column: str = ""
    setting: str = ""
    rows: int = 0


@dataclass(frozen=True)
class ColumnPlan:
    """What a column becomes. source, target: its names. type: as format_type() of PostgreSQL writes it. conversion: one of ``conversions``.

    empty_is_null: an empty text becomes NULL. replace: what PostgreSQL cannot hold in a text becomes U+FFFD. secret: its values are never shown.
    default, generated: SQL of PostgreSQL, empty for none; a generated column is not loaded but made by the server, and compared with the source's.
    by_values: what it means was seen by its values (their zone, or what their numbers count), so that a later one has to be such a one, too.
    identity: numbers are given by the server; next_number: the first one it will give. why: of type and conversion, a sentence.
    instead: the value, as SQLite would have it, that NULL becomes; None where it stays NULL.
    """

    source: str
    target: str
    type: str
    conversion: str
    values: Values
    why: str
    not_null: bool = False
    empty_is_null: bool = False
    replace: bool = False
    secret: bool = False
    default: str = ""
    generated: str = ""
    identity: bool = False
    next_number: int = 1
    collation: str = ""
    instead: int | float | str | None = None
    by_values: bool = False


@dataclass(frozen=True)
class Constraint:
    """SQL after ALTER TABLE … ADD CONSTRAINT name: PRIMARY KEY (…), UNIQUE (…), CHECK (…). Names are the target's, unqualified."""

    name: str
    sql: str


@dataclass(frozen=True)
class Reference:
    """A foreign key. table, to: names of the target. rule: the rest of its SQL, such as ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED.

    valid: whether all rows keep it; where not (and that was accepted) it is added NOT VALID.
    """

    name: str
    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    rule: str = ""
    valid: bool = True


@dataclass(frozen=True)
class IndexPlan:
    """name: unique in the schema. sql: what stands after CREATE [UNIQUE] INDEX name ON table, such as USING btree (lower("email")) WHERE …"""

    name: str
    sql: str
    unique: bool = False


@dataclass(frozen=True)
class TablePlan:
    """What a table becomes. source: as declared. name: in the target. columns: in the order of the source; those the target alone has are not there.

    key: source columns by which a row is named, empty where only the rowid can. rows, bytes: of the source (bytes about).
    """

    source: Table
    name: str
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...]
    rows: int
    bytes: int = 0
    constraints: tuple[Constraint, ...] = ()
    references: tuple[Reference, ...] = ()
    indexes: tuple[IndexPlan, ...] = ()

    @property
    def loaded(self) -> tuple[ColumnPlan, ...]:
        """The columns whose values are sent."""
        return tuple(column for column in self.columns if not column.generated)


@dataclass(frozen=True)
class Plan:
    """A whole migration. tables: by their name in the source, in an order in which a table comes after those it refers to where that can be.

    views: translated ones, sql of the target. left: what does not come along (triggers, virtual tables, views), each is a Difference, too.
    extensions: of PostgreSQL that have to be there.
    """

    migration: Migration
    source: Source
    tables: Mapping[str, TablePlan]
    views: tuple[Named, ...] = ()
    left: tuple[Named, ...] = ()
    differences: tuple[Difference, ...] = ()
    extensions: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocking(self) -> tuple[Difference, ...]:
        """What has to be resolved first."""
        return tuple(one for one in self.differences if one.level == BLOCKS and one.code not in self.migration.accept)
