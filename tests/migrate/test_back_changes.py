"""The way back: what was written in PostgreSQL since the cut-over is in SQLite, in the form of its columns, and nothing else is touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, ContentError, DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import BothWrittenError, cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from handed_base import Base, base

APP = """
    CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(40) NOT NULL UNIQUE, active BOOLEAN, born DATE, seen TIMESTAMP, score REAL,
        boss INTEGER REFERENCES person (id), tags JSON, photo BLOB);
    CREATE TABLE session (token TEXT PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES person (id), since INTEGER, flag TEXT) WITHOUT ROWID;
    CREATE TABLE code (code TEXT PRIMARY KEY, label TEXT);
    CREATE TABLE note (at TEXT, line TEXT);
    CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
    CREATE TRIGGER watch AFTER INSERT ON person BEGIN INSERT INTO audit (what) VALUES (NEW.name); END;
    CREATE TRIGGER gone AFTER DELETE ON person BEGIN INSERT INTO audit (what) VALUES ('-'); END;
    INSERT INTO person VALUES (1, 'Ada', 1, '1815-12-10', '2026-01-02T03:04:05.000100', 1.5, NULL, '{"a":  1}', x'00ff'),
        (2, 'Bo', 0, NULL, '2026-01-02T03:04:05.120000', 2.0, 1, NULL, NULL), (3, 'Cy', NULL, '2000-02-29', NULL, 0.1, 2, '[]', x'');
    INSERT INTO session VALUES ('t1', 1, 1767323045, 'yes'), ('t2', 2, 1767323046, 'no');
    DELETE FROM audit;
    INSERT INTO code VALUES ('x', 'ex'), ('y', 'why'), ('z', NULL);
    INSERT INTO note VALUES ('2026-01-01 00:00:00', 'same'), ('2026-01-01 00:00:00', 'same'), ('2026-01-02 00:00:00', 'other');
"""
CASTS = {"session.since": "timestamp with time zone", "session.flag": "boolean", "note.at": "timestamp without time zone"}
WRITES = (
    "UPDATE person SET name = 'tmp' WHERE id = 1", "UPDATE person SET name = 'Ada' WHERE id = 2", "UPDATE person SET name = 'Bo' WHERE id = 1",
    "UPDATE person SET boss = NULL WHERE boss = 2", "INSERT INTO person (name, active, born, seen, score, boss, tags, photo) VALUES"
    " ('Di', true, '2026-05-06', '2026-05-06 07:08:09.5', 1e300, 3, '{\"b\": [1]}', '\\x0102')", "INSERT INTO person (name) VALUES ('gone again')",
    "DELETE FROM person WHERE name = 'gone again'", "DELETE FROM session WHERE token = 't2'",
    "INSERT INTO session VALUES ('t3', 4, '2026-05-06 07:08:09+00', false)",
    "UPDATE code SET label = 'zed' WHERE code = 'z'", "DELETE FROM code WHERE code = 'x'", "INSERT INTO code VALUES ('w', 'double you')",
    "DELETE FROM note WHERE ctid = (SELECT min(ctid) FROM note WHERE line = 'same')", "INSERT INTO note VALUES ('2026-05-06 07:08:09', 'new')",
)  # fmt: skip


@pytest.fixture
def app(tmp_path: Path, target: Target) -> Base:
    made = base(tmp_path, target, APP, casts=CASTS)
    made.load()
    cutover(made.how)
    return made


def _write(app: Base) -> None:
    for query in WRITES:
        app.server(query)


def test_f64_rows_written_in_postgresql_come_back_in_the_form_of_their_columns(app: Base) -> None:
    was = {row[0]: row for row in app.rows("SELECT rowid, * FROM code")}
    schema = app.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")
    _write(app)
    done = back(app.how)
    assert done.status == state.BACK
    assert {moved.table: (moved.came, moved.went, moved.rows) for moved in done.tables} == {
        "person": (4, 3, 4), "session": (1, 1, 2), "code": (2, 2, 3), "note": (1, 1, 3),
    }  # fmt: skip
    assert app.rows("SELECT *, typeof(active), typeof(score), typeof(photo) FROM person ORDER BY id") == [
        (1, "Bo", 1, "1815-12-10", "2026-01-02T03:04:05.000100", 1.5, None, '{"a":  1}', b"\0\xff", "integer", "real", "blob"),
        (2, "Ada", 0, None, "2026-01-02T03:04:05.120000", 2.0, 1, None, None, "integer", "real", "null"),
        (3, "Cy", None, "2000-02-29", None, 0.1, None, "[]", b"", "null", "real", "blob"),
        (4, "Di", 1, "2026-05-06", "2026-05-06T07:08:09.500000", 1e300, 3, '{"b": [1]}', b"\x01\x02", "integer", "real", "blob"),
    ]
    assert app.rows("SELECT *, typeof(since) FROM session") == [("t1", 1, 1767323045, "yes", "integer"), ("t3", 4, 1778051289, "no", "integer")]
    now = {row[0]: row for row in app.rows("SELECT rowid, * FROM code")}
    assert now[2] == was[2], "a row that did not change has its number"
    assert now[3] == (3, "z", "zed"), "and so has one that did"
    assert app.rows("SELECT code FROM code ORDER BY 1") == [("w",), ("y",), ("z",)]
    assert app.rows("SELECT * FROM note ORDER BY 1, 2") == [
        ("2026-01-01 00:00:00", "same"), ("2026-01-02 00:00:00", "other"), ("2026-05-06 07:08:09", "new")
    ]  # fmt: skip
    assert app.rows("SELECT * FROM audit") == [], "what triggers would have done is not done again"
    assert app.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2") == schema
    assert app.rows("PRAGMA foreign_key_check") == []
    app.lite("INSERT INTO person (name) VALUES ('later')")
    assert app.rows("SELECT max(id) FROM person") == [(6,)], "a number that PostgreSQL gave is not given again"
    with closing(sqlite3.connect(done.kept)) as kept:
        assert kept.execute("SELECT count(*), max(name) FROM person").fetchone() == (3, "Cy")
    assert back(app.how).status == "unchanged"


def test_f64_unchanged_rows_keep_their_bytes(app: Base) -> None:
    """Whatever form a value had beside that of most: it is the same value, so it is not written again."""
    app.server("DROP SCHEMA steady_fleet CASCADE; DROP TABLE audit, note, code, session, person CASCADE")
    app.lite("UPDATE person SET seen = '2026-01-02 03:04:05.12' WHERE id = 2; UPDATE session SET flag = 'T' WHERE token = 't1'")
    app.load()
    cutover(app.how)
    app.server("UPDATE person SET score = 7 WHERE id = 2; UPDATE session SET since = since + interval '1 second'")
    back(app.how)
    assert app.rows("SELECT seen, score FROM person WHERE id = 2") == [("2026-01-02 03:04:05.12", 7.0)]
    assert app.rows("SELECT since, flag FROM session") == [(1767323046, "T"), (1767323047, "no")]


def test_f64_nothing_written_is_nothing_to_bring(app: Base) -> None:
    before = app.path.read_bytes()
    done = back(app.how)
    assert (done.status, done.tables, done.kept, done.rows) == (state.BACK, (), "", 11)
    assert app.path.read_bytes() == before


def test_f64_a_check_says_what_would_come_back(app: Base) -> None:
    _write(app)
    before = app.path.read_bytes()
    done = back(app.saying(check=True))
    assert done.status == "would be back"
    assert {moved.table: (moved.came, moved.went) for moved in done.tables} == {"person": (4, 3), "session": (1, 1), "code": (2, 2), "note": (1, 1)}
    assert app.path.read_bytes() == before
    assert sorted(path.name for path in app.path.parent.glob("app.db*")) == ["app.db"]


def test_f64_there_and_back_and_there_again(app: Base) -> None:
    _write(app)
    back(app.how)
    app.lite("INSERT INTO note VALUES ('2026-06-01 00:00:00', 'in SQLite again')")
    done = cutover(app.how)
    assert [(moved.table, moved.came, moved.went) for moved in done.tables] == [("note", 1, 0)]
    app.server("DELETE FROM note")
    assert back(app.how).tables[0].went == 4
    assert app.rows("SELECT * FROM note") == []


def test_f64_what_was_written_to_both_is_not_overwritten(app: Base) -> None:
    app.lite("INSERT INTO note VALUES ('2026-06-01 00:00:00', 'by a job that was forgotten')")
    app.server("INSERT INTO note VALUES ('2026-06-02 00:00:00', 'new')")
    with pytest.raises(BothWrittenError, match="note was written to since the cut-over"):
        back(app.how)
    assert app.rows("SELECT count(*) FROM note") == [(4,)]
    assert state.find(app.how.connect(), "app").state == state.CUT_OVER


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ("UPDATE person SET seen = 'infinity' WHERE id = 3", ContentError, r"person, row with id '3': seen \('infinity'\) is outside of the years 1 to 9999"),
        ("UPDATE person SET score = 'NaN' WHERE id = 3", ContentError, "is NaN, which SQLite stores as NULL"),
    ],
)
def test_f64_what_sqlite_cannot_hold_is_named_and_nothing_is_written(app: Base, query: str, error: type[Exception], says: str) -> None:
    _write(app)
    app.server(query)
    before = app.path.read_bytes()
    with pytest.raises(error, match=says):
        back(app.how)
    assert app.path.read_bytes() == before


def test_f64_a_constraint_of_sqlite_alone_is_said(app: Base) -> None:
    app.server("ALTER TABLE person ALTER name DROP NOT NULL; UPDATE person SET name = NULL WHERE id = 3")
    with pytest.raises(ContentError, match=r"person, row with id 3: SQLite does not take it \(NOT NULL constraint failed: person.name\)"):
        back(app.how)


def test_f64_what_a_column_would_change_is_found(tmp_path: Path, target: Target) -> None:
    """SQLite makes a real of a long decimal, and of a short one, too, but that is the same number."""
    made = base(tmp_path, target, "CREATE TABLE t (id INTEGER PRIMARY KEY, n DECIMAL(30,20)); INSERT INTO t VALUES (1, 1.5)", casts={"t.n": "numeric"})
    made.load()
    cutover(made.how)
    made.server("INSERT INTO t VALUES (2, 0.12345678901234567890)")
    with pytest.raises(DamageError, match=r"t, row with id 2: SQLite holds something else than PostgreSQL in n: a column of its type cannot"):
        back(made.how)
    made.server("UPDATE t SET n = 0.25 WHERE id = 2")
    back(made.how)
    assert made.rows("SELECT id, n FROM t") == [(1, 1.5), (2, 0.25)]


def test_f64_without_a_cut_over_there_is_no_way_back(tmp_path: Path, target: Target) -> None:
    made = base(tmp_path, target, APP, casts=CASTS)
    made.load()
    with pytest.raises(ConfigurationError, match="was not cut over"):
        back(made.how)


def test_f64_done_forgets(app: Base) -> None:
    with closing(app.how.connect()) as connection:
        assert state.forget(connection, "app")
        assert not state.forget(connection, "app")
    assert app.server("SELECT count(*) FROM pg_namespace WHERE nspname = 'steady_fleet'") == [(0,)]
    with pytest.raises(ConfigurationError, match="was never loaded, or is done"):
        back(app.how)
