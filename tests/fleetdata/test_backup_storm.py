"""A database that another process writes to as fast as it can: every backup is one committed state of it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import copy, verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.bring_back import Target, restore_backup
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DATABASE, UPLOADED, Subject
from backup_runs import bench, database, rows

SCHEMA = """
CREATE TABLE entries (number INTEGER, account TEXT, amount INTEGER, blob);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO entries SELECT i, 'a', i, zeroblob(1000) FROM n;
INSERT INTO entries SELECT number, 'b', -amount, blob FROM entries;
"""
STORM = """
import itertools, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
database.execute("PRAGMA synchronous = OFF")
for number in itertools.count(3001):
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO entries VALUES (?, 'a', ?, zeroblob(1000))", (number, number))
    database.execute("UPDATE entries SET blob = randomblob(1000) WHERE rowid = ?", (number % 3000 + 1,))
    database.execute("INSERT INTO entries VALUES (?, 'b', ?, NULL)", (number, -number))
    database.execute("COMMIT")
    if number == 3050:
        print("storming", flush=True)
"""
BALANCE = "SELECT sum(amount), count(*) = 2 * max(number), count(DISTINCT number) = max(number), count(*) > 6000 FROM entries"


@contextmanager
def storm(path: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", STORM, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "storming\n"
        try:
            yield
            assert writer.poll() is None, "the writer was never refused"
        finally:
            writer.kill()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_w3_f53_every_backup_under_a_writer_storm_is_one_committed_state(bucket: str, endpoint: str, tmp_path: Path, mode: str) -> None:
    host = bench(bucket, endpoint, tmp_path)
    live = database(tmp_path / "live/app.db", mode=mode, script=SCHEMA)
    with storm(live):
        results = [host.run() for _ in range(3)]
        assert {result.status for result in results} == {UPLOADED}, results
    for number, result in enumerate(results):
        out = tmp_path / f"{number}.db"
        restore_backup(store=host.store, prefix=host.prefix, name="app", into=Target(str(out)), stamp=result.stamp)
        assert rows(out, BALANCE) == [(0, 1, 1, 1)]
        assert rows(out, "PRAGMA integrity_check") == [("ok",)]
    assert len({result.counts["entries"] for result in results}) == 3, "there was a storm"
    assert {each.status for each in verify.verify(context=host.context(), depth=verify.Depth(which=verify.ALL))} == {"good"}


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_w3_a_copy_has_the_numbers_of_rows_the_free_pages_and_the_mode_of_the_original(tmp_path: Path, mode: str) -> None:
    live = database(tmp_path / "live.db", mode=mode, script=SCHEMA + "DELETE FROM entries WHERE number % 2; CREATE TABLE u (x); INSERT INTO u VALUES (1);")
    copy.copy(subject=Subject("app", DATABASE, str(live)), to=str(tmp_path / "copy.db"), busy_seconds=1, moved=lambda _: None)
    same = "SELECT rowid, number, account, amount FROM entries ORDER BY rowid"
    for query in (same, "PRAGMA freelist_count", "PRAGMA journal_mode"):
        assert rows(tmp_path / "copy.db", query) == rows(live, query)
    assert not list(tmp_path.glob("live.db-*")), "nothing is left beside the database"


def test_w3_a_database_that_is_held_all_the_time_is_waited_for_and_then_named(tmp_path: Path) -> None:
    live = database(tmp_path / "live.db", mode="delete")
    naps: list[float] = []
    with closing(sqlite3.connect(live, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(copy.BusyError, match=r"others held it for 30 s, so it could not be read \(database is locked\). Run again, or raise busy_seconds"):
            copy.copy(
                subject=Subject("app", DATABASE, str(live)),
                to=str(tmp_path / "copy.db"),
                busy_seconds=30,
                moved=lambda _: None,
                sleep=naps.append,
                monotonic=lambda: 10.0 * len(naps),
            )
    assert len(naps) == 3
