"""A rehearsal with an application that writes all the time and is killed: whatever it had been told is committed is there, on either side."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import CREATE, INTO_EXISTING, Target
from handed_base import Base, base
from postgres_server import PASSWORD
from writing_on import under_way

_FIRST = 10_000
_SCRIPT = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE account (id INTEGER PRIMARY KEY, visits INTEGER NOT NULL, last INTEGER, opened TIMESTAMP, flag BOOLEAN);
    CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, read BOOLEAN);
    INSERT INTO account VALUES (0, 0, NULL, '2026-01-02 03:04:05', 1), (1, 0, NULL, '2026-01-02 03:04:05', 1), (2, 0, NULL, '2026-01-02T03:04:05', 0),
        (3, 0, NULL, '2026-01-02 03:04:05.000', 't'), (4, 0, NULL, '2026-01-02', 'no'), (5, 0, NULL, NULL, NULL), (6, 0, NULL, '2026-01-02 03:04', 1),
        (7, 0, NULL, '2026-01-02T03:04:05.10', 'yes');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO message SELECT i, 'old ' || i, CASE i % 3 WHEN 0 THEN 0 WHEN 1 THEN 'true' END FROM n;
"""

_TABLES = """
    CREATE TABLE account (id bigint PRIMARY KEY, visits integer NOT NULL, last bigint, opened_at timestamp, flag boolean, tenant integer NOT NULL);
    CREATE TABLE message (id serial PRIMARY KEY, body varchar(80) NOT NULL, read boolean NOT NULL, origin text NOT NULL DEFAULT 'web');
"""
_SETTINGS: dict[str, dict[str, Any]] = {
    CREATE: {"casts": {"account.opened": "timestamp without time zone"}},
    INTO_EXISTING: {"mode": INTO_EXISTING, "columns": {"account.opened": "opened_at"}, "fill": {"account.tenant": "4", "message.read": "false"}},
}


@contextmanager
def _writing(side: str, where: str, log: Path, first: int) -> Iterator[subprocess.Popen]:
    """The application, from its first acknowledged row; killed at the end, whatever it is doing."""
    command = [sys.executable, str(Path(__file__).parent / "writing_on.py"), side, where, str(log), str(first)]
    with subprocess.Popen(command, env={**os.environ, "PGPASSWORD": PASSWORD}) as process:
        try:
            _more(process, log, 1)
            yield process
        finally:
            process.kill()


def _more(process: subprocess.Popen, log: Path, rows: int) -> None:
    """Wait until so many more rows were acknowledged."""
    wanted = len(_acknowledged(log)[0]) + rows
    while len(_acknowledged(log)[0]) < wanted:
        assert process.poll() is None
        time.sleep(0.01)


def _acknowledged(log: Path) -> tuple[dict[int, str], set[int]]:
    """Rows that are there, with their texts, and rows that are gone, as the application knows it."""
    rows: dict[int, str] = {}
    gone: set[int] = set()
    text = log.read_text() if log.exists() else ""
    for line in text[: text.rfind("\n") + 1].splitlines():
        number, left, body = line.split(" ", 2)
        rows[int(number)] = body
        gone |= {int(left)} if int(left) else set()
    return {number: body for number, body in rows.items() if number not in gone}, gone


def _nothing_is_lost(found: dict[int, str], logs: list[Path]) -> None:
    for log in logs:
        rows, gone = _acknowledged(log)
        assert rows
        rows.pop(under_way(max(rows)), None)  # what was committed when the application was killed, and never acknowledged, may have deleted it
        assert rows.items() <= found.items()
        assert not gone & set(found)
    assert {number: body for number, body in found.items() if number <= 3000} == {number: f"old {number}" for number in range(1, 3001)}


def _exact(path: Path) -> set[tuple]:
    """Rows as their bytes and types, with their numbers."""
    with closing(sqlite3.connect(path)) as database:
        messages = database.execute("SELECT 'message', rowid, typeof(body), hex(body), typeof(read), hex(read) FROM message").fetchall()
        return {*messages, *database.execute("SELECT 'account', rowid, typeof(opened), hex(opened), typeof(flag), hex(flag) FROM account").fetchall()}


@pytest.mark.parametrize("mode", [CREATE, INTO_EXISTING])
def test_f64_mrpt14_no_acknowledged_write_is_lost_either_way(mode: str, tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    if mode == INTO_EXISTING:
        postgres.execute(_TABLES)
    made = base(tmp_path, target, _SCRIPT, **_SETTINGS[mode])
    logs = [tmp_path / "sqlite.log", tmp_path / "postgresql.log"]
    with _writing("sqlite", str(made.path), logs[0], _FIRST) as application:
        steps.migrate(made.how.migration, progress=Silence())
        _more(application, logs[0], 25)
        assert "message" in {moved.table for moved in cutover(made.saying(check=True)).tables}
    done = cutover(made.how)
    assert done.status == state.CUT_OVER
    assert {moved.table for moved in done.tables} == {"account", "message"}
    assert [row for row in made.server("SELECT id, body, read::int FROM message ORDER BY 1") if row[0] > _FIRST] == made.rows(
        f"SELECT * FROM message WHERE id > {_FIRST} ORDER BY 1"
    )
    _nothing_is_lost(dict(made.server("SELECT id, body FROM message")), logs[:1])
    before = _exact(made.path)

    where = f"host=localhost port={target.port} dbname={target.database} user={target.user}"
    with _writing("postgresql", where, logs[1], 2 * _FIRST) as application:
        _more(application, logs[1], 25)
    assert back(made.how).status == state.BACK
    _nothing_is_lost(dict(made.rows("SELECT id, body FROM message")), logs)
    assert made.server("SELECT id, visits, last FROM account ORDER BY 1") == made.rows("SELECT id, visits, last FROM account ORDER BY 1")
    assert before <= _exact(made.path), "every row, and every cell that did not change, is as it was, to the byte"
    assert made.rows("PRAGMA integrity_check") == [("ok",)]
    _numbers_go_on(made)


def _numbers_go_on(made: Base) -> None:
    (last,) = made.rows("SELECT max(id) FROM message")[0]
    made.lite("INSERT INTO message (body) VALUES ('next')")
    assert made.rows("SELECT max(id) FROM message") == [(last + 1,)]
