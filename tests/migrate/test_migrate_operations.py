"""F64, MRPT-12, MRPT-14, W-4: servers, sessions, rights, files and users as operations have them; each ends in a sentence, and nothing is lost."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, FleetDataError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import back as way_back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import snapshot, state, steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.back import back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.connection import connect
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.cutover import BothWrittenError, cutover
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.handing import opened
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.run import run
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.staging import Staging, Worker
from handed_base import Base, base
from migrate_calls import SECRETS, Call, shop, to
from postgres_server import Server
from test_load_run import moving
from test_load_run import shop as plain_shop

_ROWS = "SELECT id, word FROM a ORDER BY 1"
_LOW = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")


@pytest.fixture
def made(tmp_path: Path, target: Target) -> Base:
    one = base(tmp_path, target, "CREATE TABLE a (id INTEGER PRIMARY KEY, word TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two');")
    one.load()
    return one


def test_f64_what_was_written_after_a_cut_over_whose_answer_was_lost_comes_with_the_next(made: Base) -> None:
    """The server has committed, the command does not know and starts the units again: the application writes to SQLite, and that was acknowledged."""
    cutover(made.how)
    made.lite("INSERT INTO a VALUES (3, 'acknowledged')")
    assert cutover(made.how).status == state.CUT_OVER
    assert made.server(_ROWS) == made.rows(_ROWS)
    assert cutover(made.how).status == "unchanged"
    made.server("UPDATE a SET word = 'by PostgreSQL' WHERE id = 1")
    assert cutover(made.how).status == "unchanged"
    made.lite("INSERT INTO a VALUES (4, 'by SQLite')")
    with pytest.raises(BothWrittenError):
        cutover(made.how)
    made.path.unlink()
    assert cutover(made.how).status == "unchanged"


def test_f64_what_was_written_after_a_way_back_whose_answer_was_lost_comes_with_the_next(made: Base) -> None:
    cutover(made.how)
    back(made.how)
    made.server("INSERT INTO a VALUES (3, 'acknowledged')")
    assert back(made.how).status == state.BACK
    assert made.server(_ROWS) == made.rows(_ROWS)
    made.lite("INSERT INTO a VALUES (4, 'by SQLite')")
    assert back(made.how).status == "unchanged"
    made.server("DROP TABLE a")
    assert back(made.how).status == "unchanged"


def test_mrpt14_times_that_a_role_may_take_do_not_end_a_run(tmp_path: Path, server: Server, target: Target) -> None:
    """A run's connections are idle while one of them works, and its statements take long."""
    with server.connect() as admin:
        for name in _LOW:
            admin.execute(f"ALTER ROLE mover IN DATABASE {target.database} SET {name} = '300ms'")
        admin.execute(f"ALTER ROLE mover IN DATABASE {target.database} SET synchronous_commit = off")
    with closing(connect(target)) as connection:
        found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in (*_LOW, "synchronous_commit", "tcp_keepalives_idle")}
    assert found == {**dict.fromkeys(_LOW, "0"), "lock_timeout": "1min", "synchronous_commit": "on", "tcp_keepalives_idle": "30"}
    found = []
    run(migration=moving(plain_shop(tmp_path / "shop.db"), target), placed=lambda one, _: found.append(one.execute("SHOW synchronous_commit").fetchone()[0]))
    assert found == ["on"], "what is put in place is on the disk"


def test_mrpt12_a_server_that_takes_no_writes_is_told_by_the_plan(tmp_path: Path, server: Server, target: Target) -> None:
    with server.connect() as admin:
        admin.execute(f"ALTER DATABASE {target.database} SET default_transaction_read_only = on")
    for step in ("plan", "run"):
        call = Call(step, shop(tmp_path / f"{step}.db"), *SECRETS, *to(target))
        assert (call.code, "The server takes no writes" in call.stdout) == (8, True)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("SELECT * FROM pg_authid", r"permission denied for table pg_authid\. The target is as it was\. See to that"),
        ("SELECT 'canary-7f3d'::int", r"error 22P02\. The target is as it was"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", r"terminating connection due to administrator command\. The target is as it was"),
    ],
)
def test_mrpt14_whatever_the_server_refuses_midway_is_a_sentence_without_secrets(tmp_path: Path, target: Target, refused: str, said: str) -> None:
    declared = moving(plain_shop(tmp_path / "shop.db"), target, secret=("customers.mail",))
    with pytest.raises(FleetDataError, match=said):
        run(migration=declared, placed=lambda connection, _: connection.execute(refused))
    assert logging.getLogger("psycopg").hasHandlers()  # else Python writes what it logs to the terminal
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("psycopg").handlers)


def test_mrpt14_two_migrations_note_at_once_what_they_loaded(made: Base) -> None:
    """Both make the schema that they share."""
    record = state.find(made.how.connect(), "app")
    made.server("DROP SCHEMA steady_fleet CASCADE")
    with closing(made.how.connect()) as one, closing(made.how.connect()) as two:
        with one.transaction():
            state.keep(one, record)
            other = threading.Thread(target=_keep, args=(two, replace(record, name="other")))
            other.start()
            _until(lambda: bool(made.server("SELECT 1 FROM pg_locks WHERE NOT granted")))
        other.join()
    assert made.server("SELECT name FROM steady_fleet.migration ORDER BY 1") == [("app",), ("other",)]


def _keep(connection: psycopg.Connection, record: state.Record) -> None:
    with connection.transaction():
        state.keep(connection, record)


def test_mrpt14_a_run_that_waited_for_another_of_the_same_has_nothing_to_do(tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    path, looked = shop(tmp_path / "shop.db"), iter([None])
    assert Call("run", path, *SECRETS, *to(target)).code == 0
    known = steps.loaded
    monkeypatch.setattr(steps, "loaded", lambda migration: next(looked, known(migration)))
    call = Call("run", path, *SECRETS, *to(target))
    assert (call.code, "nothing to do" in call.stdout) == (0, True)


def test_f64_the_copy_that_is_kept_is_nobody_elses_and_a_broken_one_goes(made: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    made.path.chmod(0o600)
    cutover(made.how)
    made.server("INSERT INTO a VALUES (3, 'three')")
    modes, copy = [], way_back.copy

    def interrupted(*, to: str, **more: object) -> None:
        copy(to=to, **more)
        modes.append(stat.S_IMODE(os.stat(to).st_mode))
        raise KeyboardInterrupt

    monkeypatch.setattr(way_back, "copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        back(made.how)
    assert modes == [0o600]
    assert not list(made.path.parent.glob("*.before-back-*"))


def test_f64_units_whose_stop_is_interrupted_are_started_again() -> None:
    asked = []

    def ask(verb: str, _names: object) -> str:
        asked.append(verb)
        if verb == "stop":
            raise KeyboardInterrupt
        return ""

    with pytest.raises(KeyboardInterrupt):
        Services(("app.service",), ask=ask).stop()
    assert asked == ["stop", "start"]


def test_f64_what_sqlite_refuses_at_a_hand_over_is_a_sentence(made: Base) -> None:
    with pytest.raises(ConfigurationError, match=r"SQLite gave up \(database or disk is full\)\. Nothing was changed"), opened(made.how) as database:
        database.execute("PRAGMA max_page_count = 3")
        database.execute("INSERT INTO a VALUES (9, zeroblob(1000000))")


def test_mrpt14_who_stops_it_does_not_wait_for_an_index(target: Target, postgres: psycopg.Connection) -> None:
    """Ctrl-C with two workers: what the server is at is cancelled."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
    nothing = SimpleNamespace(migration=SimpleNamespace(staging="s"), tables={})
    staging = Staging(nothing, None, [Worker(None, connect(target)) for _ in range(2)], Silence(), time.monotonic)

    def interrupt() -> None:
        _until(lambda: postgres.execute(sleeping).fetchone() == (2,))
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background ignore it
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            staging._all(lambda worker, _: worker.connection.execute("SELECT pg_sleep(60)"), [1, 2])
    finally:
        signal.signal(signal.SIGINT, before)
    assert postgres.execute(sleeping).fetchone() == (0,)


def test_mrpt14_a_writer_that_crashed_without_wal_is_rolled_back_first(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE a (word); INSERT INTO a VALUES ('before'), (zeroblob(100000))")
    crash = f"import os, sqlite3; d = sqlite3.connect({str(path)!r}, isolation_level=None); d.execute('PRAGMA cache_size = 1'); d.execute('BEGIN');"
    subprocess.run([sys.executable, "-c", f"{crash} d.execute('UPDATE a SET word = zeroblob(200000)'); os._exit(0)"], check=True)
    assert Path(f"{path}-journal").stat().st_size
    with snapshot.readers(path=str(path), count=1, busy_seconds=5, work=str(tmp_path / "work")) as found:
        assert found.readers[0].select("SELECT word FROM a LIMIT 1") == [("before",)]


def test_mrpt14_what_others_put_into_the_work_directory_stops_nobody(tmp_path: Path) -> None:
    """Such as /tmp, which is all laptops': a pipe there keeps whoever opens it waiting for ever."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a (word)")
    os.mkfifo(tmp_path / "migrate-copy-pipe")
    (tmp_path / "migrate-copy-link").symlink_to("/etc")
    with snapshot.readers(path=str(path), count=1, busy_seconds=5, work=str(tmp_path)) as found:
        assert found.copied


def test_mrpt14_no_room_for_the_copy_is_said_of_where_the_room_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, connect_ = tmp_path / "a.db", sqlite3.connect
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a (word)")

    class Full(sqlite3.Connection):
        def backup(self, *_arguments: object, **_options: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(snapshot.sqlite3, "connect", lambda *arguments, **options: connect_(*arguments, factory=Full, **options))
    work = tmp_path / "work"
    with pytest.raises(ConfigurationError, match=rf"^{work}: has no room for the copy of {path}"), snapshot.readers(
        path=str(path), count=1, busy_seconds=5, work=str(work)
    ):  # fmt: skip
        raise AssertionError
    assert list(work.iterdir()) == []


def test_f64_a_reader_that_would_lock_the_application_out_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is neither root nor the owner makes a -shm that the application cannot write to."""
    path = shop(tmp_path / "shop.db")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    monkeypatch.setattr(os, "access", lambda where, mode: mode != os.W_OK or os.path.isdir(where))
    refused = Call("plan", path, *SECRETS)
    assert (refused.code, "Run this as root or as the user that it belongs to" in refused.stderr) == (2, True)
    assert [one.name for one in tmp_path.iterdir()] == ["shop.db"]
    with closing(sqlite3.connect(path)) as application:
        application.execute("SELECT * FROM users").fetchone()
        assert Call("plan", path, *SECRETS).code == 0


def _until(happened: Callable[[], bool]) -> None:
    while not happened():
        time.sleep(0.01)
