# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that were loaded and verified go into the tables that are there: all of them in one transaction of the caller, or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import ContentError, DamageError
from ..sql import quoted, statement
from . import existing_fill
from .connection import library
from .digest_sql import digest_sql
from .existing import Existing, ExistingTable, is_empty, read
from .existing_match import forward
from .planned import Plan, TablePlan

if TYPE_CHECKING:
    from .existing import Connection


def put(*, connection: Connection, plan: Plan, schema: str) -> None:
    """Fill the tables from those of a staging schema, compare, and set what numbers new rows. The caller has begun a transaction, and commits.

    Raises ContentError where a table has rows meanwhile or refuses one, DamageError where a table made something else of what was put into it.
    """
    existing = read(connection, plan.migration.schema)
    order = [table.name for table in plan.tables.values()]
    for name in order:
        lock = "IN SHARE ROW EXCLUSIVE MODE" if existing.tables[name].owned else "IN ROW EXCLUSIVE MODE"
        _run(connection, statement("LOCK TABLE", _name(existing, name), lock))
        if not is_empty(connection, existing.schema, name):
            raise ContentError(f"{name} got rows meanwhile, with which the migrated ones would be mixed. Nothing was put in place; empty it, then run again.")
    around = _Around(plan, existing, order)
    for sql in around.before():
        _run(connection, sql)
    for table in plan.tables.values():
        _fill(connection, plan, table, existing, schema)
    for sql in around.after():
        _refusable(connection, plan, "", sql)
    for table in plan.tables.values():
        _compare(connection, plan, table, schema)
        _number(connection, table, existing)


class _Around:
    """What is turned off while the tables are filled, and on again."""

    def __init__(self, plan: Plan, existing: Existing, order: list[str]) -> None:
        self._existing = existing
        self._tables = [existing.tables[name] for name in order]
        orphans = {one.code for one in plan.differences if one.code.startswith("orphans:")}
        loose = {
            (table.name, reference.name)
            for source, table in plan.tables.items()
            for reference in existing.tables[table.name].references
            if f"orphans:{source}.{','.join(_sources(table, reference.columns))}" in orphans
        }
        self._loose = [(table.name, one) for table in self._tables for one in table.references if (table.name, one.name) in loose]
        self._forward = [(name, one) for name, one in forward(existing, order) if (name, one.name) not in loose]

    def before(self) -> Iterator[str]:
        """Triggers of users sleep, keys with accepted orphans go, keys to tables that are filled later wait."""
        for table in self._tables:
            for trigger in table.triggers:
                yield self._alter(table.name, f"DISABLE TRIGGER {quoted(trigger)}")
        for name, reference in self._loose:
            yield self._alter(name, f"DROP CONSTRAINT {quoted(reference.name)}")
        for name, reference in self._forward:
            if not reference.waits:
                yield self._alter(name, f"ALTER CONSTRAINT {quoted(reference.name)} DEFERRABLE")
        if self._forward:
            yield statement("SET CONSTRAINTS", self._waiting(), "DEFERRED")

    def after(self) -> Iterator[str]:
        """All as it was, and looked at."""
        if self._forward:
            yield statement("SET CONSTRAINTS", self._waiting(), "IMMEDIATE")
        for name, reference in self._forward:
            if not reference.waits:
                yield self._alter(name, f"ALTER CONSTRAINT {quoted(reference.name)} NOT DEFERRABLE")
        for name, reference in self._loose:
            yield self._alter(name, f"ADD CONSTRAINT {quoted(reference.name)} {reference.sql} NOT VALID")
        for table in self._tables:
            for trigger, how in table.triggers.items():
                yield self._alter(table.name, f"{how} TRIGGER {quoted(trigger)}")

    def _waiting(self) -> str:
        return ", ".join(f"{quoted(self._existing.schema)}.{quoted(reference.name)}" for _, reference in self._forward)

    def _alter(self, table: str, what: str) -> str:
        return statement("ALTER TABLE", _name(self._existing, table), what)


def _sources(table: TablePlan, names: tuple[str, ...]) -> list[str]:
    found = {column.target: column.source for column in table.columns}
    return [found.get(name, "") for name in names]


def _name(existing: Existing, table: str) -> str:
    return f"{quoted(existing.schema)}.{quoted(table)}"


def _fill(connection: Connection, plan: Plan, table: TablePlan, existing: Existing, schema: str) -> None:
    there = existing.tables[table.name]
    values = {column.target: _value(column.target, there) for column in table.loaded}
    alone = {name: value for name, value in existing_fill.of(plan.migration, table.name).items() if name not in values}
    values.update({name: _cast("%s", there.columns[name].type) for name in alone})
    sent = list(alone.values())
    names, chosen = ", ".join(map(quoted, values)).replace("%", "%%"), ", ".join(values.values())
    target, source = _name(existing, table.name).replace("%", "%%"), f"{quoted(schema)}.{quoted(table.name)}".replace("%", "%%")
    _refusable(
        connection, plan, table.name, statement("INSERT INTO", target, f"({names})", "OVERRIDING SYSTEM VALUE SELECT", chosen, "FROM", source), sent
    )  # fmt: skip


def _value(name: str, there: ExistingTable) -> str:
    """A column of staging as one of the table."""
    column = there.columns[name]
    sql = quoted(name).replace("%", "%%")
    return sql if column.type == column.base else _cast(sql, column.type)


def _cast(sql: str, kind: str) -> str:
    return f"CAST({sql} AS {kind.replace('%', '%%')})"


def _compare(connection: Connection, plan: Plan, table: TablePlan, schema: str) -> None:
    """The table has to give the very digest that staging gives."""
    found = [connection.execute(digest_sql(table, where).encode()).fetchone() for where in (schema, plan.migration.schema)]
    if found[0] != found[1]:
        raise DamageError(
            f"{table.name} holds something else than what was put into it: a rule, a type or a trigger of the table changed it. Nothing was put in place."
        )


def _number(connection: Connection, table: TablePlan, existing: Existing) -> None:
    """Behind the largest number there was; a sequence that was used already does not go back."""
    for column in table.columns:
        sequence = existing.tables[table.name].columns[column.target].sequence
        if sequence and column.next_number > 1:
            state = connection.execute(statement("SELECT last_value FROM", sequence).encode()).fetchone()
            last = max(column.next_number - 1, int(state[0]) if state and int(state[0]) > 1 else 0)
            connection.execute("SELECT setval(%s::regclass, %s)", (sequence, last))


def _refusable(connection: Connection, plan: Plan, table: str, sql: str, sent: Sequence[str] | None = None) -> None:
    """A statement that a row may be refused by. Raises ContentError."""
    try:
        connection.execute(sql.encode(), sent)
    except library().Error as error:
        said = error.diag
        secret = any(column.secret for one in plan.tables.values() if one.name in (table, said.table_name) for column in one.columns)
        detail = "" if secret else f" ({said.message_detail})" if said.message_detail else ""
        where = f"{said.table_name or table}: " if said.table_name or table else ""
        raise ContentError(
            f"{where}{said.message_primary or error}{detail}. Nothing was put in place; change the rows in the source, or what the target demands of them."
        ) from None


def _run(connection: Connection, sql: str) -> None:
    connection.execute(sql.encode())
