"""The import into SQLite: one transaction a file, once per content, nothing lost (CS-26, CS-28, CS-33, W-29)."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from catscan import importer
from catscan.generate import generate
from catscan.settings import Settings

APPLICATION = Path(importer.__file__).parents[1]
REPORTS = [f"catscan-{name}-2026-11-20.csv" for name in ("funnel-geo", "funnel-publishers", "performance")]


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(settings.database)) as connection:
        return connection.execute(sql).fetchall()


def command(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "catscan.importer", *arguments],
        cwd=APPLICATION,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_cs26_cs28_one_day_of_each_type_reaches_its_tables(settings: Settings, one_day: date) -> None:
    summary = importer.run(settings)
    assert (summary.ok, summary.count("imported")) == (True, 3)
    assert query(settings, "SELECT day, count(*) FROM rtb_daily") == [("2026-11-20", 40)]
    assert query(settings, "SELECT dimension, count(*) FROM rtb_funnel GROUP BY 1") == [("geo", 40), ("publisher", 40)]
    assert query(settings, "SELECT DISTINCT date FROM performance_metrics") == [("2026-11-20",)]
    totals = "sum(reached_queries), sum(impressions), sum(clicks), sum(spend_micros)"
    assert query(settings, f"SELECT {totals} FROM performance_metrics") == query(settings, f"SELECT {totals} FROM rtb_daily")
    assert names(settings.done) == REPORTS
    assert query(settings, "PRAGMA journal_mode") == [("wal",)]


def test_the_same_content_is_imported_once_and_recorded_each_time(settings: Settings, one_day: date) -> None:
    importer.run(settings)
    before = query(settings, "SELECT * FROM rtb_daily")
    generate(first=one_day, days=1, rows=40, seed=1, out=settings.imports)
    summary = importer.run(settings)
    assert (summary.ok, summary.count("skipped"), summary.count("imported")) == (True, 3, 0)
    assert query(settings, "SELECT * FROM rtb_daily") == before
    assert query(settings, "SELECT status, count(*) FROM import_history GROUP BY 1") == [("imported", 3), ("skipped", 3)]
    assert importer.waiting(settings) == []


def test_a_corrected_report_replaces_its_day_and_no_other(settings: Settings, one_day: date) -> None:
    generate(first=date(2026, 11, 21), days=1, rows=40, seed=1, out=settings.imports)
    importer.run(settings)
    generate(first=one_day, days=1, rows=7, seed=2, out=settings.imports)
    replaced = {outcome.report_type: outcome.rows_replaced for outcome in importer.run(settings).files}
    assert replaced == {"performance": 40, "funnel-geo": 40, "funnel-publishers": 40}
    assert query(settings, "SELECT day, count(*) FROM rtb_daily GROUP BY 1") == [("2026-11-20", 7), ("2026-11-21", 40)]
    assert query(settings, "SELECT count(*) FROM rtb_funnel WHERE day = '2026-11-20'") == [(14,)]
    assert len(names(settings.done)) == 9, "both versions of the day are kept"


def test_w29_a_name_that_contradicts_the_content_is_quarantined(settings: Settings, one_day: date) -> None:
    (settings.imports / "catscan-performance-2026-11-20.csv").rename(settings.imports / "catscan-performance-2026-11-22.csv")
    summary = importer.run(settings)
    assert not summary.ok
    reason = (settings.quarantine / "catscan-performance-2026-11-22.csv.reason.txt").read_text()
    assert "row 2, column 'Day': 2026-11-20 is not the day 2026-11-22" in reason
    assert query(settings, "SELECT count(*) FROM rtb_daily") == [(0,)]


def test_a_bad_file_is_quarantined_whole_and_the_good_ones_are_imported(settings: Settings, one_day: date, environment: Mapping[str, str]) -> None:
    bad = settings.imports / "catscan-performance-2026-11-20.csv"
    lines = bad.read_text().splitlines()
    lines[-1] = lines[-1].rsplit(",", 1)[0] + ",-3"
    bad.write_text("\n".join(lines))
    result = command(environment)
    assert result.returncode == 1
    assert "imported 2 file(s) with 80 row(s), skipped 0, quarantined 1, left 0" in result.stdout
    assert "catscan-performance-2026-11-20.csv: row 41, column 'Spend': '-3' must be an amount" in result.stderr
    assert "Traceback" not in result.stderr
    assert query(settings, "SELECT count(*) FROM rtb_daily") == [(0,)], "not one row of a bad file"
    assert names(settings.quarantine) == [bad.name, f"{bad.name}.reason.txt"]
    assert command(environment).returncode == 0, "the next run has nothing against it"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"", "row 1: is missing"),
        (b"Day,Country\n", "row 1: the header"),
    ],
)
def test_bytes_that_are_no_report_are_quarantined(settings: Settings, content: bytes, reason: str) -> None:
    (settings.imports / "catscan-funnel-geo-2026-11-20.csv").write_bytes(content)
    (outcome,) = importer.run(settings).files
    assert outcome.status == "quarantined" and reason in outcome.reason


def test_a_repeated_key_names_its_row(settings: Settings, one_day: date) -> None:
    path = settings.imports / "catscan-funnel-geo-2026-11-20.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    reasons = {outcome.file: outcome.reason for outcome in importer.run(settings).files}
    assert reasons[path.name] == "row 42: repeats the keys of an earlier row"


def test_sums_beyond_64_bits_are_refused(settings: Settings, one_day: date) -> None:
    path = settings.imports / "catscan-performance-2026-11-20.csv"
    row = "2026-11-20,7,{},300x250,DE,9223372036854775807,0,0,0"
    path.write_text("\n".join([path.read_text().splitlines()[0], row.format(1), row.format(2)]))
    reasons = {outcome.file: outcome.reason for outcome in importer.run(settings).files}
    assert "do not fit into 64 bits" in reasons[path.name]
    assert query(settings, "SELECT count(*) FROM rtb_daily") == [(0,)]


def test_a_link_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("private")
    (settings.imports / "catscan-performance-2026-11-20.csv").symlink_to(tmp_path / "elsewhere")
    (outcome,) = importer.run(settings).files
    assert (outcome.status, outcome.reason) == ("quarantined", "it is not a regular file")
    assert (tmp_path / "elsewhere").read_text() == "private"


def test_a_file_that_is_still_uploaded_is_left(settings: Settings) -> None:
    part = settings.imports / "catscan-performance-2026-11-20.csv.part"
    part.write_text("Day,Bill")
    assert importer.run(settings).files == ()
    assert part.exists()


def test_a_corrected_file_of_a_quarantined_name_is_imported(settings: Settings, one_day: date) -> None:
    path = settings.imports / "catscan-performance-2026-11-20.csv"
    good = path.read_text()
    path.write_text("broken")
    importer.run(settings)
    path.write_text(good)
    assert importer.run(settings).count("imported") == 1


def test_killed_after_the_commit_the_next_run_only_moves_the_file(settings: Settings, one_day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(importer, "_move", killed)
        importer.run(settings)
    assert len(importer.waiting(settings)) == 3
    summary = importer.run(settings)
    assert [outcome.status for outcome in summary.files] == ["skipped", "imported", "imported"]
    assert query(settings, "SELECT count(*) FROM rtb_funnel WHERE dimension = 'geo'") == [(40,)]
    assert names(settings.done) == REPORTS


def test_two_imports_never_run_at_once(settings: Settings, one_day: date, environment: Mapping[str, str]) -> None:
    with (settings.imports / ".importer.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        result = command(environment)
    assert result.returncode == 2
    assert "another import" in result.stderr and "Traceback" not in result.stderr
    assert len(importer.waiting(settings)) == 3


def test_w5_the_job_learns_what_was_moved(one_day: date, environment: Mapping[str, str], tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    assert command({**environment, "STEADY_JOB_COUNTS": str(counts)}).returncode == 0
    assert counts.read_text() == "rows=120 files=3 quarantined=0\n"


def test_json_tells_every_file(one_day: date, environment: Mapping[str, str]) -> None:
    answer = json.loads(command(environment, "--json").stdout)
    assert (answer["ok"], answer["imported"], answer["rows"]) == (True, 3, 120)
    assert [entry["file"] for entry in answer["files"]] == REPORTS


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CATSCAN_DATABASE", "", "CATSCAN_DATABASE is not set"),
        ("CATSCAN_DATABASE", "catscan.db", "not an absolute path"),
        ("CATSCAN_IMPORTS", "/nonexistent/imports", "does not exist"),
        ("CATSCAN_IMPORT_MAX_AGE_HOURS", "soon", "must be a number greater than 0"),
        ("CATSCAN_IMPORT_MAX_AGE_HOURS", "nan", "must be a number greater than 0"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(environment: Mapping[str, str], name: str, value: str, message: str) -> None:
    result = command({**environment, name: value})
    assert result.returncode == 2
    assert name in result.stderr and message in result.stderr and result.stderr.count("\n") == 1


def test_a_file_that_is_no_database_is_one_clear_sentence(settings: Settings, environment: Mapping[str, str]) -> None:
    settings.database.write_text("this is no database, though it is long enough to be looked at" * 20)
    result = command(environment)
    assert (result.returncode, result.stderr) == (2, "catscan.importer: file is not a database\n")


def test_a_database_of_a_newer_release_is_left_alone(settings: Settings, environment: Mapping[str, str], one_day: date) -> None:
    with closing(sqlite3.connect(settings.database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    result = command(environment)
    assert result.returncode == 2 and "schema version 99" in result.stderr
    assert len(importer.waiting(settings)) == 3


def test_cs33_import_history_keeps_every_run(settings: Settings, one_day: date) -> None:
    for _ in range(3):
        generate(first=one_day, days=1, rows=40, seed=1, out=settings.imports)
        importer.run(settings)
    assert query(settings, "SELECT count(*) FROM import_history") == [(9,)]


def test_reports_are_the_same_for_ever(tmp_path: Path) -> None:
    generate(first=date(2026, 11, 20), days=1, rows=2, seed=7, out=tmp_path)
    lines = (tmp_path / "catscan-performance-2026-11-20.csv").read_text().splitlines()
    assert lines[1:] == [
        "2026-11-20,71000000001,310000000,300x250,DE,57619,9793,15,6.252356",
        "2026-11-20,71000000001,310000000,300x250,US,11068,369,0,0.870829",
    ]
    assert not list(tmp_path.glob("*.part"))
