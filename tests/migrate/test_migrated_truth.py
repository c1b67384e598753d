"""What a hostile reader found: values, declarations and settings of a server with which a migration once failed, or said something else than SQLite."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import OK, QUARANTINED, ConfigurationError, ContentError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from handed_base import Base, base

ZONED = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t VALUES (1, '2026-01-01T00:00:00Z');"


def load(made: Base, code: int = OK) -> None:
    assert steps.migrate(made.how.migration, progress=Silence()).answer.code == code
    assert steps.proved(made.how.migration, progress=Silence()).answer.code == OK


def test_mrpt14_infinite_reals_are_loaded_cut_over_and_brought_back(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (id INTEGER PRIMARY KEY, a REAL); INSERT INTO t VALUES (1, 9e999), (2, -9e999), (3, 0.5);")
    load(made)
    there = steps.migrate(made.how.migration, progress=Silence())
    assert json.loads(json.dumps(there.answer.document), parse_constant=pytest.fail)
    values = there.plan.tables["t"].columns[1].values
    assert (values.lowest, values.highest, values.infinite) == (float("-inf"), float("inf"), 2)
    made.lite("UPDATE t SET a = -9e999 WHERE id = 3")
    assert cutover(made.how).status == state.CUT_OVER
    assert made.server("SELECT id, a::text FROM t ORDER BY 1") == [(1, "Infinity"), (2, "-Infinity"), (3, "-Infinity")]
    made.server("UPDATE t SET a = 'Infinity' WHERE id = 2")
    assert back(made.how).status == state.BACK
    assert made.rows("SELECT a FROM t ORDER BY id") == [(float("inf"),), (float("inf"),), (float("-inf"),)]


def test_mrpt14_the_least_integer_in_a_decimal_column_arrives(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (a DECIMAL(10,2)); INSERT INTO t VALUES (-9223372036854775808), (1.25);")
    load(made)
    assert made.server("SELECT a::text FROM t ORDER BY a") == [("-9223372036854775808",), ("1.25",)]


def test_f64_a_new_row_never_takes_the_number_of_one_that_changed(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE kv (key TEXT PRIMARY KEY, value TEXT); INSERT INTO kv VALUES ('a', '1'), ('b', '2');")
    load(made)
    cutover(made.how)
    made.server("INSERT INTO kv VALUES ('c', '3')")
    made.server("UPDATE kv SET value = 'two' WHERE key = 'b'")
    assert back(made.how).status == state.BACK
    assert made.rows("SELECT rowid, * FROM kv ORDER BY 1") == [(1, "a", "1"), (2, "b", "two"), (3, "c", "3")]


def test_mrpt12_a_moment_without_zone_among_those_with_one_is_put_aside_as_the_plan_says(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, ZONED + "INSERT INTO t VALUES (2, '2026-01-01 00:00:00');", on_misfit="quarantine")
    load(made, QUARANTINED)
    assert made.server("SELECT id FROM t") == [(1,)]
    assert made.server('SELECT "row" FROM t__misfit') == [(2,)]


@pytest.mark.parametrize(
    ("script", "later"),
    [
        (ZONED, "'2026-01-01 00:00:00'"),
        (ZONED.replace("'2026-01-01T00:00:00Z'", "1767225600"), "1767225600123"),
        (ZONED.replace("'2026-01-01T00:00:00Z'", "1767225600123"), "1767225600"),
        (ZONED.replace("'2026-01-01T00:00:00Z'", "2461041.5"), "1721059.5"),
    ],
    ids=["no zone", "milliseconds", "seconds", "no Julian day"],
)
def test_f62_a_moment_that_came_after_the_load_in_another_form_is_refused_at_the_cut_over(tmp_path: Path, target: Target, script: str, later: str) -> None:
    made = base(tmp_path, target, script)
    load(made)
    made.lite(f"INSERT INTO t VALUES (2, {later})")
    with pytest.raises(ContentError, match=r"t, row with id 2: at .* as all others of its column"):
        cutover(made.how)
    assert made.server("SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize("later", ["CREATE VIEW v AS SELECT id FROM t", "CREATE TRIGGER v AFTER INSERT ON t BEGIN SELECT 1; END"], ids=["view", "trigger"])
def test_f62_a_view_or_trigger_that_came_after_the_load_is_told_at_the_cut_over(tmp_path: Path, target: Target, later: str) -> None:
    made = base(tmp_path, target, ZONED)
    load(made)
    made.lite(later)
    with pytest.raises(ConfigurationError, match="v changed its declaration since the load, or came or went"):
        cutover(made.how)


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ("d DATETIME DEFAULT 0", "1970-01-01 00:00:00"),
        ("d ANY DEFAULT (strftime('%s', 'now'))", r"\d{10}"),
        ("d ANY DEFAULT (unixepoch())", r"\d{10}"),
    ],
)
def test_mrpt13_a_default_gives_what_sqlite_would_wherever_the_session_is(
    tmp_path: Path, target: Target, postgres: psycopg.Connection, declared: str, given: str
) -> None:
    made = base(tmp_path, target, f"CREATE TABLE t (id INTEGER PRIMARY KEY, {declared}); INSERT INTO t VALUES (1, 1767225600);",
                casts={"t.d": "timestamp" if "DATETIME" in declared else "text"})  # fmt: skip
    if "ANY" in declared:
        made.lite("INSERT INTO t VALUES (2, 'x')")
    load(made)
    postgres.execute("SET timezone = 'America/New_York'")
    row = postgres.execute("INSERT INTO t (id) VALUES (9) RETURNING d::text ~ %s, d::text", (f"^{given}$",)).fetchone()
    assert row is not None
    assert row[0], row[1]


def test_mrpt13_digits_of_another_script_are_no_number_in_a_default(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (id INTEGER PRIMARY KEY, d INTEGER DEFAULT '\u0663'); INSERT INTO t VALUES (1, 1);")
    found = steps.plan(made.how.migration).plan
    assert [one.code for one in found.blocking] == ["default:t.d"]


def test_mrpt12_a_number_of_more_digits_than_any_numeric_is_put_aside(tmp_path: Path, target: Target) -> None:
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT); INSERT INTO t VALUES (1, printf('%.*c', 5000, '9')), (2, '1');"
    made = base(tmp_path, target, script, casts={"t.d": "numeric(10,2)"}, on_misfit="quarantine")
    load(made, QUARANTINED)
    assert made.server("SELECT id, d::text FROM t") == [(2, "1.00")]


def test_mrpt12_rows_without_number_that_were_put_aside_are_no_difference(tmp_path: Path, target: Target) -> None:
    script = "CREATE TABLE t (id TEXT PRIMARY KEY, d TEXT) WITHOUT ROWID; INSERT INTO t VALUES ('a', 'too long'), ('b', 'fit');"
    made = base(tmp_path, target, script, casts={"t.d": "varchar(3)"}, on_misfit="quarantine")
    load(made, QUARANTINED)
    made.lite("UPDATE t SET d = 'new' WHERE id = 'b'")
    assert steps.proved(made.how.migration, progress=Silence()).answer.code != OK


def test_mrpt13_backslashes_mean_themselves_whatever_the_database_says_of_them(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    postgres.execute(f"ALTER DATABASE {target.database} SET standard_conforming_strings = off")
    script = r"""CREATE TABLE t (id INTEGER PRIMARY KEY, d TEXT DEFAULT 'a\b\\c' CHECK (d <> 'x\y'), e BLOB DEFAULT x'00ff', f TEXT CHECK (f GLOB '[a-z]*.*'));
        INSERT INTO t (id, f) VALUES (1, 'a.b');"""
    made = base(tmp_path, target, script)
    load(made)
    made.server("INSERT INTO t (id) VALUES (2)")
    assert made.server("SELECT d, e, f FROM t ORDER BY id") == [("a\\b\\\\c", b"\0\xff", "a.b"), ("a\\b\\\\c", b"\0\xff", None)]
    for wrong in (r"('x\y', NULL)", "('y', 'ab')"):
        with pytest.raises(psycopg.errors.CheckViolation):
            made.server(f"INSERT INTO t (d, f) VALUES {wrong}")


def test_mrpt13_a_generated_column_that_postgresql_would_make_otherwise_is_told(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (v TEXT, g REAL AS (v), h TEXT AS (v), i BOOLEAN AS ('a' GLOB 'a*')); INSERT INTO t VALUES ('x');",
                casts={"t.g": "text"})  # fmt: skip
    assert [one.code for one in steps.plan(made.how.migration).plan.blocking] == ["generated:t.g", "generated:t.i"]


def test_mrpt14_a_number_of_autoincrement_that_is_none_is_as_if_it_were_not_there(tmp_path: Path, target: Target) -> None:
    script = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (5); UPDATE sqlite_sequence SET seq = 'x';"
    made = base(tmp_path, target, script)
    load(made)
    assert made.server("INSERT INTO t DEFAULT VALUES RETURNING id") == [(6,)]


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ("REAL DEFAULT 1e400", "Infinity"),
        ("REAL DEFAULT -1e400", "-Infinity"),
        ("REAL DEFAULT 1e-400", "0"),
        ("NUMERIC DEFAULT 0.12345678901234567890", "0.12345678901234568"),
        ("NUMERIC DEFAULT 9223372036854775807", "9223372036854775807"),
        ("DECIMAL(4,1) DEFAULT 12.5", "12.5"),
    ],
)
def test_mrpt13_a_number_by_default_is_the_one_that_sqlite_has(tmp_path: Path, target: Target, declared: str, given: str) -> None:
    made = base(tmp_path, target, f"CREATE TABLE t (id INTEGER PRIMARY KEY, d {declared});")
    load(made)
    assert made.server("INSERT INTO t DEFAULT VALUES RETURNING d::text") == [(given,)]


@pytest.mark.parametrize("declared", ["NUMERIC DEFAULT 1e400", "DECIMAL(4,1) DEFAULT 12.34", "DECIMAL(4,1) DEFAULT 1000"])
def test_mrpt13_a_default_that_would_be_another_number_is_told(tmp_path: Path, target: Target, declared: str) -> None:
    made = base(tmp_path, target, f"CREATE TABLE t (id INTEGER PRIMARY KEY, d {declared});")
    assert [one.code for one in steps.plan(made.how.migration).plan.blocking] == ["default:t.d"]


def test_mrpt12_rows_that_do_not_fit_never_go_to_a_table_of_the_application(tmp_path: Path, target: Target) -> None:
    script = "CREATE TABLE t (b BOOLEAN); CREATE TABLE t__misfit (a TEXT); INSERT INTO t VALUES (7); INSERT INTO t__misfit VALUES ('kept');"
    made = base(tmp_path, target, script, on_misfit="quarantine")
    with pytest.raises(ConfigurationError, match=r"would go to t__misfit, which is a table of its own. Give t__misfit another name \(tables\)\."):
        load(made, QUARANTINED)


def test_mrpt12_what_the_server_refuses_is_told_in_a_sentence(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, "CREATE TABLE t (a TEXT); CREATE TABLE __steady_tables (b TEXT); INSERT INTO t VALUES ('x');")
    with pytest.raises(StaysError, match="The target is as it was"):
        load(made)
