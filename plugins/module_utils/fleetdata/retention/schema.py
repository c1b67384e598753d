# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table's statements of SQL, kept beside its rows: so that an empty database can take them.

<table>.schema/<number>-<SHA-256>.json is written once for each schema that a table has had; the key proves the content.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigurationError, DamageError
from ..model import Archive
from ..sql import words
from ..store import Store
from . import rows
from .archived import report_name
from .table import Table

_ENDING = ".json"
_BEGINNINGS = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")


@dataclass(frozen=True)
class Schema:
    """columns: the header of its rows' files. statements: those that make the table, then its indexes."""

    columns: tuple[str, ...]
    statements: tuple[str, ...]


def of(database: sqlite3.Connection, table: Table) -> Schema:
    """What a table is now."""
    query = "SELECT sql FROM sqlite_master WHERE lower(tbl_name) = lower(?) AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC, name"
    found = tuple(words(sql) for (sql,) in database.execute(query, (table.name,)))
    return Schema(columns=rows.header(table.columns), statements=found)


def record(*, store: Store, archive: Archive, table: str, schema: Schema) -> None:
    """Keep a schema unless just this one is there. archive: of rows. Raises DamageError when it reads back wrong, StoreError."""
    body = json.dumps({"columns": schema.columns, "statements": schema.statements}, indent=1, ensure_ascii=False).encode() + b"\n"
    ending = f"-{hashlib.sha256(body).hexdigest()}{_ENDING}"
    prefix, there = _prefix(archive, table), _keys(store, archive, table)
    if any(store.fetch(key=key) == body for key in there if key.endswith(ending)):
        return
    newest = there[-1][len(prefix) :].partition("-")[0] if there else ""
    key = f"{prefix}{int(newest) + 1 if newest.isdecimal() else 1:06d}{ending}"
    store.put_new(key=key, body=body, content_type="application/json")
    if store.fetch(key=key) != body:
        raise DamageError(f"s3://{store.bucket}/{key}, which holds what {table} is, does not read back as it was sent. Nothing of it is deleted. Run again.")


def recorded(*, store: Store, archive: Archive, table: str, columns: Sequence[str]) -> Schema:
    """The newest schema of a table that has these columns. archive: of rows. Raises ConfigurationError without one, StoreError."""
    damaged = ""
    for key in reversed(_keys(store, archive, table)):
        body = store.fetch(key=key) or b""
        if not _whole(key, body):
            damaged = f" s3://{store.bucket}/{key} was altered."
            continue
        said = json.loads(body)
        if said["columns"] == list(columns):
            return Schema(columns=tuple(said["columns"]), statements=tuple(said["statements"]))
    raise ConfigurationError(f"s3://{store.bucket}/{_prefix(archive, table)} does not say how {table} is made.{damaged} Make the table, then run again.")


def altered(*, store: Store, archive: Archive, table: str) -> list[str]:
    """The keys of recorded schemas that are not what was written. archive: of rows. Raises StoreError."""
    return [key for key in _keys(store, archive, table) if not _whole(key, store.fetch(key=key) or b"")]


def create(database: sqlite3.Connection, schema: Schema) -> None:
    """Make the table and its indexes. Raises ConfigurationError; then nothing was made."""
    database.execute("SAVEPOINT made")
    try:
        for statement in schema.statements:
            if not statement.upper().startswith(_BEGINNINGS):
                raise ConfigurationError(f"{statement[:60]!r} is recorded as a table's statement, and makes no table or index")
            database.execute(statement)
    except (sqlite3.Error, ConfigurationError) as error:
        database.execute("ROLLBACK TO made")
        raise ConfigurationError(f"The table cannot be made: {error}. Make it, then run again.") from None
    finally:
        database.execute("RELEASE made")


def _whole(key: str, body: bytes) -> bool:
    return key.endswith(f"-{hashlib.sha256(body).hexdigest()}{_ENDING}")


def _keys(store: Store, archive: Archive, table: str) -> list[str]:
    return sorted(found.key for found in store.list(prefix=_prefix(archive, table)))


def _prefix(archive: Archive, table: str) -> str:
    return f"{archive.prefix}{report_name(table)}.schema/"
