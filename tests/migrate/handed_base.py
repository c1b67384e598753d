"""A migration that was loaded, for the tests of what comes after: by the plan's own statements, so that these stand on few other parts."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, statements
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.canonical import compared
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.changes import Lite, Server, text
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.connection import connect
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.encode import HEADER, TRAILER, Encoder
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.handing import Handing
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass
class Base:
    """A SQLite database and the target it goes to."""

    path: Path
    how: Handing

    def lite(self, script: str) -> None:
        with closing(sqlite3.connect(self.path)) as database:
            database.executescript(script)

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(query).fetchall()

    def server(self, query: str) -> list[tuple]:
        with closing(self.how.connect()) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def load(self) -> None:
        """Create, copy, constrain; and keep it as loaded."""
        with closing(sqlite3.connect(self.path)) as database, closing(self.how.connect()) as connection:
            database.text_factory = Text
            plan = look(database=database, migration=self.how.migration)
            assert not plan.blocking, plan.blocking
            database.text_factory = text
            schema, sums = self.how.migration.schema, {}
            for table in plan.tables.values():
                connection.execute(statements.create_table(table, schema=schema))
                columns = ", ".join(quoted(column.source) for column in compared(table))
                encoder = Encoder(table)
                into = ", ".join(quoted(column.target) for column in encoder.columns)
                rows = database.execute(f"SELECT {columns} FROM {quoted(table.source.name)}").fetchall()
                with connection.cursor() as cursor, cursor.copy(f"COPY {statements.qualified(table.name, schema)} ({into}) FROM STDIN (FORMAT binary)") as copy:
                    encoded = encoder.encode(rows)
                    for piece in (HEADER, *encoded.pieces, TRAILER):
                        copy.write(piece)
                for _, sql in statements.after_load(table, schema):
                    connection.execute(sql)
                total = Server(connection, table, schema).weigh().total
                assert total == Lite(database, table).weigh().total or encoded.refused, table.source.name
                sums[table.source.name] = total
            for table in plan.tables.values():
                for _, sql in statements.references(table, schema):
                    connection.execute(sql)
            state.keep(connection, state.Record(name=self.how.migration.name, state=state.LOADED, plan=plan, sums=sums, stamp="20261122T100000Z"))

    def saying(self, **more: object) -> Handing:
        return replace(self.how, **more)


def base(folder: Path, target: Target, script: str, **more: object) -> Base:
    """A database made of a script."""
    path = folder / "app.db"
    migration = Migration(name="app", database=str(path), target=target, work=str(folder / "work"), busy_seconds=5.0, **more)
    made = Base(path, Handing(migration=migration, connect=connecting(target), clock=lambda: NOW, lock_seconds=5.0))
    made.lite(script)
    return made


def connecting(target: Target) -> Callable[[], psycopg.Connection]:
    return lambda: connect(target)
