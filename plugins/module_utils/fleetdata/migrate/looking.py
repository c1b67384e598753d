# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of what is there now: of the database, and of the server where one is said. Writes nothing to either."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from . import existing_look, plan, preflight
from .connection import connect, explained
from .migration import INTO_EXISTING, Migration
from .planned import NOTICE, Difference, Plan
from .snapshot import readers

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]


def plan_of(migration: Migration, *, stopped: bool = False) -> Plan:
    """What a run would do, and what is in its way. stopped: the database's application is. Raises ConfigurationError, UnreachableError."""
    require_database(migration)
    with ExitStack() as stack:
        connection = stack.enter_context(server(migration)) if migration.target.host else None
        found = _of_database(migration, connection, stopped=stopped)
        found = preflight.with_server(connection, found) if connection else found
        known = {one.code for one in found.differences}
        slips = [_slip(code) for code in migration.accept if code not in known]
        return replace(found, differences=(*found.differences, *slips))


def require_database(migration: Migration) -> None:
    """Raises ConfigurationError unless there is the file."""
    if not os.path.isfile(migration.database):
        what = "is a directory" if os.path.isdir(migration.database) else "is not there, or is no file"
        raise ConfigurationError(f"{migration.database} {what}. Name the SQLite database that the application writes.")
    if not os.access(migration.database, os.R_OK):
        raise ConfigurationError(f"{migration.database} may not be read by this user. Run as the user of the application, or as root.")


def _of_database(migration: Migration, connection: Connection | None, *, stopped: bool) -> Plan:
    path = migration.database
    if migration.mode == INTO_EXISTING and connection is None:
        raise ConfigurationError(f"{path}: mode {INTO_EXISTING} compares with tables that are there, so say the target.")
    with readers(path=path, count=0, busy_seconds=migration.busy_seconds, work=migration.work, stopped=stopped) as snapshot:
        if migration.mode == INTO_EXISTING:
            return existing_look.look(database=snapshot.database, connection=connection, migration=migration)
        return plan.look(database=snapshot.database, migration=migration)


@contextmanager
def server(migration: Migration) -> Iterator[Connection]:
    """A connection. Raises ConfigurationError, UnreachableError for whatever PostgreSQL refuses."""
    with closing(connect(migration.target)) as connection, explained(migration, then="Nothing was changed; run again."):
        yield connection


def _slip(code: str) -> Difference:
    return Difference(f"accept:{code}", NOTICE, "", f"{code} is accepted, but is no difference that there is, so nothing is agreed to")
