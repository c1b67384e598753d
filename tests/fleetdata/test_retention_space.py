"""Space comes back only when that is worth it and safe; and a run has its directory for itself."""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import space
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.model import Retention
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.space import NOTHING, STEPS, WHOLE, Space
from archive_runs import NOON
from retention_runs import WORK, change, database, day, run

MEASURED = Space(size=1000, free=400, incremental=False, disk=2000)
AT_NOON = Retention(name="app", database="/srv/app.db", rules={}, vacuum_from=12, vacuum_to=13)


@pytest.mark.parametrize(
    ("measured", "declared", "kind", "reason"),
    [
        ({}, {}, WHOLE, "400 of 1000 bytes are unused."),
        ({"free": 0}, {}, NOTHING, "No space is unused."),
        ({"free": 249}, {}, NOTHING, "249 of 1000 bytes are unused, less than 25% (vacuum_share)."),
        ({"free": 250}, {}, WHOLE, ""),
        ({"disk": 1999}, {}, NOTHING, "takes 2000 bytes on its disk, where 1999 are free"),
        ({}, {"vacuum_from": 13, "vacuum_to": 14}, NOTHING, "from 13:00 to 14:00 UTC"),
        ({}, {"vacuum_from": 11, "vacuum_to": 12}, NOTHING, "from 11:00 to 12:00 UTC"),
        ({}, {"vacuum_from": 22, "vacuum_to": 13}, WHOLE, ""),
        ({}, {"vacuum_from": 22, "vacuum_to": 4}, NOTHING, "from 22:00 to 4:00 UTC"),
        ({}, {"vacuum_from": 0, "vacuum_to": 0}, NOTHING, "at no time"),
        ({"incremental": True, "free": 1, "disk": 0}, {"vacuum_to": 12}, STEPS, "1 of 1000 bytes are unused."),
    ],
)
def test_w30_f50_the_file_is_written_anew_only_when_worth_it_and_safe(measured: dict[str, int], declared: dict[str, int], kind: str, reason: str) -> None:
    planned = space.plan(space=dataclasses.replace(MEASURED, **measured), retention=dataclasses.replace(AT_NOON, **declared), now=NOON)
    assert planned.kind == kind
    assert reason in planned.reason


@pytest.mark.parametrize("other_zone", [datetime.timezone(datetime.timedelta(hours=5)), datetime.timezone(-datetime.timedelta(hours=8))])
def test_w30_the_window_is_in_utc(other_zone: datetime.timezone) -> None:
    assert space.plan(space=MEASURED, retention=AT_NOON, now=NOON.astimezone(other_zone)).kind == WHOLE


@pytest.mark.parametrize(("mode", "kind"), [("NONE", WHOLE), ("FULL", NOTHING), ("INCREMENTAL", STEPS)])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_cs34_w30_f50_what_rows_had_goes_back_to_the_disk(archive: Archive, tmp_path: Path, mode: str, kind: str, journal: str) -> None:
    path = database(tmp_path, f"PRAGMA auto_vacuum = {mode}; VACUUM; PRAGMA journal_mode = {journal}; CREATE TABLE t (day TEXT, value)")
    change(path, "INSERT INTO t VALUES (?, randomblob(2000))", [(day(100),)] * 400 + [(day(0),)] * 20)
    before = path.stat().st_size
    report = run(archive, path, vacuum_from=12, vacuum_to=13)
    assert report.deleted == 400
    assert report.space is not None
    assert report.space.kind == kind
    assert (report.space.freed > 700_000) == (kind != NOTHING)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert other.execute("SELECT count(*) FROM t").fetchone() == (20,)
    assert path.stat().st_size < before / 4
    assert space.measure(database=sqlite3.connect(path), path=str(path)).free == 0


def test_cs34_a_second_run_at_the_same_time_is_refused_and_a_killed_ones_rows_go(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, f"CREATE TABLE t (day TEXT); INSERT INTO t VALUES ('{day(100)}'), ('{day(0)}')")
    work = tmp_path / WORK
    left = work / "fleetdata-work-of-a-killed-run"
    left.mkdir()
    (left / "back.csv").write_text("rows")
    held = os.open(work, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(ConfigurationError, match="Another run of retention has"):
        run(archive, path)
    os.close(held)
    assert run(archive, path).deleted == 1
    assert not left.exists()
