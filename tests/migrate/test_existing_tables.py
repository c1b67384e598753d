"""The shape of ChatMRPT's database against tables that its next release made: each difference is named with its setting, and with these all arrives."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import chatmrpt_tables
import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError, DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import existing_look, existing_put
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import INTO_EXISTING, Migration, Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import Plan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.put import StaysError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.report import LOADED, Report
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run

SETTINGS: dict[str, Any] = {
    "tables": {"tpr_runs": "tpr_analyses"},
    "columns": {"messages.content": "body"},
    "casts": {"users.created_at": "timestamptz", "conversations.created_at": "timestamptz"},
    "accept": ("missing:users.legacy_flags",),
    "fill": {"users.tenant_id": "1", "feedback.comment": "none"},
}
ALTERED = ("misfit:users.email", "misfit:datasets.coverage", "type:audit_events.address")
"""These are resolved in the target, by the very statement that the plan gives."""

AROUND = """
SELECT array_agg(pg_get_constraintdef(oid) || conname ORDER BY conname),
       (SELECT array_agg(tgname || tgenabled::text ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal)
FROM pg_constraint
"""


@pytest.fixture(scope="module")
def chatmrpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chatmrpt_tables.make(tmp_path_factory.mktemp("chatmrpt") / "chatmrpt.db")


def migration(database: Path, target: Target, **settings: Any) -> Migration:
    return Migration(name="chatmrpt", database=str(database), target=target, mode=INTO_EXISTING, **settings)


def look(declared: Migration, postgres: psycopg.Connection) -> Plan:
    with sqlite3.connect(declared.database) as database:
        plan = existing_look.look(database=database, connection=postgres, migration=declared)
    database.close()
    return plan


def load(declared: Migration) -> Report:
    """By a run, which looks anew."""
    return run(migration=declared, stopped=True)


def test_mrpt14_46580_rows_in_14_tables_arrive_whole_and_verified(chatmrpt: Path, target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    report = run(migration=Migration(name="chatmrpt", database=str(chatmrpt), target=target, work=str(tmp_path / "work")))
    assert (report.status, len(report.tables), sum(table.rows for table in report.tables)) == (LOADED, 14, 46_580)
    there = {name: postgres.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()[0] for name in chatmrpt_tables.ROWS}
    assert there == chatmrpt_tables.ROWS


def test_mrpt14_each_difference_is_named_with_the_setting_that_resolves_it_and_then_every_row_arrives(
    chatmrpt: Path, target: Target, postgres: psycopg.Connection
) -> None:
    postgres.execute(chatmrpt_tables.POSTGRES)
    plan = look(migration(chatmrpt, target), postgres)
    found = {one.code: one for one in plan.blocking}
    assert found.keys() == {
        "missing:tpr_runs", "missing:messages.content", "missing:users.legacy_flags", "zone:users.created_at", "zone:conversations.created_at",
        "extra:users.tenant_id", "nulls:feedback.comment", *ALTERED,
    }  # fmt: skip
    for key in ("tables", "columns", "casts"):
        for name, value in SETTINGS[key].items():
            assert any(f'{key}: {{"{name}": "{value}"}}' in one.setting for one in found.values()), (key, name)
    for code in ALTERED:
        postgres.execute(re.match(r"ALTER TABLE .*? TYPE [a-z ]+", found[code].setting).group().encode())
    plan = look(migration(chatmrpt, target, **SETTINGS), postgres)
    assert plan.blocking == ()
    before = postgres.execute(AROUND).fetchone()
    load(plan.migration)
    assert postgres.execute(AROUND).fetchone() == before
    there = {name: postgres.execute(f"SELECT count(*) FROM {SETTINGS['tables'].get(name, name)}".encode()).fetchone()[0] for name in chatmrpt_tables.ROWS}
    assert there == chatmrpt_tables.ROWS
    assert sum(there.values()) == 46_580
    row = postgres.execute("SELECT email, role::text, is_active, created_at AT TIME ZONE 'UTC' || '', tenant_id FROM users WHERE id = 2").fetchone()
    assert row == ("user2.xx@example.org", "admin", True, "2026-01-01 00:01:14.000002", 1)
    assert postgres.execute("SELECT extract(epoch FROM expires_at)::int, data ->> 'note' FROM sessions WHERE user_id = 3").fetchone() == (1767225602, "ƙ")
    assert postgres.execute("SELECT count(*) FROM feedback WHERE comment = 'none'").fetchone() == (85,)
    assert postgres.execute("INSERT INTO uploads DEFAULT VALUES RETURNING id").fetchone() == (1101,)
    assert postgres.execute("INSERT INTO users (email, is_active, role, tenant_id) VALUES ('a', true, 'user', 2) RETURNING id, email").fetchone() == (321, "xa")


@pytest.fixture
def small(tmp_path: Path, target: Target, postgres: psycopg.Connection):
    """Plans of a small database against tables, both as SQL."""

    def planned(sqlite: str, tables: str, **settings: Any) -> Plan:
        path = tmp_path / "small.db"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as database:
            database.executescript(sqlite)
        database.close()
        if tables:
            postgres.execute(tables.encode())
        return look(migration(path, target, **settings), postgres)

    return planned


def only(plan: Plan) -> tuple[str, str, int]:
    (one,) = plan.blocking
    return one.code, one.setting, one.rows


T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a {});"


@pytest.mark.parametrize(
    ("declared", "values", "there", "code", "setting", "rows"),
    [
        ("TEXT", "'new'), ('odd'), ('odd'", "mood", "label:t.a", "ALTER TYPE mood ADD VALUE", 2),
        ("TEXT", "'abc'), ('abcdef'", "varchar(3)", "misfit:t.a", "TYPE text", 0),
        ("NUMERIC", "1.25), (1.125", "numeric(5,2)", "misfit:t.a", "TYPE numeric", 1),
        ("NUMERIC", "1.25), (12345", "numeric(5,2)", "misfit:t.a", "TYPE numeric", 1),
        ("INTEGER", "1), (70000", "smallint", "misfit:t.a", "TYPE bigint", 0),
        ("INTEGER", "1), ('abc'", "bigint", "misfit:t.a", "TYPE text", 1),
        ("BOOLEAN", "1), (2", "boolean", "misfit:t.a", "TYPE bigint", 0),
        ("BOOLEAN", "1), (''", "boolean", "misfit:t.a", 'empty_as_null: ["t.a"]', 1),
        ("TEXT", "'x'), ('a' || char(0)", "text", "misfit:t.a", "on_text: replace", 1),
        ("DATETIME", "'2026-01-31 10:00:00'", "timestamptz", "zone:t.a", 'casts: {"t.a": "timestamptz"}', 1),
        ("DATETIME", "'2026-01-31 10:00:00Z'", "timestamp", "misfit:t.a", "TYPE", 1),
        ("DATETIME", "'2026-01-31 10:00:00.25'", "timestamp(0)", "misfit:t.a", "TYPE timestamp without time zone", 1),
        ("TEXT", "'x'", "int4range", "type:t.a", "TYPE text", 1),
        ("TEXT", "'x'), (NULL", "text NOT NULL", "nulls:t.a", 'fill: {"t.a": "a value"}', 1),
        ("TEXT", "'x'), ('x'", "text UNIQUE", "double:t.t_a_key", "dropped", 1),
        ("TEXT", "'{}'), ('{'", "jsonb", "misfit:t.a", "TYPE text", 1),
        ("BLOB", "x'00'", "uuid", "misfit:t.a", "TYPE", 1),
    ],
)  # fmt: skip
def test_mrpt14_what_a_column_of_the_target_does_not_take_is_told_before_anything_starts(small, declared, values, there, code, setting, rows) -> None:
    plan = small(
        f"{T.format(declared)} INSERT INTO t (a) VALUES ({values});",
        f"CREATE TYPE mood AS ENUM ('new', 'old'); CREATE TABLE t (id bigint PRIMARY KEY, a {there})",
    )
    found = only(plan)
    assert (found[0], found[2]) == (code, rows)
    assert setting in found[1]


def test_mrpt14_a_table_with_rows_is_not_mixed_with_others(small, postgres: psycopg.Connection) -> None:
    plan = small(f"{T.format('TEXT')} INSERT INTO t VALUES (1, 'x');", "CREATE TABLE t (id bigint PRIMARY KEY, a text); INSERT INTO t VALUES (9, 'y')")
    assert only(plan)[0] == "rows:t"
    postgres.execute("TRUNCATE t")
    plan = small(f"{T.format('TEXT')} INSERT INTO t VALUES (1, 'x');", "")
    assert plan.blocking == ()
    postgres.execute("INSERT INTO t VALUES (9, 'y')")
    with pytest.raises(StaysError, match="rows:t"):
        load(plan.migration)
    with pytest.raises(ContentError, match="got rows meanwhile"), postgres.transaction():
        existing_put.put(connection=postgres, plan=plan, schema="staging")
    assert postgres.execute("SELECT id FROM t").fetchall() == [(9,)]


def test_mrpt14_accepted_orphans_arrive_and_the_key_holds_for_new_rows(small, postgres: psycopg.Connection) -> None:
    sqlite = (
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER); INSERT INTO t VALUES (1, 1), (2, 7);"
    )
    code = only(small(sqlite, "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint REFERENCES p (id) ON DELETE CASCADE)"))[
        0
    ]
    assert code == "orphans:t.p"
    load(small(sqlite, "", accept=(code,)).migration)
    assert postgres.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'").fetchall() == [
        ("FOREIGN KEY (p) REFERENCES p(id) ON DELETE CASCADE NOT VALID",)
    ]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        postgres.execute("INSERT INTO t VALUES (3, 8)")


def test_mrpt14_a_condition_of_the_target_that_a_row_breaks_is_named_and_nothing_is_put_in_place(small, postgres: psycopg.Connection) -> None:
    tables = "CREATE TABLE u (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, a text CONSTRAINT short CHECK (length(a) < 3))"
    sqlite = f"CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (1); {T.format('TEXT')} INSERT INTO t VALUES (1, 'canary');"
    with pytest.raises(ContentError, match=r'"short".*canary.*Nothing was put in place'):
        load(small(sqlite, tables).migration)
    with pytest.raises(ContentError) as refused:
        load(small(sqlite, "", secret=("t.a",)).migration)
    assert "canary" not in str(refused.value)
    assert postgres.execute("SELECT count(*) FROM u").fetchone() == (0,)


def test_mrpt14_a_rule_of_the_target_that_changes_rows_is_found(small, postgres: psycopg.Connection) -> None:
    tables = "CREATE TABLE t (id bigint PRIMARY KEY, a text); CREATE RULE other AS ON INSERT TO t DO ALSO UPDATE t SET a = 'y' WHERE id = 2"
    plan = small(f"{T.format('TEXT')} INSERT INTO t VALUES (1, 'x'), (2, 'x');", tables)
    with pytest.raises(DamageError, match="t holds something else"):
        load(plan.migration)
    assert postgres.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_mrpt14_domains_citext_defaults_and_odd_names(small, server, target: Target, postgres: psycopg.Connection) -> None:
    with server.connect(target.database) as admin:
        admin.execute("CREATE EXTENSION citext")
    tables = """CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE <= 100);
        CREATE TABLE "my %s" (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "a%s" citext, "b ""c" percent, "%" char(4),
            d text DEFAULT 'new', e text NOT NULL)"""
    sqlite = """CREATE TABLE "my %s" (id INTEGER PRIMARY KEY AUTOINCREMENT, "a%s" TEXT, "b ""c" NUMERIC, "%" TEXT, e TEXT);
        INSERT INTO "my %s" VALUES (5, 'Ä', 99.5, 'ab', NULL), (9, NULL, NULL, NULL, 'e'); DELETE FROM "my %s" WHERE id = 9;"""
    load(small(sqlite, tables, fill={"my %s.e": "%s"}).migration)
    assert postgres.execute('SELECT id, "a%%s" = \'ä\', "b ""c"::text, "%%", d, e FROM "my %%s"', ()).fetchall() == [(5, True, "99.50", "ab  ", "new", "%s")]
    assert postgres.execute('INSERT INTO "my %%s" (e) VALUES (1) RETURNING id', ()).fetchone() == (10,)


def test_mrpt14_a_view_that_is_not_made_is_told(small) -> None:
    view = "CREATE VIEW v AS SELECT id FROM t;"
    plan = small(f"{T.format('TEXT')} INSERT INTO t VALUES (1, 'x'); {view}", "CREATE TABLE t (id bigint PRIMARY KEY, a text)")
    assert [one.code for one in plan.differences] == ["view:v"]


def test_mrpt14_settings_that_name_nothing_are_a_mistake(small) -> None:
    with pytest.raises(ConfigurationError, match=r"fill names t\.b"):
        small(f"{T.format('TEXT')} INSERT INTO t VALUES (1, 'x');", "CREATE TABLE t (id bigint PRIMARY KEY, a text)", fill={"t.b": "1"})
