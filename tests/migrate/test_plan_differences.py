# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is lost, or changes, on the way is a difference with a name; what would be lost in silence stands in the way until somebody agrees."""

from __future__ import annotations

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import BLOCKS, NOTICE
from planning import database, fill, made, planned, told

_LONG = "n" * 70
_T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER)"
_P = "CREATE TABLE p (id INTEGER PRIMARY KEY, k TEXT COLLATE NOCASE UNIQUE)"
CASES = (
    (NOTICE, "trigger:g", [_T, "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END"]),
    (NOTICE, "view:v", [_T, "CREATE VIEW v AS SELECT rowid AS r FROM t"]),
    (BLOCKS, "virtual:f", [_T, "CREATE VIRTUAL TABLE f USING fts5(a)"]),
    (NOTICE, "virtual:f", [_T, "CREATE VIRTUAL TABLE f USING fts5(a, content='t', content_rowid='id')"]),
    (BLOCKS, "virtual:r", [_T, "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)"]),
    (BLOCKS, "default:t.a", ["CREATE TABLE t (a TEXT DEFAULT (hex(randomblob(4))))"]),
    (BLOCKS, "default:t.a", ["CREATE TABLE t (a DATE DEFAULT '')"]),
    (BLOCKS, "check:t.1", ["CREATE TABLE t (a TEXT CHECK (printf('%s', a) = a))"]),
    (BLOCKS, "check:t.odd", ["CREATE TABLE t (a TEXT CONSTRAINT odd CHECK (strftime('%Y', a) > '2000'))"]),
    (BLOCKS, "generated:t.c", ["CREATE TABLE t (a TEXT, c TEXT AS (printf('%s', a)) STORED)"]),
    (BLOCKS, "generated:t.d", ["CREATE TABLE t (a INTEGER, c INTEGER AS (a + 1) STORED, d INTEGER AS (c + 1) STORED)"]),
    (NOTICE, "generated:t.c", ["CREATE TABLE t (a INTEGER, c INTEGER AS (a + 1))"]),
    (BLOCKS, "index:u", [_T, "CREATE UNIQUE INDEX u ON t (hex(a))"]),
    (NOTICE, "index:i", [_T, "CREATE INDEX i ON t (hex(a))"]),
    (NOTICE, "index:i", [_T, "CREATE INDEX i ON t (a COLLATE RTRIM)"]),
    (BLOCKS, "index:t.a", ["CREATE TABLE t (a TEXT UNIQUE)", "INSERT INTO t VALUES (hex(zeroblob(2000)))"]),
    (BLOCKS, "index:t.a", ["CREATE TABLE t (a JSON UNIQUE)", "INSERT INTO t VALUES ('{}')"]),
    (NOTICE, "nocase:p.k", [_P]),
    (BLOCKS, "reference:t.p", [_P, "CREATE TABLE t (p TEXT REFERENCES p(k))"]),
    (BLOCKS, "reference:t.p", ["CREATE TABLE t (p INTEGER REFERENCES gone(id))"]),
    (BLOCKS, "reference:t.p", [_P, "CREATE TABLE t (p TEXT REFERENCES p)"]),
    (BLOCKS, "orphans:t.p", [_P, "CREATE TABLE t (p INTEGER REFERENCES p)", "INSERT INTO t VALUES (1)"]),
    (BLOCKS, "nulls:t.k", ["CREATE TABLE t (k TEXT PRIMARY KEY)", "INSERT INTO t VALUES (NULL)"]),
    (NOTICE, f"name:{_LONG}", [f"CREATE TABLE {_LONG} (a)"]),
    (NOTICE, "name:t.ctid", ["CREATE TABLE t (ctid)"]),
    (NOTICE, "name:t.", ['CREATE TABLE t ("", a)']),
    (NOTICE, "conflict:t", ["CREATE TABLE t (a UNIQUE ON CONFLICT IGNORE)"]),
    (NOTICE, "identity:t.id", [_T, "INSERT INTO t (id) VALUES (9223372036854775807)"]),
    (NOTICE, "type:t.b", [_T, "INSERT INTO t VALUES (1, '', 1.5)"]),
    (NOTICE, "limit:t.a", ["CREATE TABLE t (a VARCHAR(2))", "INSERT INTO t VALUES ('abc')"]),
    (NOTICE, "bytes:t.a", ["CREATE TABLE t (a BLOB)", "INSERT INTO t VALUES ('abc'), (x'00')"]),
    (BLOCKS, "misfit:t.b", [_T, "INSERT INTO t VALUES (1, '', 'many')"]),
)


@pytest.mark.parametrize(("level", "code", "sql"), CASES, ids=[f"{level} {code[:20]} {place}" for place, (level, code, _) in enumerate(CASES)])
def test_mrpt14_it_is_told_and_postgresql_takes_the_rest(postgres: psycopg.Connection, level: str, code: str, sql: list[str]) -> None:
    plan = planned(*sql)
    one = told(plan)[code]
    assert one.level == level
    assert [each.code for each in plan.blocking] == ([code] if level == BLOCKS else [])
    assert bool(one.setting) == (level == BLOCKS)
    assert not planned(*sql, accept=(code,)).blocking
    made(plan, postgres)


def test_mrpt12_orphans_are_counted_and_new_rows_keep_the_key(postgres: psycopg.Connection) -> None:
    sql = [_P, "CREATE TABLE t (p INTEGER REFERENCES p)", "INSERT INTO p (id) VALUES (1)", "INSERT INTO t VALUES (1), (7), (8), (NULL)"]
    plan = planned(*sql, accept=("orphans:t.p",))
    assert told(plan)["orphans:t.p"].rows == 2
    (key,) = plan.tables["t"].references
    assert not key.valid
    made(plan, postgres)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        postgres.execute("INSERT INTO t VALUES (9)")


def test_mrpt12_a_column_that_says_no_type_refers_by_that_of_what_it_names(postgres: psycopg.Connection) -> None:
    plan = planned(_P, "CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES p, up REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
    assert [column.type for column in plan.tables["t"].columns] == ["bigint"] * 3
    assert list(plan.tables) == ["p", "t"]
    made(plan, postgres)
    rules = postgres.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1").fetchall()
    assert rules == [("FOREIGN KEY (p) REFERENCES p(id)",), ("FOREIGN KEY (up) REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED",)]


def test_mrpt12_names_that_begin_alike_stay_two_and_are_the_same_in_each_run(postgres: psycopg.Connection) -> None:
    sql = (f"CREATE TABLE {_LONG}a ({_LONG}a, {_LONG}b)", f"CREATE TABLE {_LONG}b (a)", f"CREATE INDEX {_LONG}c ON {_LONG}a ({_LONG}b)")
    plan, again = planned(*sql), planned(*sql)
    assert plan.tables == again.tables
    names = [name for table in plan.tables.values() for name in (table.name, *(index.name for index in table.indexes))]
    assert len(set(names)) == 3
    assert all(len(name.encode()) <= 63 for name in names)
    made(plan, postgres)


def test_mrpt12_generated_columns_have_the_values_of_sqlite(postgres: psycopg.Connection) -> None:
    sql = (
        """CREATE TABLE t (a INTEGER, r REAL, d DECIMAL(9, 2), x TEXT, up TEXT AS (upper(x) || '-' || a), double REAL AS (r * 2) STORED,
           cents INTEGER AS (a % 7), big BOOLEAN AS (a > 3), cost DECIMAL(9, 2) AS (d * 2))""",
        "INSERT INTO t VALUES (1, 1.5, 2.25, 'ä'), (9, NULL, 0.1, 'b'), (NULL, 0.1, NULL, NULL)",
    )
    source, plan = database(*sql), planned(*sql)
    assert not plan.blocking
    made(plan, postgres)
    fill(plan, source, postgres)
    query = "SELECT up, double, cents, big, cost FROM t ORDER BY a IS NULL, a"
    assert [[None if one is None else one if isinstance(one, str) else float(one) for one in row] for row in postgres.execute(query)] == [
        [None if one is None else one if isinstance(one, str) else float(one) for one in row] for row in source.execute(query)
    ]


def test_mrpt12_a_partial_unique_index_holds_for_its_part(postgres: psycopg.Connection) -> None:
    sql = ("CREATE TABLE t (a TEXT COLLATE NOCASE, gone BOOLEAN DEFAULT 0)", "CREATE UNIQUE INDEX u ON t (a) WHERE NOT gone AND a LIKE 'X%'")
    made(planned(*sql), postgres)
    postgres.execute("INSERT INTO t VALUES ('xa', true), ('XA', true), ('xa', false), ('b', false), ('b', false)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        postgres.execute("INSERT INTO t VALUES ('XA', false)")


@pytest.mark.parametrize(
    ("virtual", "row"), [("fts5(a, b)", "'x', 'y'"), ("rtree(id, a, b)", "5, 1.5, 2.5")], ids=["full text", "R-tree"]
)  # fmt: skip
def test_mrpt12_the_rows_of_a_virtual_table_can_be_kept_as_it_says(virtual: str, row: str) -> None:
    sql = [_T, f"CREATE VIRTUAL TABLE v USING {virtual}", f"INSERT INTO v VALUES ({row})"]
    what = told(planned(*sql))["virtual:v"].what
    kept = planned(*sql, what.partition("SQLite first: ")[2], accept=("virtual:v",))
    assert not kept.blocking
    assert (kept.tables["v_rows"].rows, [column.source for column in kept.tables["v_rows"].columns]) == (1, ["id", "a", "b"])


@pytest.mark.parametrize(
    "settings",
    [
        {"casts": {"t.nothing": "text"}}, {"tables": {"u": "v"}}, {"columns": {"t.x": "y"}}, {"secret": ("*.password",)}, {"empty_as_null": ("t.x",)},
        {"casts": {"t.a": "wibble"}}, {"casts": {"t.a": "text from epoch seconds"}}, {"include": ("x*",)},
    ],
)  # fmt: skip
def test_cti9_a_setting_that_names_nothing_is_a_slip(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        planned(_T, **settings)


def test_cti9_values_for_tables_that_are_made_here_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"fill names t\.c, .* mode: into_existing"):
        planned(_T, fill={"t.c": "1"})


def test_mrpt9_a_reason_does_not_contradict_what_was_found() -> None:
    what = told(planned(_T, "INSERT INTO t VALUES (1, 'x', 5), (2, 'x', 'many')"))["misfit:t.b"].what
    assert what.startswith("t.b becomes bigint (declared INTEGER; there are integers that fit), which does not take: plain text (1 rows")


def test_w4_values_of_secret_columns_are_in_no_text() -> None:
    sql = (_T, "INSERT INTO t VALUES (1, 'x', 9876543211), (2, 'x', 'hunter2')")
    plan = planned(*sql, secret=("*.b",))
    assert told(plan)["misfit:t.b"].rows == 1
    assert not [one for one in plan.differences if "9876543211" in str(one) or "hunter2" in str(one)]


def test_mrpt13_the_setting_that_is_named_is_the_one_that_resolves_it() -> None:
    sql = ("CREATE TABLE t (a DATE)", "INSERT INTO t VALUES ('2026-01-31'), ('')")
    assert told(planned(*sql))["misfit:t.a"].setting == 'empty_as_null: ["t.a"]'
    assert not planned(*sql, empty_as_null=("t.a",)).blocking
    assert not planned(*sql, casts={"t.a": "text"}).blocking
    assert not planned(*sql, on_misfit="quarantine").blocking
