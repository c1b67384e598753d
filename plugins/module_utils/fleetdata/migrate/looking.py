# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of what is there now: of the database, and of the server where one is said. Writes nothing to either."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from . import existing_look, preflight
from .connection import UnreachableError, connect, library
from .migration import INTO_EXISTING, Migration
from .plan import look
from .planned import Plan
from .snapshot import readers

if TYPE_CHECKING:
    from .existing import Connection


def plan_of(migration: Migration, *, stopped: bool = False) -> Plan:
    """What a run would do, and what is in its way. stopped: the database's application is. Raises ConfigurationError, UnreachableError."""
    if not migration.target.host:
        return _of_database(migration, stopped=stopped)
    if migration.mode != INTO_EXISTING:
        return with_server(_of_database(migration, stopped=stopped))
    with closing(connect(migration.target)) as connection:
        return with_server(_of_database(migration, stopped=stopped, connection=connection))


def _of_database(migration: Migration, *, stopped: bool, connection: Connection | None = None) -> Plan:
    """connection: to the target, whose tables are to be filled."""
    path = migration.database
    try:
        with readers(path=path, count=0, busy_seconds=migration.busy_seconds, work=migration.work, stopped=stopped) as snapshot:
            if connection is None:
                return look(database=snapshot.database, migration=migration)
            return existing_look.look(database=snapshot.database, connection=connection, migration=migration)
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(
            f"{path}: is no SQLite database that can be read ({error}). Name the file that the application writes; "
            "an encrypted database has to be exported by whoever has its key."
        ) from None


def with_server(plan: Plan) -> Plan:
    """The plan, and what stands in its way on the server."""
    with closing(connect(plan.migration.target)) as connection:
        try:
            return preflight.with_server(connection, plan)
        except library().Error as error:
            said = (error.diag.message_primary or type(error).__name__).rstrip(".")
            raise UnreachableError(f"PostgreSQL at {plan.migration.target.said} does not answer as it has to: {said}.") from None
