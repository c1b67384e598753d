"""Large tables are planned by a sample of their texts and loaded by several processes; what the sample did not tell is found all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import FleetDataError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import helper as helpers
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import load, plan, run, skim
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import COUNT, QUARANTINE, Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reading import Reader
from test_load_run import DiedError, contents, moving, schemas, shop, small_parts

ROWS = 300
TABLE = "CREATE TABLE seen (id INTEGER PRIMARY KEY, n INT, day DATE, at DATETIME, weight REAL, active BOOLEAN, said TEXT, short VARCHAR(9), any, raw BLOB)"


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a table of few rows were one of many."""
    monkeypatch.setattr(skim, "ROWS", 100)
    monkeypatch.setattr(skim, "_SAMPLE", 5)
    monkeypatch.setattr(run, "_LARGE", 0)


def rows() -> list[tuple[Any, ...]]:
    return [
        (n, n - 7, f"2026-01-{1 + n % 28:02d}", f"2026-02-03 04:{n % 60:02d}:05", n / 7, n % 2, f"said {n}", None if n % 3 else "short", f"{n} ä", b"\0\xff")
        for n in range(1, ROWS + 1)
    ]


def made(path: Path, *, sql: str = TABLE, changed: str = "") -> Path:
    """changed: an assignment, made in one row of the middle."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(sql)
        database.executemany(f"INSERT INTO seen VALUES ({', '.join('?' * 10)})", rows())
        if changed:
            database.execute(f"UPDATE seen SET {changed} WHERE id = {ROWS // 2}")
    return path


def planned(path: Path, target: Target, *, quick: bool) -> plan.Plan:
    with closing(sqlite3.connect(path)) as database:
        return plan.look(database=database, migration=moving(path, target), quick=quick)


def test_mrpt12_a_sample_leads_to_the_plan_of_all_values(tmp_path: Path, target: Target) -> None:
    path = made(tmp_path / "app.db")
    quick, full = (planned(path, target, quick=one) for one in (True, False))
    assert quick.differences == full.differences
    for one, other in zip(quick.tables["seen"].columns, full.tables["seen"].columns, strict=True):
        assert (one.type, one.conversion, one.why, one.not_null, one.next_number) == (
            other.type,
            other.conversion,
            other.why,
            other.not_null,
            other.next_number,
        )
        assert (one.values.types, one.values.nulls, one.values.least, one.values.highest) == (
            other.values.types, other.values.nulls, other.values.least, other.values.highest,
        )  # fmt: skip
        assert one.values.longest == other.values.longest
    assert [column.source for column in quick.tables["seen"].columns if column.values.sampled] == ["n", "day", "at", "active", "said", "short", "any"]
    assert not any(column.values.sampled for column in full.tables["seen"].columns)


@pytest.mark.parametrize(
    "changed",
    [
        "id = id", "weight = NULL WHERE id > 10", "weight = 'heavy' WHERE id = 290", "weight = 9e999 WHERE id = 200", "weight = 7 WHERE id = 20",
        "raw = NULL WHERE id < 280", "raw = 'text' WHERE id = 100", "n = NULL", "n = -id WHERE id > 200", "short = 'longer than nine' WHERE id = 222",
        "id = id * 1000000007 WHERE id > 6", "id = -id - 100 WHERE id < 200",
    ],
)  # fmt: skip
def test_mrpt12_two_threads_plan_what_one_does(tmp_path: Path, target: Target, changed: str) -> None:
    path = made(tmp_path / "app.db")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE seen SET {changed}")
    with closing(sqlite3.connect(path)) as database, closing(Reader(str(path))) as beside:
        migration = moving(path, target)
        assert plan.look(database=database, migration=migration, quick=True, beside=beside) == plan.look(database=database, migration=migration, quick=True)


@pytest.mark.parametrize(
    "sql",
    [TABLE.replace("any,", "any CHECK (any <> ''),"), f"{TABLE}; CREATE VIEW v AS SELECT day FROM Seen", f"{TABLE}; CREATE INDEX i ON seen (lower(said))"],
)
def test_mrpt12_a_table_whose_values_an_expression_sees_is_planned_by_all_values(tmp_path: Path, target: Target, sql: str) -> None:
    first, _, more = sql.partition(";")
    path = made(tmp_path / "app.db", sql=first)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(more)
    assert not any(column.values.sampled for column in planned(path, target, quick=True).tables["seen"].columns)


@pytest.mark.parametrize("changed", ["day = 'soon'", "day = 7", "said = 'a' || char(0)", "said = CAST(x'ff' AS TEXT)", "said = x'00'", "n = 'many'"])
def test_mrpt13_what_no_sample_told_is_found_and_named_before_anything_is_in_place(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, changed: str
) -> None:
    path = made(tmp_path / "app.db", changed=changed)
    blocking = planned(path, target, quick=False).blocking
    with pytest.raises(run.BlockedError) as blocked:
        run.run(migration=moving(path, target))
    assert [one.code for one in blocked.value.plan.blocking] == [one.code for one in blocking] == [f"misfit:seen.{changed.partition(' ')[0]}"]
    assert (contents(postgres), schemas(postgres)) == ({}, {"public"})
    report = run.run(migration=moving(path, target, on_misfit=QUARANTINE))
    assert [(one.rows, one.misfits) for one in report.tables] == [(ROWS - 1, 1)]
    assert "plan again" in report.phases or changed.startswith("n ")


def test_mrpt12_a_type_that_no_sample_told_is_chosen_all_the_same(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = made(tmp_path / "app.db", changed="n = 2.5, at = '2026-02-03'")
    assert run.run(migration=moving(path, target)).tables[0].rows == ROWS
    assert postgres.execute(f"SELECT n::text, at::text FROM seen WHERE id = {ROWS // 2}").fetchone() == ("2.5", "2026-02-03 00:00:00")


@pytest.mark.parametrize("jobs", [2, 3])
def test_mrpt11_several_processes_load_one_state(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    small_parts(monkeypatch)
    monkeypatch.setattr(run.os, "sched_getaffinity", lambda _: range(jobs))
    report = run.run(migration=moving(shop(tmp_path / "shop.db", rows=200), target, jobs=jobs))
    assert {table.source: (table.rows, table.misfits) for table in report.tables} == {
        "customers": (200, 0),
        "orders": (200, 0),
        "lines": (400, 0),
        "log": (200, 0),
    }
    assert schemas(postgres) == {"public"}


def test_mrpt13_a_misfit_that_another_process_meets_is_named(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = made(tmp_path / "app.db", changed="day = 'soon'")
    report = run.run(migration=moving(path, target, jobs=2, on_misfit=QUARANTINE))
    assert [(one.row, one.column, one.value) for one in report.misfits] == [(f"row {ROWS // 2}", "day", "'soon'")]


def test_mrpt14_when_such_a_process_dies_the_target_is_as_it_was(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
    path, load_it = shop(tmp_path / "shop.db"), helpers.Helper.load

    def dying(self: helpers.Helper, *options: Any) -> Any:
        self.end()
        return load_it(self, *options)

    monkeypatch.setattr(run.os, "sched_getaffinity", lambda _: range(2))
    monkeypatch.setattr(helpers.Helper, "load", dying)
    with pytest.raises(FleetDataError, match="jobs: 1"):
        run.run(migration=moving(path, target, jobs=2))
    assert not contents(postgres)
    monkeypatch.setattr(helpers.Helper, "load", load_it)
    assert run.run(migration=moving(path, target, jobs=2)).status == run.LOADED
    assert schemas(postgres) == {"public"}


def test_mrpt14_rows_that_are_only_counted_are_loaded_anew_after_a_killed_run(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no digest by which a part that was loaded could be told to be the same."""
    small_parts(monkeypatch)
    path, send, left = shop(tmp_path / "shop.db"), load.copy_part, [4]

    def dying(**options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise DiedError
        return send(**options)

    monkeypatch.setattr(load, "copy_part", dying)
    declared: Migration = moving(path, target, verify=COUNT, jobs=1)  # or the helper may load most
    with pytest.raises(DiedError):
        run.run(migration=declared)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE customers SET name = 'changed'")
    monkeypatch.setattr(load, "copy_part", send)
    report = run.run(migration=declared)
    assert {table.kept for table in report.tables} == {0}
    assert postgres.execute("SELECT DISTINCT name FROM customers").fetchall() == [("changed",)]


def test_mrpt14_what_is_in_place_is_on_the_disk_whatever_the_load_waited_for(tmp_path: Path, target: Target) -> None:
    found: dict[str, str] = {}

    def said(connection: Any) -> str:
        return str(connection.execute("SHOW synchronous_commit").fetchone()[0])

    class Told(run.Silence):
        def finished(self, name: str) -> None:
            found[name] = said(control[0])

    control: list[Any] = []

    def connect(to: Target) -> Any:
        control.append(run.connections.connect(to))
        return control[-1]

    report = run.run(
        migration=moving(made(tmp_path / "app.db"), target),
        context=run.Context(connect=connect, progress=Told()),
        placed=lambda connection, _: found.update(placed=said(connection)),
    )
    assert report.tables[0].rows == ROWS
    assert found == {"seen": "off", "placed": "on"}
