# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says to a plan before anything is written there: its version and encoding, rights, tables that are there already, extensions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..sql import quoted
from .migration import CREATE
from .planned import BLOCKS, NOTICE, Difference, Plan

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_OLDEST = 120000
_KINDS = {
    "r": "a table", "p": "a table", "v": "a view", "m": "a materialized view", "S": "a sequence", "f": "a foreign table", "i": "an index", "I": "an index",
    "c": "a type",
}  # fmt: skip


def with_server(connection: Connection, plan: Plan) -> Plan:
    """The plan, and besides what stands in its way on the server. Only reads."""
    found = (*_server(connection), *_rights(connection, plan), *_there(connection, plan), *_extensions(connection, plan))
    return dataclasses.replace(plan, differences=(*plan.differences, *found))


def _server(connection: Connection) -> Iterator[Difference]:
    version, encoding = _row(connection, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
    if version < _OLDEST:
        yield Difference("server:version", BLOCKS, "", f"The server is PostgreSQL {version // 10000}. It has to be 12 or newer.")
    if encoding != "UTF8":
        yield Difference("server:encoding", BLOCKS, "", f"The database's encoding is {encoding}. Make one with ENCODING 'UTF8' TEMPLATE template0.")
    if _row(connection, "SELECT current_setting('transaction_read_only')")[0] == "on":
        what = "The server takes no writes: it is a standby, or default_transaction_read_only is set for it, this database or role."
        yield Difference("server:read_only", BLOCKS, "", what)


def _rights(connection: Connection, plan: Plan) -> Iterator[Difference]:
    migration = plan.migration
    user, database, may = _row(connection, "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE')")
    if not may:
        what = f"The role {user} may not make schemas in the database {database}; tables are loaded in a schema of their own first."
        yield Difference("rights:database", BLOCKS, "", what, setting=f"as the database's owner: GRANT CREATE ON DATABASE {quoted(database)} TO {quoted(user)}")
    found = connection.execute(
        "SELECT has_schema_privilege(oid, 'CREATE'), has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s", (migration.schema,)
    ).fetchone()
    if found is None and migration.mode != CREATE:
        yield Difference(
            "schema:missing",
            BLOCKS,
            "",
            f"There is no schema {migration.schema}, so none of the application's tables.",
            setting="schema: the one that has them",
        )
    needed = "CREATE, USAGE" if migration.mode == CREATE else "USAGE"
    if found is not None and not (found[1] and (found[0] or migration.mode != CREATE)):
        what = f"The role {user} may not make tables in the schema {migration.schema}." if migration.mode == CREATE else f"The role {user} may not use it."
        setting = f"as the schema's owner: GRANT {needed} ON SCHEMA {quoted(migration.schema)} TO {quoted(user)}; or another schema"
        yield Difference("rights:schema", BLOCKS, "", what, setting=setting)


def _there(connection: Connection, plan: Plan) -> Iterator[Difference]:
    """Names that are taken. Indexes have theirs among those of tables."""
    if plan.migration.mode != CREATE:
        return
    tables = {table.name: table.source.name for table in plan.tables.values()}
    names = {**tables, **{index.name: table.source.name for table in plan.tables.values() for index in table.indexes}}
    views = {view.name for view in plan.views}
    query = (
        "SELECT relname, relkind::text FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE nspname = %s AND relname = ANY (%s) ORDER BY 1"
    )
    for name, kind in connection.execute(query, (plan.migration.schema, [*names, *views])):
        source = names.get(name, "")
        what = f"{plan.migration.schema}.{name} is there already, {_KINDS.get(kind, 'a relation')}, and nothing is ever put in the place of what is there."
        elsewhere = "another schema, or drop or rename what is there"
        if name in tables:
            setting = f'tables: {{"{source}": "another name"}}, or another schema, or mode: into_existing where the application made it and it is empty'
        else:
            setting = f'exclude: ["{name}"], or {elsewhere}' if name in views else elsewhere
        yield Difference(f"exists:{name}", BLOCKS, source, what, setting=setting)


def _extensions(connection: Connection, plan: Plan) -> Iterator[Difference]:
    query = """SELECT name, installed_version IS NOT NULL, EXISTS (SELECT FROM pg_available_extension_versions AS v WHERE v.name = a.name AND v.trusted)
        OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) FROM pg_available_extensions AS a WHERE name = ANY (%s)"""
    found = {name: (installed, may) for name, installed, may in connection.execute(query, (list(plan.extensions),))} if plan.extensions else {}
    for name in plan.extensions:
        installed, may = found.get(name, (False, False))
        if name not in found:
            yield Difference(f"extension:{name}", BLOCKS, "", f"The server does not have the extension {name}. Install it there (package postgresql-contrib).")
        elif not installed and not may:
            yield Difference(
                f"extension:{name}",
                BLOCKS,
                "",
                f"The extension {name} is not in this database, and this role may not make it.",
                setting=f"as a superuser: CREATE EXTENSION {quoted(name)}",
            )
        elif not installed:
            yield Difference(f"extension:{name}", NOTICE, "", f"The extension {name} is made in this database.")


def _row(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    return row if row is not None else ()
