"""A live database is replaced: never under a process that has it open, and whatever dies, the old one or the new one is there."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.bring_back import RESTORED, Restored
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.live import InUseError, Live, replace_live
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import UNCHANGED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import FleetDataError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_kills import dies_at
from archive_runs import client
from backup_runs import Bench, bench, change, database, rows

MOST_STEPS = 120
OLD = [("a", 5), ("b", -5)]
NEW = [*OLD, ("a", 100)]


@pytest.fixture
def host(bucket: str, endpoint: str, tmp_path: Path) -> Bench:
    """A host whose database went on after its backup."""
    made = bench(bucket, endpoint, tmp_path)
    live = database(tmp_path / "live/app.db")
    made.run()
    change(live, "INSERT INTO entries VALUES ('a', 100)")
    return made


def replace(host: Bench, path: Path, *, services: Services | None = None, check: bool = False, store: Store | None = None) -> Restored:
    live = Live(path=str(path), services=services or Services(), clock=lambda: host.now)
    return replace_live(store=store or host.store, prefix=host.prefix, name="app", live=live, check=check)


def test_cs40_mrpt16_the_old_one_is_kept_and_the_new_one_has_its_owner_and_mode(host: Bench, tmp_path: Path) -> None:
    path = tmp_path / "live/app.db"
    path.chmod(0o640)
    os.chown(path, 1234, 2345)
    assert replace(host, path, check=True).status == RESTORED
    assert rows(path) == NEW
    result = replace(host, path)
    assert (result.status, result.kept) == (RESTORED, f"{path}.before-20261122T120000Z")
    assert (rows(path), rows(Path(result.kept))) == (OLD, NEW)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 2345, 0o640)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["app.db", "app.db.before-20261122T120000Z"]


def test_cs40_a_database_in_use_is_not_touched(host: Bench, tmp_path: Path) -> None:
    path = tmp_path / "live/app.db"
    asked: list[tuple[str, ...]] = []

    def ask(verb: str, units: Sequence[str]) -> str:
        asked.append((verb, *units))
        return ""

    with closing(sqlite3.connect(path)) as application:
        application.execute("INSERT INTO entries VALUES ('b', -100)")
        application.commit()
        with pytest.raises(InUseError, match=r"app.db is open in .*\(process \d+\). Nothing was replaced. Stop it, or name its unit with --service"):
            replace(host, path, services=Services(("other.service",), ask))
        assert application.execute("SELECT count(*) FROM entries").fetchone() == (4,)
    assert asked == [("stop", "other.service"), ("start", "other.service")], "what was stopped runs again"
    assert replace(host, path).status == RESTORED


def test_cs40_the_application_is_stopped_for_the_exchange_alone(host: Bench, tmp_path: Path) -> None:
    path = tmp_path / "live/app.db"
    application = [sqlite3.connect(path)]
    application[0].execute("SELECT * FROM entries").fetchall()
    seen: list[tuple[str, int]] = []

    def ask(verb: str, units: Sequence[str]) -> str:
        if verb == "stop":
            application.pop().close()
        seen.append((verb, len(rows(path))))
        return ""

    assert replace(host, path, services=Services(("app.service",), ask)).status == RESTORED
    assert seen == [("stop", 3), ("start", 2)]


def test_cs40_a_unit_that_does_not_stop_ends_it_before_anything_is_replaced(host: Bench, tmp_path: Path) -> None:
    path = tmp_path / "live/app.db"
    with pytest.raises(FleetDataError, match=r"app.service could not be stopped"):
        replace(host, path, services=Services(("app.service",), lambda verb, _: "no" if verb == "stop" else ""))
    assert rows(path) == NEW


@pytest.mark.parametrize("broken", [b"", b"this is no database" * 500])
def test_cs40_a_broken_database_is_replaced_and_kept_with_what_lies_beside_it(host: Bench, tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "live/app.db"
    path.write_bytes(broken)
    (tmp_path / "live/app.db-wal").write_bytes(b"what its writer left")
    result = replace(host, path)
    assert rows(path) == OLD
    assert Path(result.kept).read_bytes() == broken
    path.unlink()
    assert replace(host, path).kept == ""
    assert rows(path) == OLD


def test_cs40_killed_at_any_step_one_of_the_two_opens_and_the_next_run_finishes(host: Bench, tmp_path: Path) -> None:
    body = (tmp_path / "live/app.db").read_bytes()
    for step in range(1, MOST_STEPS):
        folder = tmp_path / str(step)
        folder.mkdir()
        path = folder / "app.db"
        path.write_bytes(body)
        one = dataclasses.replace(host, work=folder / "work")
        unused = Store(client=client(host.endpoint, "for children"), bucket=host.bucket)
        died = dies_at(step, lambda one=one, path=path, unused=unused: replace(one, path, store=unused), folder=str(folder))
        assert rows(path) in (OLD, NEW)
        assert replace(one, path).status in (RESTORED, UNCHANGED)
        assert rows(path) == OLD
        kept = list(folder.glob("app.db.before-*Z"))
        assert [rows(each) for each in kept] == [NEW]
        assert sorted(entry.name for entry in folder.iterdir() if entry.name != "work") == ["app.db", kept[0].name]
        if not died:
            assert step > 10
            return
    raise AssertionError("it never ended")
