"""A migration arrives whole or not at all: what a run does, refuses, resumes and puts aside."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import load, migration, staging
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.misfit import MisfitsError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.report import LOADED, PARTIAL, Report
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import Context, run
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.verify import DifferentError

SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mail VARCHAR(80) UNIQUE, born DATE, vip BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id) ON DELETE CASCADE, total DECIMAL(10,2), at DATETIME, note TEXT, raw BLOB);
CREATE TABLE lines (order_id INTEGER, line INTEGER, what TEXT, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
CREATE TABLE log (said, weight REAL);
CREATE INDEX orders_at ON orders (at DESC);
CREATE VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
"""


def shop(path: Path, *, rows: int = 50) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SHOP)
        each = range(1, rows + 1)
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, '1990-01-02', ?)", ((n, f"Name {n} ä", f"{n}@example.org", n % 2) for n in each))
        database.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, '2026-01-02 03:04:05', ?, ?)",
            ((n * 3, n, n * 1.25, None if n % 3 else "note, \n", bytes([n % 256])) for n in each),
        )
        database.executemany("INSERT INTO lines VALUES (?, ?, ?)", ((n, line, f"{line}") for n in each for line in (1, 2)))
        database.executemany("INSERT INTO log VALUES (?, ?)", ((f"said {n}", n / 3) for n in each))
    return path


def moving(path: Path, target: Target, **more: Any) -> Migration:
    return Migration(name="shop", database=str(path), target=target, work=str(path.parent / "work"), busy_seconds=10, **more)


def contents(postgres: psycopg.Connection, schema: str = "public") -> dict[str, list[Any]]:
    """Every table of a schema, and its rows in some order."""
    postgres.prepare_threshold = None
    names = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (schema,)).fetchall()
    return {name: sorted(postgres.execute(f'SELECT t::text FROM "{schema}"."{name}" t').fetchall()) for (name,) in names}


def schemas(postgres: psycopg.Connection) -> set[str]:
    found = postgres.execute("SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'").fetchall()
    return {name for (name,) in found}


def small_parts(monkeypatch: pytest.MonkeyPatch, rows: int = 20) -> None:
    monkeypatch.setattr(staging, "_ROWS", rows)


@pytest.mark.parametrize("jobs", [1, 3])
def test_mrpt11_every_row_key_index_and_view_arrives(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    small_parts(monkeypatch)
    path = shop(tmp_path / "shop.db")
    report = run(migration=moving(path, target, jobs=jobs))
    assert report.status == LOADED
    assert {table.source: (table.rows, table.misfits, table.kept) for table in report.tables} == {
        "customers": (50, 0, 0), "orders": (50, 0, 0), "lines": (100, 0, 0), "log": (50, 0, 0),
    }  # fmt: skip
    assert set(contents(postgres)) == {"customers", "orders", "lines", "log"}
    assert schemas(postgres) == {"public"}
    assert postgres.execute("SELECT name, mail, born::text, vip FROM customers WHERE id = 3").fetchone() == ("Name 3 ä", "3@example.org", "1990-01-02", True)
    assert postgres.execute("SELECT total::text, at::text, note, raw FROM orders WHERE id = 9").fetchone() == ("3.75", "2026-01-02 03:04:05", "note, \n", b"\3")
    postgres.execute("INSERT INTO customers (name) VALUES ('new')")
    assert postgres.execute("SELECT max(id) FROM customers").fetchone() == (51,)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        postgres.execute("INSERT INTO orders (id, customer_id) VALUES (1, 999)")
    assert postgres.execute("SELECT count(*) FROM pg_indexes WHERE indexname = 'orders_at'").fetchone() == (1,)
    assert postgres.execute("SELECT reltuples FROM pg_class WHERE relname = 'lines'").fetchone() == (100,)


def test_mrpt11_a_target_that_has_such_a_table_is_left_alone(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    postgres.execute("CREATE TABLE orders (mine text)")
    with pytest.raises(StaysError, match=r"exists:orders: public.orders is there already, a table, and nothing is ever put in the place"):
        run(migration=moving(shop(tmp_path / "shop.db"), target))
    assert contents(postgres) == {"orders": []}
    assert schemas(postgres) == {"public"}


def test_mrpt11_a_second_run_finds_the_tables_and_another_schema_takes_them(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = shop(tmp_path / "shop.db")
    run(migration=moving(path, target))
    with pytest.raises(
        StaysError, match=r"6 differences have to be resolved first.*exists:customers.*exists:lines.*exists:log.*exists:orders.*exists:totals"
    ) as there:
        run(migration=moving(path, target))
    said = str(there.value)
    assert "public.orders_at is there already, an index, and" in said
    assert "→ another schema, or drop or rename what is there" in said
    assert "public.totals is there already, a view, and" in said
    assert '→ exclude: ["totals"], or another schema' in said
    run(migration=moving(path, target, schema="Other schema"))
    assert contents(postgres) == contents(postgres, "Other schema")


def test_mrpt13_what_has_to_be_resolved_first_is_listed_and_nothing_is_loaded(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE orders SET at = 'yesterday' WHERE id = 30")
    with pytest.raises(StaysError, match=r"1 differences have to be resolved first, nothing was loaded: misfit:orders.at: .*casts"):
        run(migration=moving(path, target))
    assert schemas(postgres) == {"public"}
    assert not contents(postgres)


def test_mrpt13_a_row_that_does_not_fit_is_put_aside_whole(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE orders SET at = 'yesterday', raw = x'ff00' WHERE id IN (30, 60)")
    report = run(migration=moving(path, target, on_misfit=migration.QUARANTINE, secret=("orders.note",)))
    assert (report.status, report.code) == (PARTIAL, 3)
    assert [(one.table, one.row, one.column, one.value) for one in report.misfits] == [
        ("orders", "row 30", "at", "'yesterday'"), ("orders", "row 60", "at", "'yesterday'"),
    ]  # fmt: skip
    assert "casts" in report.misfits[0].setting
    assert postgres.execute("SELECT count(*) FROM orders").fetchone() == (48,)
    held = postgres.execute('SELECT "row", "column", rule, cells FROM orders__misfit ORDER BY 1').fetchall()
    assert held[0][:3] == (30, "at", "is a text that is not a moment in ISO 8601 without a zone")
    assert held[0][3] == {"id": 30, "customer_id": 10, "total": 12.5, "at": "yesterday", "note": None, "raw": {"blob": "ff00"}}
    assert len(held) == 2


def test_mrpt13_a_value_that_only_the_server_refuses_is_found_and_named(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has an opinion of its own on jsonb."""
    small_parts(monkeypatch)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, doc JSON)")
        database.executemany("INSERT INTO t VALUES (?, '{\"a\": 1}')", ((n,) for n in range(1, 51)))
        database.execute('UPDATE t SET doc = \'{"a": "\\u0000"}\' WHERE id IN (31, 33)')
    with pytest.raises(MisfitsError, match=r"2 rows do not fit, so nothing was put in place: t, row 31, column doc: .*refused by the server"):
        run(migration=moving(path, target, casts={"t.doc": "jsonb"}))
    assert schemas(postgres) == {"public"}
    report = run(migration=moving(path, target, casts={"t.doc": "jsonb"}, on_misfit=migration.QUARANTINE))
    assert report.status == PARTIAL
    assert postgres.execute("SELECT count(*), count(*) FILTER (WHERE id IN (31, 33)) FROM t").fetchone() == (48, 0)
    assert postgres.execute('SELECT array_agg("row" ORDER BY 1) FROM t__misfit').fetchone() == ([31, 33],)


def test_mrpt20_a_secret_value_is_in_no_message(tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, doc JSON)")
        database.execute('INSERT INTO t VALUES (1, \'{"hush": "\\u0000"}\')')
    with pytest.raises(MisfitsError) as caught:
        run(migration=moving(path, target, casts={"t.doc": "jsonb"}, secret=("t.doc",)))
    assert "hush" not in str(caught.value)
    assert "row 1" in str(caught.value)


def test_mrpt11_only_one_run_at_a_time_for_a_schema(tmp_path: Path, target: Target) -> None:
    path = shop(tmp_path / "shop.db")
    inside = []

    def placed(_connection: object, _report: Report) -> None:
        with pytest.raises(ConfigurationError, match="Another run migrates into schema public"):
            run(migration=moving(path, target), context=Context(patience=0))
        inside.append(run(migration=moving(path, target, schema="other"), context=Context(patience=0)).status)

    assert run(migration=moving(path, target), placed=placed).status == LOADED
    assert inside == [LOADED]


class DiedError(Exception):
    """A run that ends in its midst."""


def test_mrpt14_a_run_goes_on_where_a_dead_one_was(tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that are the same still are kept; one that changed meanwhile is loaded anew, and rows that came are there."""
    small_parts(monkeypatch)
    path = shop(tmp_path / "shop.db")
    send, left = load.copy_part, [7]

    def dying(**options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise DiedError
        return send(**options)

    monkeypatch.setattr(load, "copy_part", dying)
    with pytest.raises(DiedError):
        run(migration=moving(path, target))
    assert not contents(postgres)
    assert "public__steady" in schemas(postgres)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE customers SET name = 'changed' WHERE id = 25")
        database.execute("DELETE FROM customers WHERE id = 26")
        database.execute("DELETE FROM orders WHERE customer_id = 26")
        database.execute("INSERT INTO customers (name) VALUES ('came')")
    monkeypatch.setattr(load, "copy_part", send)
    report = run(migration=moving(path, target))
    kept = {table.source: table.kept for table in report.tables}
    assert kept == {"customers": 1, "orders": 2, "lines": 1, "log": 0}
    assert postgres.execute("SELECT count(*), count(*) FILTER (WHERE name IN ('changed', 'came')) FROM customers").fetchone() == (50, 2)
    assert schemas(postgres) == {"public"}


def test_mrpt14_another_plan_loads_anew_what_it_changes(tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop(tmp_path / "shop.db")

    def dying(_connection: object, _report: Report) -> None:
        raise DiedError

    with pytest.raises(DiedError):
        run(migration=moving(path, target), placed=dying)
    assert not contents(postgres)
    other = moving(path, target, casts={"customers.name": "varchar(40)"}, exclude=("log",))
    report = run(migration=other)
    assert {table.source: table.kept for table in report.tables} == {"customers": 0, "orders": 1, "lines": 1}
    assert set(contents(postgres)) == {"customers", "orders", "lines"}
    again = run(migration=dataclasses.replace(other, schema="again"), resume=False)
    assert [table.kept for table in again.tables] == [0, 0, 0]


def test_mrpt12_what_another_session_does_to_the_staging_tables_is_found(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop(tmp_path / "shop.db")
    finish = staging.Staging.finish

    def tampering(self: staging.Staging) -> None:
        finish(self)
        postgres.execute("UPDATE public__steady.customers SET vip = NOT vip WHERE id = 7")

    monkeypatch.setattr(staging.Staging, "finish", tampering)
    with pytest.raises(DifferentError, match=r"customers: differs.*vip"):
        run(migration=moving(path, target))
    assert not contents(postgres)


def test_cti8_a_name_that_is_taken_is_said_and_the_target_is_as_it_was(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that comes after the plan was made."""
    path = shop(tmp_path / "shop.db")
    finish = staging.Staging.finish

    def meanwhile(self: staging.Staging) -> None:
        finish(self)
        postgres.execute("CREATE TABLE other (id int PRIMARY KEY)")
        postgres.execute("CREATE INDEX orders_at ON other (id)")

    with monkeypatch.context() as patched, pytest.raises(StaysError, match=r"table orders cannot be put in place: .*orders_at.* The target is as it was"):
        patched.setattr(staging.Staging, "finish", meanwhile)
        run(migration=moving(path, target))
    assert set(contents(postgres)) == {"other"}
    postgres.execute("DROP TABLE other")
    report = run(migration=moving(path, target))
    assert {table.kept for table in report.tables} == {1}


def test_cti9_default_privileges_of_the_schema_hold_for_tables_that_are_moved_there(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, server: Any
) -> None:
    with server.connect() as admin:
        admin.execute("CREATE ROLE app_reader")
    postgres.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO app_reader")
    postgres.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO app_reader")
    run(migration=moving(shop(tmp_path / "shop.db"), target))
    query = "SELECT has_table_privilege('app_reader', 'orders', %s)"
    assert [postgres.execute(query, (one,)).fetchone()[0] for one in ("SELECT", "INSERT", "DELETE")] == [True, True, False]
    sequence = postgres.execute("SELECT pg_get_serial_sequence('customers', 'id')").fetchone()[0]
    assert postgres.execute("SELECT has_sequence_privilege('app_reader', %s, 'USAGE')", (sequence,)).fetchone() == (True,)
    postgres.execute("DROP OWNED BY CURRENT_USER")
    with server.connect() as admin:
        admin.execute("DROP ROLE app_reader")


def test_f62_rows_without_numbers_are_put_aside_too_and_named_by_their_key(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE lines SET what = CAST(x'61ff' AS TEXT) WHERE order_id = 7 AND line = 2")
    report = run(migration=moving(path, target, on_misfit=migration.QUARANTINE))
    assert [(one.row, one.value, one.rule) for one in report.misfits] == [("the row with order_id = 7, line = 2", "b'a\\xff'", "is text that is not UTF-8")]
    assert postgres.execute("SELECT count(*) FROM lines").fetchone() == (99,)
    assert postgres.execute('SELECT "row", cells FROM lines__misfit').fetchall() == [(None, {"order_id": 7, "line": 2, "what": {"text": "61ff"}})]


def test_f64_tables_that_the_application_made_are_filled_and_misfits_stay_beside_them(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE log SET said = CAST(x'61ff' AS TEXT) WHERE rowid = 3")
    postgres.execute("CREATE TABLE log (said varchar(30), weight double precision)")
    declared = moving(path, target, mode=migration.INTO_EXISTING, include=("log",), on_misfit=migration.QUARANTINE)
    assert run(migration=declared).status == PARTIAL
    assert postgres.execute("SELECT count(*) FROM log").fetchone() == (49,)
    assert postgres.execute('SELECT "row" FROM log__misfit').fetchall() == [(3,)]
    assert schemas(postgres) == {"public"}
