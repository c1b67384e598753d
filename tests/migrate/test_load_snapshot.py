"""What is read is one state of the database, exactly, while its application writes on and feels nothing of it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import snapshot
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import source as declared
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reading import Reader
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text

NOTICED = 0.25
VALUES = [None, 0, -(2**63), 2**63 - 1, 1.5, float("inf"), "", "ä\0b", "🚀", b"", b"\xff\0", "x" * 3000]


def taken(path: Path, work: Path, **more: Any) -> Any:
    return snapshot.readers(path=str(path), count=more.pop("count", 1), busy_seconds=more.pop("busy_seconds", 5), work=str(work), **more)


def made(path: Path, *statements: str, wal: bool = True) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        for one in statements:
            database.execute(one)
    return path


def table_of(path: Path, name: str = "t") -> Any:
    with closing(sqlite3.connect(path)) as database:
        return declared.read(database, path=str(path)).tables[name]


@pytest.mark.parametrize("standard", [False, True])
def test_mrpt12_every_value_is_read_as_what_it_is_by_either_library(tmp_path: Path, standard: bool) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO t VALUES (?, ?)", enumerate(VALUES))
        for place in (100, 2500):
            database.execute("INSERT INTO t VALUES (?, CAST(x'61ff00' AS TEXT))", (place,))
        database.executemany("INSERT INTO t VALUES (?, 'fill')", ((place,) for place in range(101, 2500)))
    with taken(path, tmp_path, standard=standard) as found:
        table = table_of(path)
        for widest in (None, 4000):
            rows = [row for block in found.readers[0].rows(table, ["id", "v"], widest=widest) for row in block]
            assert [number for number, _ in rows] == sorted(number for number, _ in rows)
            values = dict(rows)
            assert [values[place] for place in range(len(VALUES))] == VALUES
            assert values[100] == values[2500] == Text(b"a\xff\0")
            assert type(values[100]) is type(values[2500]) is Text
            assert len(rows) == len(VALUES) + 2401
        part = [row[0] for block in found.readers[0].rows(table, ["id"], 100, 103) for row in block]
        assert part == [100, 101, 102, 103]
        assert found.readers[0].ends(table, 1000) == [1087, 2087]
        assert found.readers[0].numbers_at(table, 100, [0, 5]) == {0: 100, 5: 105}


@pytest.mark.parametrize("standard", [False, True])
def test_mrpt12_utf16_hidden_numbers_and_keys_without_numbers(tmp_path: Path, standard: bool) -> None:
    path = made(
        tmp_path / "a.db",
        "PRAGMA encoding = 'UTF-16le'",
        "CREATE TABLE keyed (a TEXT, b INT, v, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "INSERT INTO keyed VALUES ('x', 2, 'ä'), ('y', 1, NULL), ('a', 2, 3)",
        "CREATE TABLE hidden (rowid TEXT, _rowid_ TEXT, oid TEXT)",
        "INSERT INTO hidden VALUES ('c', 'ß', 'a'), ('b', 'b', CAST(x'00d8' AS TEXT))",
        "CREATE TABLE half (rowid TEXT)",
        "INSERT INTO half VALUES ('z'), ('a')",
    )
    with taken(path, tmp_path, standard=standard) as found:
        reader = found.readers[0]
        assert list(reader.rows(table_of(path, "keyed"), ["a", "b", "v"])) == [[("y", 1, None), ("a", 2, 3), ("x", 2, "ä")]]
        assert reader.ends(table_of(path, "keyed"), 1) == []
        hidden = [row for block in reader.rows(table_of(path, "hidden"), ["_rowid_", "oid"]) for row in block]
        assert hidden[0] == ("ß", "a")
        assert len(hidden) == 2
        assert list(reader.rows(table_of(path, "half"), ["rowid"], 2, 2)) == [[("a",)]]


def _write(path: str, ready: Any, stop: Any, waits: Any) -> None:
    """An application: counts up in two tables at once, and measures how long each commit takes."""
    longest = 0.0
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
        ready.set()
        number = 0
        while not stop.is_set():
            number += 1
            began = time.monotonic()
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO a VALUES (?)", (number,))
            database.execute("INSERT INTO b VALUES (?)", (number,))
            database.execute("COMMIT")
            longest = max(longest, time.monotonic() - began)
    waits.put((number, longest))


@contextmanager
def storm(path: Path) -> Iterator[Any]:
    kind = multiprocessing.get_context("fork")
    ready, stop, waits = kind.Event(), kind.Event(), kind.Queue()
    writer = kind.Process(target=_write, args=(str(path), ready, stop, waits))
    writer.start()
    try:
        assert ready.wait(30)
        yield waits
    finally:
        stop.set()
        writer.join(60)


TABLES = ("CREATE TABLE a (n INTEGER)", "CREATE TABLE b (n INTEGER)")


def test_w7_all_readers_see_the_same_moment_of_a_database_that_is_written_and_no_writer_waits_for_them(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", *TABLES)
    longest = []
    for _ in range(3):  # another program may have had the processor: the best of three
        with storm(path) as waits:
            for _ in range(8):
                with taken(path, tmp_path, count=3) as found:
                    seen = {(one.select("SELECT count(*) FROM a")[0][0], one.select("SELECT count(*) FROM b")[0][0]) for one in found.readers}
                    seen.add((found.database.execute("SELECT count(*) FROM a").fetchone()[0], found.database.execute("SELECT count(*) FROM b").fetchone()[0]))
                    time.sleep(0.02)
                    again = {one.select("SELECT count(*) FROM a")[0][0] for one in found.readers}
                assert len(seen) == 1
                both = seen.pop()
                assert both[0] == both[1]
                assert again == {both[0]}
        written, wait = waits.get(timeout=10)
        assert written > 0
        longest.append(wait)
        if wait <= NOTICED:
            break
    assert min(longest) <= NOTICED, longest


def test_w7_without_wal_a_copy_is_read_and_its_writers_go_on(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", *TABLES, wal=False)
    work = tmp_path / "work"
    with taken(path, work) as found:
        assert found.copied
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as application:
            application.execute("INSERT INTO a VALUES (1)")
        assert found.readers[0].select("SELECT count(*) FROM a") == [(0,)]
    assert list(work.iterdir()) == []
    with taken(path, work, stopped=True) as found:
        assert not found.copied
        assert found.readers[0].select("SELECT count(*) FROM a") == [(1,)]


def test_w7_without_wal_what_takes_too_long_to_be_copied_is_given_up_and_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE a (n)", *["INSERT INTO a VALUES (zeroblob(2000000))"] * 3, wal=False)
    ticks = iter(range(1000))
    with pytest.raises(ConfigurationError, match=r"not in WAL mode and too large .* Stop its application and say so, or have it set PRAGMA journal_mode=WAL"):
        taken(path, tmp_path / "work", monotonic=lambda: next(ticks)).__enter__()
    assert list((tmp_path / "work").iterdir()) == []
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as application:
        application.execute("INSERT INTO a VALUES (1)")


def test_w7_the_copy_of_a_killed_run_goes_and_that_of_a_running_one_stays(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", *TABLES, wal=False)
    dead, alive = tmp_path / "work/migrate-copy-dead", tmp_path / "work/migrate-copy-alive"
    for folder in (dead, alive):
        folder.mkdir(parents=True)
        (folder / "copy.db").write_bytes(b"1")
    descriptor = os.open(alive, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with taken(path, tmp_path / "work"):
        assert not dead.exists()
        assert alive.exists()
    os.close(descriptor)


def test_mrpt13_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone.db is not there. Name the SQLite database"):
        taken(tmp_path / "gone.db", tmp_path).__enter__()
    path = made(tmp_path / "a.db", *TABLES)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigurationError, match=r"another program has kept it locked for 0.1 s"):
            taken(path, tmp_path, busy_seconds=0.1).__enter__()
        other.execute("ROLLBACK")
    nonsense = tmp_path / "text.db"
    nonsense.write_text("no database at all, and long enough " * 40)
    with pytest.raises(ConfigurationError, match=r"text.db: cannot be read .it is encrypted, or no SQLite database at all"):
        taken(nonsense, tmp_path).__enter__()


def test_mrpt12_a_reader_writes_nothing(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", *TABLES)
    for standard in (False, True):
        with closing(Reader(str(path), standard=standard)) as reader, pytest.raises(Exception, match="readonly"):
            reader.select("DELETE FROM a")
