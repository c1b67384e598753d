"""Rows that came out of a report go once the report, read back, has each of them; and triggers run on deletion only where they are acknowledged."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import DELETED, STOPPED
from archive_runs import Bucket
from archive_runs import run as archive_run
from csv_files import COLUMNS
from retention_runs import FRESH, RULE, change, database, day, held, run

OLD, OLDER = day(100), day(101)
PROVED = {
    **RULE,
    "proof": "report",
    "report": "performance",
    "columns": dict(zip(("day", "billing_id", "buyer", "clicks", "spend"), (*COLUMNS[:3], *COLUMNS[4:]), strict=True)),
    "derived": ["imported_at"],
}
TABLE = """
CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, billing_id INT, buyer TEXT, clicks, spend REAL, imported_at TEXT DEFAULT 'now', twice AS (clicks * 2));
"""


def reported(archive: Archive, folder: Path, its_day: str, *rows: str) -> None:
    """A report with these rows, archived."""
    path = folder / f"catscan-performance-{its_day}.csv"
    path.write_text("\n".join([",".join(COLUMNS), *(f"{its_day},{row}" for row in rows)]) + "\n")
    (outcome,) = archive_run(archive, path)
    assert outcome.status == "uploaded", outcome


def imported(path: Path, its_day: str, *rows: tuple[Any, ...]) -> None:
    change(path, "INSERT INTO t (day, billing_id, buyer, clicks, spend) VALUES (?, ?, ?, ?, ?)", [(its_day, *row) for row in rows])


def filled(archive: Archive, folder: Path) -> Path:
    """Two old days, both archived as reports, and a row of today."""
    path = database(folder, TABLE)
    for its_day in (OLDER, OLD):
        reported(archive, folder, its_day, "7,a,9,1,0.50", '8,"b, ""c""\n",9,2,1e3', "7,a,0,1,0.50", "9,,9,3,", "10,unused,9,1,1")
        imported(path, its_day, (7, "a", 1, 0.5), (8, 'b, "c"\n', "2", 1000), (7, "a", 1, 0.5), (9, None, 3, None))
    imported(path, day(0), (1, "newest", 1, 1))
    return path


def test_cs33_rows_that_the_report_has_go_and_nothing_is_sent(archive: Archive, tmp_path: Path) -> None:
    path, before = filled(archive, tmp_path), Bucket(archive).versions()
    report = run(archive, path, tables={"t": PROVED})
    assert [(one.day, one.status, one.deleted, one.proof, one.reason) for one in report.results] == [
        (OLDER, DELETED, 4, "report", ""),
        (OLD, DELETED, 4, "report", ""),
    ]
    assert all("/performance/" in one.uri and one.version_id and one.sha256 for one in report.results)
    assert sum(held(path).values()) == 1
    assert Bucket(archive).versions() == before


@pytest.mark.parametrize(
    ("row", "example"),
    [
        ((7, "a", 1, 0.5), "7,a,1,0.5"),  # a third one, the report has two
        ((7, "A", 1, 0.5), "7,A"),
        ((7, "a", 1, 0.51), "0.51"),
        ((7.5, "a", 1, 0.5), "7.5"),
        ((7, b"a", 1, 0.5), "61"),
    ],
)
def test_cs33_a_row_that_the_report_does_not_have_stops_its_day_and_stays(archive: Archive, tmp_path: Path, row: tuple[Any, ...], example: str) -> None:
    path = filled(archive, tmp_path)
    imported(path, OLDER, row)
    stopped, gone = run(archive, path, tables={"t": PROVED}).results
    assert (stopped.status, stopped.deleted, gone.status) == (STOPPED, 0, DELETED)
    assert "1 of these rows are not in s3://" in stopped.reason
    assert example in stopped.reason
    assert sum(held(path).values()) == 6


def test_cs33_a_time_of_day_is_not_in_the_report(archive: Archive, tmp_path: Path) -> None:
    path = filled(archive, tmp_path)
    change(path, f"UPDATE t SET day = '{OLD} 08:00' WHERE id = (SELECT max(id) FROM t WHERE day = '{OLD}')")
    assert [one.status for one in run(archive, path, tables={"t": PROVED}).results] == [DELETED, STOPPED]


def test_cs33_f48_a_report_that_is_damaged_missing_or_of_another_day_proves_nothing(archive: Archive, tmp_path: Path) -> None:
    path = filled(archive, tmp_path)
    imported(path, day(102), (7, "a", 1, 0.5))
    (key,) = (key for key in Bucket(archive).manifests() if OLDER in key)
    for version in Bucket(archive).client.list_object_versions(Bucket=archive.bucket, Prefix=key)["Versions"]:
        if version["Key"] == key:
            Bucket(archive).client.delete_object(Bucket=archive.bucket, Key=key, VersionId=version["VersionId"])
    missing, deleted, gone = run(archive, path, tables={"t": PROVED}).results
    assert [one.status for one in (missing, deleted, gone)] == [STOPPED, STOPPED, DELETED]
    assert f"The report performance of {day(102)} is not in the archive" in missing.reason
    assert "not found" in deleted.reason


def test_cs33_the_report_that_counts_is_the_one_that_proves(archive: Archive, tmp_path: Path) -> None:
    path = filled(archive, tmp_path)
    reported(dataclasses.replace(archive, revisions=True), tmp_path, OLD, "7,a,9,1,0.50")
    gone, stopped = run(archive, path, tables={"t": PROVED}).results
    assert (gone.status, stopped.status) == (DELETED, STOPPED)
    assert "3 of these rows are not in" in stopped.reason


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"report": "other"}, "The archive has no report 'other'"),
        ({"derived": []}, "imported_at of t would be lost: performance does not have it"),
        ({"derived": ["imported_at", "gone"]}, "t has no column 'gone'"),
        ({"columns": {"day": "Day", "buyer": "Nothing"}}, "has no column 'Nothing'"),
        ({"columns": {"buyer": COLUMNS[2]}}, "columns must say that day is 'Day'"),
    ],
)
def test_cs33_a_relation_that_cannot_be_is_refused(archive: Archive, tmp_path: Path, rule: dict[str, Any], reason: str) -> None:
    path = filled(archive, tmp_path)
    report = run(archive, path, check=True, tables={"t": {**PROVED, **rule}})
    assert not report.results
    assert reason in report.refused["t"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({**RULE, "report": "performance"}, r"tables\.t\.report: has no meaning where proof is rows"),
        ({**RULE, "proof": "report", "columns": {"day": "Day"}}, r"tables\.t\.report: is missing"),
        ({**PROVED, "columns": {}}, r"tables\.t\.columns: must be a mapping"),
        ({**PROVED, "columns": {"day": 7}}, r"tables\.t\.columns: must be text"),
        ({**RULE, "triggers": "all"}, r"tables\.t\.triggers: must be a list"),
    ],
)
def test_cs33_each_mistake_in_a_relation_is_named(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        parse_all({"app": {"database": "/x.db", "tables": {"t": rule}}}, "retention")


def test_cs33_a_row_that_comes_late_and_is_not_in_the_report_stays(archive: Archive, tmp_path: Path) -> None:
    path = filled(archive, tmp_path)
    stopped, gone = run(archive, path, tables={"t": PROVED}, happens={FRESH - 1: lambda key: imported(path, OLDER, (1, "late", 1, 1))}).results
    assert (stopped.status, stopped.deleted, gone.status) == (STOPPED, 4, DELETED)
    assert "late" in stopped.reason
    assert sum(held(path).values()) == 2


def test_cs36_only_acknowledged_triggers_run(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, f"CREATE TABLE t (day TEXT); CREATE TABLE gone (day); INSERT INTO t VALUES ('{OLD}'), ('{day(0)}')")
    change(path, "CREATE TRIGGER a AFTER DELETE ON t BEGIN INSERT INTO gone VALUES (old.day); END")
    for triggers, reason in {(): "run when a row is deleted (a)", ("b", "a"): "names a trigger 'b'"}.items():
        assert reason in run(archive, path, tables={"t": {**RULE, "triggers": list(triggers)}}).refused["t"]
    (result,) = run(archive, path, tables={"t": {**RULE, "triggers": ["a"]}}).results
    assert (result.status, result.deleted) == (DELETED, 1)
    with closing(sqlite3.connect(path)) as there:
        assert there.execute("SELECT day FROM gone").fetchall() == [(OLD,)]
