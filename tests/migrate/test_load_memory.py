"""The memory of a run is the same for any number of rows (128 MiB at most), and a long value costs a few times its size, and no more."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target

LONG = 70_000_000
# The highest that it ever was, since the program began; a child's ru_maxrss begins with that of its parent.
RUN = """
import io, sys
from fleetdata.cli import main
code = main(["migrate", "run", *sys.argv[1:]], stdout=io.StringIO(), stderr=sys.stderr)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(code, int(peak) / 1024)
"""
# In a process of its own, as a query that this one may have made before has set SQLite's limit of memory for good.
LONG_CELL = """
import sqlite3, sys
path, value = sys.argv[1:]
with sqlite3.connect(path) as database:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    database.execute("INSERT INTO t VALUES (1, 'short')" if "hex" in value else "INSERT INTO t VALUES (1, x'00')")
    database.execute(f"INSERT INTO t VALUES (2, {value})")
database.close()
"""


def peak(database: Path, target: Target) -> float:
    """The most memory, in MiB, that the command has while it brings a database over."""
    address = f"postgresql://{target.user}@{target.host}:{target.port}/{target.database}?sslrootcert={target.ssl_root_cert}"
    library = cli.__file__.rpartition("/fleetdata/")[0]
    program = f"import sys; sys.path.insert(0, {library!r})\n{RUN}"
    asked = [str(database), "--target", address, "--password-file", target.password_file, "--work", str(database.parent / "work")]
    done = subprocess.run([sys.executable, "-c", program, *asked], capture_output=True, text=True, check=False)
    code, most = (done.stdout or "no peak").split()
    assert code == "0", done.stderr
    return float(most)


def test_f63_a_run_takes_no_more_memory_for_many_rows(tmp_path: Path, target: Target, postgres: psycopg.Connection) -> None:
    path = tmp_path / "many.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB, d DATETIME)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, '2026-01-02 03:04:05')", ((n, f"{n} " * 40, n / 3, bytes(200)) for n in range(60_000)))
        database.execute("UPDATE t SET c = zeroblob(3000000) WHERE id % 10000 = 77")
    assert path.stat().st_size > 30_000_000
    assert peak(path, target) < 128
    assert postgres.execute("SELECT count(*), sum(length(c)) FROM t").fetchone() == (60_000, 60_000 * 200 + 6 * (3_000_000 - 200))


@pytest.mark.parametrize("value", [f"zeroblob({LONG})", f"replace(hex(zeroblob({LONG} / 2)), '0', 'x')"], ids=["bytes", "text"])
def test_f63_a_value_of_70_mb_is_taken_without_many_copies_of_it(tmp_path: Path, target: Target, postgres: psycopg.Connection, value: str) -> None:
    path = tmp_path / "long.db"
    subprocess.run([sys.executable, "-c", LONG_CELL, str(path), value], check=True)
    assert peak(path, target) < 380
    assert postgres.execute("SELECT length(v) FROM t WHERE id = 2").fetchone() == (LONG,)
