"""CS-17, CS-27, CS-32…CS-35, F48…F52: what a person, a job and a program see of ``fleetdata retain``."""

from __future__ import annotations

import dataclasses
import json
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from archive_runs import Bucket
from command import PROGRAM, answer, declare, environment, fleetdata
from retain_databases import DAILY, LOSS, OLD, OLDER, configured, made
from retention_runs import held

MANY = 30_000


def going(said: Any) -> list[tuple[Any, ...]]:
    """What goes, but for what became of it."""
    return [(row["database"], row["table"], row["day"], row["rows"], row["bytes"], row["proof"]) for row in said["files"]]


def test_f49_cs34_a_dry_run_prints_exactly_what_the_run_deletes(archive: Archive, tmp_path: Path) -> None:
    path = made(tmp_path, "catscan")
    config = configured(archive, tmp_path, catscan={"daily": DAILY})
    before = held(path, "daily")
    shown, planned = fleetdata("--config", config, "retain", "--dry-run"), answer("--config", config, "retain", "--dry-run")
    assert held(path, "daily") == before
    assert Bucket(archive).versions() == {}
    again = answer("--config", config, "retain", "--dry-run")
    assert again == planned
    done = answer("--config", config, "retain")
    assert going(done) == going(planned) == [("catscan", "daily", day, 3, 36, "rows") for day in (OLDER, OLD)]
    assert [row["status"] for row in planned["files"]] == ["planned"] * 2
    assert [(row["status"], row["deleted"]) for row in done["files"]] == [("deleted", 3)] * 2
    assert all(row["uri"].startswith(f"s3://{archive.bucket}/_rows/catscan/daily/") and row["sha256"] for row in done["files"])
    assert sum(held(path, "daily").values()) == 3
    assert [line.split() for line in shown.stdout.splitlines()[:3]] == [
        ["STATUS", "DATABASE", "TABLE", "DAY", "ROWS", "SIZE", "PROOF"],
        ["planned", "catscan", "daily", OLDER, "3", "36", "B", "rows"],
        ["planned", "catscan", "daily", OLD, "3", "36", "B", "rows"],
    ]
    assert shown.stdout.endswith(f"6 rows of 2 days would go (72 B), each once it is read back from s3://{archive.bucket}.\n")
    nothing = fleetdata("--config", config, "retain")
    assert (nothing.returncode, nothing.stdout.splitlines()[-1]) == (0, "Nothing has to go.")


def test_cs27_the_job_counts_rows_and_days(archive: Archive, tmp_path: Path) -> None:
    made(tmp_path, "catscan")
    config, counts = configured(archive, tmp_path, catscan={"daily": DAILY}), tmp_path / "counts"
    run = fleetdata("--config", config, "retain", "--dry-run", STEADY_JOB_COUNTS=str(counts))
    assert (run.returncode, counts.exists()) == (0, False)
    run = fleetdata("--config", config, "retain", STEADY_JOB_COUNTS=str(counts))
    assert counts.read_text() == "rows=6 days=2 stopped=0 refused=0\n"
    assert run.stdout.endswith(f"6 rows of 2 days went (72 B), each after it was read back from s3://{archive.bucket}.\n")


def test_cs32_one_database_that_is_refused_stops_no_other(archive: Archive, tmp_path: Path) -> None:
    for name in ("first", "second"):
        made(tmp_path, name)
    config = configured(archive, tmp_path, first={"daily": {**DAILY, "max_share": 0.3}}, gone={"daily": DAILY}, second={"daily": DAILY})
    run = fleetdata("--config", config, "retain")
    assert run.returncode == 2, "a database that is not there is a wrong declaration"
    assert "first.daily: 6 of the 9 rows of daily would go, which is 66.7%; one run may delete 30.0% (max_share)." in run.stdout
    assert f"gone: {tmp_path}/gone.db: there is no such database." in run.stdout
    assert run.stdout.splitlines()[-1].startswith("6 rows of 2 days went")
    assert run.stdout.splitlines()[-1].endswith(", 2 refused.")
    assert answer("--config", config, "retain", "first", code=8)["summary"]["refused"] == 1
    assert "--max-share 0.67." in fleetdata("--config", config, "retain", "first").stdout
    allowed = answer("--config", config, "retain", "first", "--max-share", "0.67")
    assert allowed["summary"]["rows"] == 6


def test_what_is_not_declared_is_named(archive: Archive, tmp_path: Path) -> None:
    made(tmp_path, "catscan")
    bare = declare(archive, tmp_path)
    assert "no file there declares retention. Let the role sqlite_retention write one." in fleetdata("--config", bare, "retain").stderr
    config = configured(archive, tmp_path, catscan={"daily": DAILY})
    run = fleetdata("--config", config, "retain", "catsan")
    assert (run.returncode, run.stderr) == (2, "fleetdata: There is no database 'catsan'; declared are catscan.\n")
    run = fleetdata("--config", config, "retain", "--max-share", "60")
    assert (run.returncode, "'60' is not a part such as 0.6" in run.stderr) == (2, True)


def test_f48_what_goes_without_a_proof_is_always_named_with_who_said_so(archive: Archive, tmp_path: Path) -> None:
    path = made(tmp_path, "catscan")
    config = configured(archive, tmp_path, catscan={"daily": {**DAILY, "proof": "none", "acknowledged": LOSS}})
    for options, words in (
        (("--dry-run",), "6 rows would go for good"),
        ((), "6 rows went for good"),
        ((), "0 rows went for good"),
    ):
        run = fleetdata("--config", config, "retain", *options)
        assert run.returncode == 0
        assert f"catscan.daily: {words}, without a proof (proof: none), as was acknowledged: {LOSS}\n" in run.stdout
    assert sum(held(path, "daily").values()) == 3
    assert Bucket(archive).versions() == {}


def test_s3_out_of_reach_is_7_and_each_reason_is_said_once(archive: Archive, tmp_path: Path) -> None:
    path = made(tmp_path, "catscan")
    before = held(path, "daily")
    config = configured(dataclasses.replace(archive, bucket="no-such-bucket-here"), tmp_path, catscan={"daily": DAILY})
    said = answer("--config", config, "retain", code=7)
    assert (said["ok"], said["summary"]["rows"], said["summary"]["stopped"]) == (False, 0, 2)
    assert held(path, "daily") == before
    run = fleetdata("--config", config, "retain")
    assert run.stdout.splitlines()[-1] == "Nothing went: 2 days stopped."


def test_help_is_whole() -> None:
    run = subprocess.run([*PROGRAM, "retain", "--help"], env=environment(), capture_output=True, text=True, check=True)
    assert "[--dry-run]" in run.stdout and "--max-share SHARE" in run.stdout and "  8    stayed" in run.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_f48_a_stop_ends_it_after_the_batch_under_way_and_tells_what_went(archive: Archive, tmp_path: Path, number: int, code: int) -> None:
    """Asked while it waits for a writer to delete its next batch."""
    path = made(tmp_path, "catscan")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO daily VALUES (?, ?)", [(day, n) for day in (OLDER, OLD) for n in range(MANY)])
    config = configured(archive, tmp_path, catscan={"daily": {**DAILY, "max_share": 1}})
    before = held(path, "daily")
    command = [*PROGRAM, "--config", str(config), "--json", "retain"]
    with (
        subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run,
        closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as writer,
    ):
        while of_day(writer, OLDER) == MANY + 3:
            assert run.poll() is None
        writer.execute("BEGIN IMMEDIATE")
        run.send_signal(number)
        writer.execute("ROLLBACK")
        assert run.stdout is not None
        said = json.load(run.stdout)
        assert run.wait(60) == code
    left = held(path, "daily")
    gone = sum((before - left).values())
    assert 0 < gone == said["summary"]["rows"] <= MANY + 3
    assert {row["day"] for row in said["files"]} == {OLDER}
    assert said["summary"]["left"] == 1
    assert not list((tmp_path / "catscan.db.retention").iterdir())
    assert answer("--config", config, "retain")["summary"]["rows"] == 2 * MANY + 6 - gone
    assert sum(held(path, "daily").values()) == 3


def of_day(database: sqlite3.Connection, day: str) -> int:
    return int(database.execute("SELECT count(*) FROM daily WHERE day = ?", (day,)).fetchone()[0])
