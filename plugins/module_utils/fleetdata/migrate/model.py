# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a SQLite database as it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .ddl import Check

VIRTUAL, STORED = "virtual", "stored"
"""A generated column is computed when it is read, or when its row is written."""


@dataclass(frozen=True)
class Column:
    """A column. declared: its type as written, empty for none. default: as SQL, None for none. key: its place in the primary key from 1, 0 outside.

    generated: the expression that makes it, empty where it is stored as given; kind: VIRTUAL or STORED then.
    """

    name: str
    declared: str = ""
    not_null: bool = False
    default: str | None = None
    key: int = 0
    collation: str = ""
    generated: str = ""
    kind: str = ""


@dataclass(frozen=True)
class ForeignKey:
    """Columns that name a row of another table. to: its columns, as SQLite takes them where the declaration leaves them out."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferred: bool = False


@dataclass(frozen=True)
class Index:
    """columns: each as SQL. names: of those that are plain columns, else empty. descending: of each. where: of a partial one.

    made_by: c for CREATE INDEX, u for UNIQUE, pk for PRIMARY KEY.
    """

    name: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    descending: tuple[bool, ...]
    collations: tuple[str, ...]
    unique: bool = False
    where: str = ""
    made_by: str = "c"


@dataclass(frozen=True)
class Table:
    """A table. row_number: the column that is the row's number, empty for none. next_number: the largest that AUTOINCREMENT gave, None without it.

    on_conflict: what its constraints do instead of refusing a row, as said.
    """

    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    row_number: str = ""
    without_rowid: bool = False
    strict: bool = False
    next_number: int | None = None
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    on_conflict: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """A view (sql: its query), trigger or virtual table. kind: the module of a virtual table. table: of a trigger.

    shadows: the tables in which a virtual one keeps its rows. columns: of a view or virtual table, none where SQLite cannot read it.
    """

    name: str
    sql: str
    kind: str = ""
    table: str = ""
    shadows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """All that a database declares. journal: wal, delete, …. encoding: of its texts."""

    path: str
    journal: str
    encoding: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    views: tuple[Named, ...] = ()
    triggers: tuple[Named, ...] = ()
    virtual: tuple[Named, ...] = ()
