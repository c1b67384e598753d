"""The oddities end to end: what was planned arrives on a real server, whole and verified, or nothing is there."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import STAYED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.report import LOADED, PARTIAL, Report
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from oddity_words import Oddity
from postgres_server import PASSWORD, Server
from test_oddities import each, settled

_NUMBERS = itertools.count(1)
_TABLES = "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname LIKE %s AND relkind = 'r'"


@pytest.fixture(scope="module")
def shared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One database for all, in which each has a schema of its own."""
    password = tmp_path_factory.mktemp("oddities") / "password"
    password.write_text(PASSWORD)
    with server.connect() as admin:
        admin.execute("CREATE DATABASE oddities OWNER mover")
        yield Target(
            host="localhost", port=server.port, database="oddities", user="mover", password_file=str(password), ssl_root_cert=str(server.authority)
        )  # fmt: skip
        admin.execute("DROP DATABASE oddities WITH (FORCE)")


@pytest.fixture(scope="module")
def looking(server: Server, shared: Target) -> Iterator[psycopg.Connection]:
    with server.connect(shared.database, shared.user) as connection:
        yield connection


@each
def test_mrpt14_it_arrives_whole_or_nothing_moves(oddity: Oddity, shared: Target, looking: psycopg.Connection, tmp_path: Path) -> None:
    schema = f"odd_{next(_NUMBERS)}"

    def moved(**settings: object) -> Report:
        return run(migration=Migration(name="odd", database=str(path), target=shared, schema=schema, work=str(tmp_path / "work"), **settings), stopped=True)

    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(oddity.sql)
        if oddity.blocked:
            with pytest.raises(StaysError) as stays:
                moved()
            assert stays.value.code == STAYED
            assert looking.execute(_TABLES, (f"{schema}%",)).fetchall() == []
        if oddity.never:
            return
        report = moved(**settled(oddity))
    assert report.status == (PARTIAL if oddity.misfits else LOADED)
    assert sum(one.misfits for one in report.tables) == oddity.misfits
    looking.execute("SELECT set_config('search_path', %s, false), set_config('timezone', 'UTC', false)", (schema,))
    for query, shown in oddity.shows.items():
        assert [row[0] for row in looking.execute(query.encode()).fetchall()] == list(shown), query
    looking.execute(f"DROP SCHEMA {schema} CASCADE".encode())
