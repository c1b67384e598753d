"""The memory of a run is the same for any number of rows, and a long value costs a few times its size, and no more."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from test_load_run import moving

LONG = 70_000_000


def grown(work: Callable[[], object]) -> float:
    """By how many MiB the highest memory of a process of its own grows while it does something."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the parent's peak is not the child's
            before = _high_water()
            work()
            os.write(writing, json.dumps(_high_water() - before).encode())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return float(json.loads(told)) / 1024


def _high_water() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test_f63_a_run_takes_no_more_memory_for_many_rows(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = tmp_path / "many.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB, d DATETIME)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, '2026-01-02 03:04:05')", ((n, f"{n} " * 40, n / 3, bytes(200)) for n in range(60_000)))
        database.execute("UPDATE t SET c = zeroblob(3000000) WHERE id % 10000 = 77")
    assert path.stat().st_size > 30_000_000
    taken = grown(lambda: run(migration=moving(path, target)))
    assert taken < 60
    assert postgres.execute("SELECT count(*), sum(length(c)) FROM t").fetchone() == (60_000, 60_000 * 200 + 6 * (3_000_000 - 200))


@pytest.mark.parametrize("value", ["zeroblob(?)", "replace(hex(zeroblob(? / 2)), '0', 'x')"])
def test_f63_a_value_of_70_mb_is_taken_without_many_copies_of_it(tmp_path: Path, target: Target, postgres: psycopg.Connection, value: str) -> None:
    path = tmp_path / "long.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        database.execute("INSERT INTO t VALUES (1, 'short')" if "hex" in value else "INSERT INTO t VALUES (1, x'00')")
        database.execute(f"INSERT INTO t VALUES (2, {value})", (LONG,))
    taken = grown(lambda: run(migration=moving(path, target)))
    assert taken < 320
    assert postgres.execute("SELECT length(v) FROM t WHERE id = 2").fetchone() == (LONG,)
