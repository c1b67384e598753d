"""Databases that are drawn: whatever their columns are declared to be and hold, what arrives is what was there."""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.misfit import MisfitsError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.report import LOADED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.sql import quoted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from postgres_server import PASSWORD, Server

_NUMBERS = itertools.count(1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
REALS = st.floats(allow_nan=False)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "INTEGER": INTEGERS, "BIGINT": INTEGERS, "INT": st.integers(min_value=-(2**31), max_value=2**31 - 1), "REAL": REALS, "DOUBLE PRECISION": REALS,
    "TEXT": TEXTS, "CLOB": TEXTS, "VARCHAR(5)": TEXTS, "CHAR(3)": TEXTS, "BLOB": st.binary(max_size=20), "": TEXTS, "VARBINARY(9)": st.binary(max_size=20),
    "BOOLEAN": st.sampled_from([0, 1]),
}  # fmt: skip
"""What a column is declared to be, and values that are of that kind."""


@dataclass(frozen=True)
class Drawn:
    """A table with its rows. key: its columns that are the primary key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: int
    rows: tuple[tuple[Any, ...], ...]


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    names = draw(st.lists(NAMES, min_size=2, max_size=6, unique_by=str.lower))
    declared = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=len(names) - 1, max_size=len(names) - 1))
    row = st.tuples(*(st.none() | KINDS[kind] for kind in declared))
    return Drawn(names[0], tuple(zip(names[1:], declared)), draw(st.sampled_from([0, 1])), tuple(draw(st.lists(row, max_size=12))))


def make(path: Path, drawn: Drawn) -> None:
    number = "id INTEGER PRIMARY KEY, " if drawn.key and all(name.lower() != "id" for name, _ in drawn.columns) else ""
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in drawn.columns)
    names = ", ".join(quoted(name) for name, _ in drawn.columns)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {quoted(drawn.name)} ({number}{columns})")
        database.executemany(f"INSERT INTO {quoted(drawn.name)} ({names}) VALUES ({', '.join('?' * len(drawn.columns))})", drawn.rows)
        database.commit()


def read(path: Path, drawn: Drawn) -> list[tuple[Any, ...]]:
    names = ", ".join(quoted(name) for name, _ in drawn.columns)
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT {names} FROM {quoted(drawn.name)}").fetchall()


@pytest.fixture(scope="module")
def shared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    password = tmp_path_factory.mktemp("generated") / "password"
    password.write_text(PASSWORD)
    with server.connect() as admin:
        admin.execute("CREATE DATABASE generated OWNER mover")
        yield Target(
            host="localhost", port=server.port, database="generated", user="mover", password_file=str(password), ssl_root_cert=str(server.authority)
        )  # fmt: skip
        admin.execute("DROP DATABASE generated WITH (FORCE)")


@pytest.fixture(scope="module")
def looking(server: Server, shared: Target) -> Iterator[psycopg.Connection]:
    with server.connect(shared.database, shared.user) as connection:
        yield connection


def same(value: Any) -> Any:
    """A value as it is compared: 0.0 is not -0.0, a boolean is the number that it was, and the number 1.0 is 1 where a column is numeric."""
    if isinstance(value, float):
        return ("-" if math.copysign(1, value) < 0 else "", abs(value))
    return int(value) if isinstance(value, bool) else value


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=tables())
def test_mrpt14_what_arrives_of_a_drawn_database_is_what_was_there(drawn: Drawn, shared: Target, looking: psycopg.Connection, tmp_path: Path) -> None:
    path, schema = tmp_path / "drawn.db", f"drawn_{next(_NUMBERS)}"
    make(path, drawn)
    declared = Migration(name="drawn", database=str(path), target=shared, schema=schema, work=str(tmp_path / "work"))
    report = run(migration=declared, stopped=True)
    assert report.status == LOADED
    (plan,) = report.plan.tables.values()
    targets = [next(column.target for column in plan.columns if column.source == name) for name, _ in drawn.columns]
    query = f"SELECT {', '.join(map(quoted, targets))} FROM {quoted(schema)}.{quoted(plan.name)}"
    arrived = looking.execute(query.encode()).fetchall()
    assert sorted(map(repr, ([same(value) for value in row] for row in arrived))) == sorted(
        map(repr, ([same(value) for value in row] for row in read(path, drawn)))
    )
    looking.execute(f"DROP SCHEMA {schema} CASCADE".encode())


ANYTHING = st.none() | INTEGERS | REALS | st.text(st.characters(codec="utf-8"), max_size=8) | st.binary(max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "BOOLEAN", "DATETIME", "JSON", "UUID", "DATE", ""]),
    values=st.lists(ANYTHING, min_size=1, max_size=8),
)
def test_mrpt14_a_column_of_anything_arrives_whole_or_its_misfits_are_put_aside_and_counted(
    kind: str, values: list[Any], shared: Target, looking: psycopg.Connection, tmp_path: Path
) -> None:
    path, schema = tmp_path / "mixed.db", f"mixed_{next(_NUMBERS)}"
    make(path, Drawn("t", (("a", kind),), 1, tuple((value,) for value in values)))
    declared = Migration(name="mixed", database=str(path), target=shared, schema=schema, work=str(tmp_path / "work"))
    try:
        report = run(migration=declared, stopped=True)
    except (StaysError, MisfitsError):
        aside = Migration(name="mixed", database=str(path), target=shared, schema=schema, work=str(tmp_path / "work"), on_misfit="quarantine")
        report = run(migration=aside, stopped=True)
        assert report.tables[0].misfits > 0
    (table,) = report.tables
    there = looking.execute(f"SELECT count(*) FROM {schema}.t".encode()).fetchone()
    put_aside = looking.execute(f"SELECT count(*) FROM {schema}.t__misfit".encode()).fetchone() if table.misfits else (0,)
    assert (there, put_aside) == ((table.rows,), (table.misfits,))
    assert table.rows + table.misfits == len(values)
    looking.execute(f"DROP SCHEMA {schema} CASCADE".encode())
