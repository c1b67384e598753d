"""Retention beside the application: it needs little memory, and whoever writes meanwhile gets in and keeps every row (F44, F49)."""

from __future__ import annotations

import datetime
import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive

BUSY_SECONDS = 5
SCHEMA = "day TEXT, name TEXT, size REAL, clicks INTEGER, PRIMARY KEY (day, name)) WITHOUT ROWID"
FILL = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
INSERT INTO t SELECT ?, {name}, i * 0.1, nullif(i % 7, 3) FROM n
"""
# The highest that it ever was, since the program began; a child's ru_maxrss begins with that of its parent.
RUN = """
import io, sys
from fleetdata.cli import main
code = main(["retain", "--config", sys.argv[1]], stdout=io.StringIO(), stderr=sys.stderr)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(code, int(peak) / 1024)
"""


def day(back: int) -> str:
    """The day so many days ago, as the command knows the time."""
    return (datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=back)).isoformat()


def declared(archive: Archive, folder: Path, database: Path) -> Path:
    """The configuration, as the roles write it."""
    report = {"columns": ["Day"], "day_column": "Day", "files": [f"{folder}/*.csv"]}
    said = {"bucket": archive.bucket, "region": archive.region, "endpoint_url": archive.endpoint_url, "key": archive.key, "reports": {"performance": report}}
    table = {"day_column": "day", "max_share": 1}
    (folder / "fleetdata.json").write_text(json.dumps(said))
    (folder / "fleetdata.d").mkdir()
    (folder / "fleetdata.d/retention.json").write_text(json.dumps({"retention": {"app": {"database": str(database), "tables": {"t": table}}}}))
    return folder / "fleetdata.json"


class Writer(threading.Thread):
    """Commits row after row until it is stopped. rows: how many; error: what SQLite refused."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self.rows, self.error = 0, ""
        self.stopped = threading.Event()
        self._database = database

    def run(self) -> None:
        with closing(sqlite3.connect(self._database, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            while not self.stopped.wait(0.002):
                try:
                    connection.execute("INSERT INTO t VALUES (?, ?, 0.5, 1)", (day(0), f"written {self.rows}"))
                except sqlite3.Error as error:
                    self.error = str(error)
                    return
                self.rows += 1


@pytest.mark.parametrize(
    ("name", "days"),
    [
        pytest.param("printf('creative, %09d', i)", (250_000, 50_000), id="many-rows"),
        pytest.param("hex(randomblob(200))", (120_000, 120_000), id="objects-in-parts"),  # one is sent while the rows of another go
    ],
)
def test_cs32_f44_f49_a_run_takes_little_memory_and_no_writer_is_refused_or_loses_a_row(
    archive: Archive, tmp_path: Path, name: str, days: tuple[int, int]
) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"CREATE TABLE t ({SCHEMA}")
        for back, rows in zip((100, 99, 1), (*days, 1000), strict=True):
            database.execute(FILL.format(name=name), (rows, day(back)))
    library = cli.__file__.rpartition("/fleetdata/")[0]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {library!r})\n{RUN}", str(declared(archive, tmp_path, path))]

    writer = Writer(path)
    writer.start()
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        writer.stopped.set()
        writer.join()

    assert ended.returncode == 0, ended.stderr
    code, peak = ended.stdout.split()
    assert (int(code), writer.error) == (0, "")
    assert float(peak) < 96
    with closing(sqlite3.connect(path)) as database:
        assert dict(database.execute("SELECT day, count(*) FROM t GROUP BY day")) == {day(1): 1000, day(0): writer.rows}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert writer.rows > 10
