"""Cut-over and way back die at any of their steps: each side is as it was, or all is done, and the next try finishes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import state
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from handed_base import Base, base
from migrate_kills import DEAD, dies_at

_SCRIPT = """
    CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT UNIQUE, at TIMESTAMP);
    CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id));
    CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b (a_id) VALUES (1); END;
    INSERT INTO a VALUES (1, 'one', '2026-01-01 00:00:00'), (2, 'two', '2026-01-01 00:00:00');
    DELETE FROM b; INSERT INTO b VALUES (1, 1), (2, 2);
"""
_A, _B = "SELECT id, word, at FROM a ORDER BY 1", "SELECT id, a_id FROM b ORDER BY 1"


@pytest.fixture
def made(tmp_path: Path, target: Target) -> Base:
    one = base(tmp_path, target, _SCRIPT, casts={"a.at": "text"})
    one.load()
    return one


def _on_server(made: Base) -> tuple[list[tuple], list[tuple]]:
    return made.server(_A), made.server(_B)


def _in_lite(made: Base) -> tuple[list[tuple], list[tuple]]:
    return made.rows(_A), made.rows(_B)


def _state(made: Base) -> str:
    return made.server("SELECT state FROM steady_fleet.migration")[0][0]


def test_f64_a_cut_over_that_dies_is_done_or_not(made: Base) -> None:
    made.lite("DELETE FROM b; DELETE FROM a WHERE id = 1; INSERT INTO a VALUES (5, 'one', NULL); DELETE FROM b; INSERT INTO b VALUES (7, 5)")
    old, new, constraints = _on_server(made), _in_lite(made), "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"
    keys, step, died = made.server(constraints), 1, 0
    while dies_at(step, lambda: cutover(made.how)):
        died += 1
        assert (_on_server(made), _state(made)) == (old, state.LOADED)
        assert made.server(constraints) == keys
        step += 2
    assert died > 10
    assert (_on_server(made), _state(made)) == (new, state.CUT_OVER)
    assert cutover(made.how).status == "unchanged"


@pytest.mark.parametrize("side", ["postgresql", "sqlite"])
def test_f64_a_way_back_that_dies_is_done_or_not(made: Base, side: str) -> None:
    cutover(made.how)
    made.server("UPDATE a SET word = 'x' WHERE id = 1; UPDATE a SET word = 'one' WHERE id = 2; UPDATE a SET word = 'two' WHERE id = 1")
    made.server("DELETE FROM b WHERE id = 2; INSERT INTO a (word) VALUES ('three'); INSERT INTO b VALUES (9, 3)")
    old, new = _in_lite(made), _on_server(made)
    schema = made.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")
    step, died, written = 1, 0, 0
    while (dies_at if side == "postgresql" else _dies_in_sqlite)(step, lambda: back(made.how)):
        died += 1
        written += _in_lite(made) == new
        assert _in_lite(made) in (old, new)
        assert _state(made) == state.CUT_OVER
        assert made.rows("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2") == schema
        step += 1 if written else 2
    assert died > 10
    assert written or side == "sqlite", "it died between SQLite's commit and the server's"
    assert (_in_lite(made), _state(made)) == (new, state.BACK)
    assert len(list(made.path.parent.glob("app.db.before-back-*"))) == 1
    assert back(made.how).status == "unchanged"


def _dies_in_sqlite(step: int, work: Callable[[], object]) -> bool:
    """In a process that dies before statement number ``step`` of SQLite."""
    child = os.fork()
    if not child:
        taken, connect = 0, sqlite3.connect

        class Mortal(sqlite3.Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                nonlocal taken
                taken += 1
                if taken == step:
                    os._exit(DEAD)
                return super().execute(*arguments)

        sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Mortal, **options)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DEAD)
    return status == DEAD
