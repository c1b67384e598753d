# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that were loaded and verified take their place: all in one transaction of the caller, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import STAYED, FleetDataError
from ..sql import quoted, statement
from .connection import library
from .misfit import misfit_table
from .planned import Plan
from .statements import qualified, references, views

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_KINDS = {"r": "TABLE", "S": "SEQUENCE"}
_SAME_NAME = ("42P07", "42710")


class StaysError(FleetDataError):
    """The target does not take what was loaded; it is as it was before."""

    code = STAYED


def refuse_what_is_there(connection: Connection, plan: Plan) -> None:
    """Raises StaysError when the target has a table or view of one of the names already."""
    names = _names(plan)
    found = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY(%s) ORDER BY 1",
        (plan.migration.schema, names),
    ).fetchall()
    if found:
        there = ", ".join(str(row[0]) for row in found)
        raise StaysError(
            f"{plan.migration.target.said}: schema {plan.migration.schema} has {there} already, and nothing there is overwritten. Drop or rename it, "
            "give the new tables other names (tables), choose another schema, or fill the tables that are there (mode: into_existing)."
        )


def put(*, connection: Connection, plan: Plan, schema: str) -> None:
    """Move the tables of a staging schema into that of the target, then add foreign keys, views and the privileges that are its default."""
    target = plan.migration.schema
    if not _is_there(connection, target):
        connection.execute(statement("CREATE SCHEMA", quoted(target)))
    refuse_what_is_there(connection, plan)
    moved = _tables(connection, schema)
    _move(connection, moved, schema, target)
    for table in plan.tables.values():
        for what, sql in references(table, target):
            _run(connection, f"{what} of {table.name}", sql, secret=any(column.secret for column in table.columns))
    connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", (target,))
    for what, sql in views(plan, target):
        _run(connection, what, sql)
    _grant(connection, target, moved)


def put_aside(*, connection: Connection, plan: Plan, schema: str) -> None:
    """Move only the tables of rows that did not fit: for tables that are there already."""
    wanted = {misfit_table(table.name) for table in plan.tables.values()}
    _move(connection, [name for name in _tables(connection, schema) if name in wanted], schema, plan.migration.schema)


def _move(connection: Connection, names: Iterable[str], schema: str, target: str) -> None:
    for name in names:
        _run(connection, f"table {name}", statement("ALTER TABLE", qualified(name, schema), "SET SCHEMA", quoted(target)))


def _run(connection: Connection, what: str, sql: str, *, secret: bool = False) -> None:
    """secret: the rows that the statement looks at have values that are never shown."""
    try:
        connection.execute(sql)
    except library().Error as error:
        advice = "Drop or rename it" if error.sqlstate in _SAME_NAME else "Change what stands in the way"
        detail = f" ({error.diag.message_detail})" if error.diag.message_detail and not secret else ""
        raise StaysError(
            f"{what} cannot be put in place: {error.diag.message_primary or error}{detail}. The target is as it was. {advice}, then run again."
        ) from None


def _names(plan: Plan) -> list[str]:
    tables = [table.name for table in plan.tables.values()]
    return [*tables, *map(misfit_table, tables), *(view.name for view in plan.views)]


def _tables(connection: Connection, schema: str) -> list[str]:
    query = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY 1"
    return [str(row[0]) for row in connection.execute(query, (schema,)).fetchall()]


def _is_there(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is not None


def _grant(connection: Connection, schema: str, tables: Iterable[str]) -> None:
    """What ALTER DEFAULT PRIVILEGES IN SCHEMA says: PostgreSQL gives it to what is made in a schema, not to what is moved there."""
    granted = connection.execute(
        "SELECT d.defaclobjtype, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, a.privilege_type, a.is_grantable"
        " FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = quote_ident(%s)::regnamespace"
        " AND d.defaclobjtype IN ('r', 'S') AND a.grantee <> a.grantor",
        (schema,),
    ).fetchall()
    if not granted:
        return
    sequences = connection.execute(
        "SELECT s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') JOIN pg_class t ON t.oid = d.refobjid"
        " WHERE s.relkind = 'S' AND s.relnamespace = quote_ident(%s)::regnamespace AND t.relname = ANY(%s)",
        (schema, list(tables)),
    ).fetchall()
    named = {"r": list(tables), "S": [str(row[0]) for row in sequences]}
    for kind, grantee, privilege, further in granted:
        for name in named[kind]:
            option = "WITH GRANT OPTION" if further else ""
            connection.execute(statement("GRANT", privilege, "ON", _KINDS[kind], qualified(name, schema), "TO", grantee, option))
