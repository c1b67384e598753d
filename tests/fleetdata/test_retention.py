"""A row leaves the database only after exactly that row was read back from S3, whatever happens in between."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.apply import Pace
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import DELETED, PLANNED, STOPPED
from archive_runs import Bucket
from archived_days import without_versions
from retention_runs import FRESH, RULE, archived, change, database, day, held, lost, run

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, value); CREATE INDEX d ON t (day);"
OLD, OLDER, YOUNG = day(100), day(101), day(1)


def filled(folder: Path, table: str = TABLE, *, rows: int = 50) -> Path:
    """A table with rows of two old days and of one that stays."""
    path = database(folder, table)
    change(path, "INSERT INTO t (day, value) VALUES (?, ?)", [(one, f"value {number}") for number in range(rows) for one in (OLD, OLDER, YOUNG)])
    return path


KINDS = [
    TABLE,
    "CREATE TABLE t (day TEXT, value)",
    "CREATE TABLE t (day TEXT, value, id INTEGER PRIMARY KEY)",
    "CREATE TABLE t (day TEXT, value TEXT COLLATE NOCASE, PRIMARY KEY (value, day)) WITHOUT ROWID",
    "CREATE TABLE t (day TEXT, value, twice AS (value || value), rowid INT, UNIQUE (value, day))",
]


@pytest.mark.parametrize("table", KINDS)
def test_cs32_cs35_f48_what_was_read_back_goes_and_the_rest_stays(archive: Archive, tmp_path: Path, table: str) -> None:
    path = filled(tmp_path, table)
    before = held(path)
    said = run(archive, path, check=True)
    assert held(path) == before
    assert not Bucket(archive).versions()
    assert [(result.day, result.status, result.planned) for result in said.results] == [(OLDER, PLANNED, 50), (OLD, PLANNED, 50)]
    done = run(archive, path)
    assert [(result.day, result.status, result.deleted, result.reason) for result in done.results] == [(OLDER, DELETED, 50, ""), (OLD, DELETED, 50, "")]
    assert [(one.planned, one.bytes, one.proof) for one in done.results] == [(one.planned, one.bytes, one.proof) for one in said.results]
    assert all(result.uri.startswith(f"s3://{archive.bucket}/_rows/app/t/") and result.version_id and result.sha256 for result in done.results)
    left = held(path)
    assert sum(left.values()) == 50
    assert archived(archive) == before - left
    Bucket(archive).check_whole()
    assert run(archive, path).results == ()


def test_cs32_rows_that_come_late_are_archived_as_a_revision_and_go(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    before = held(path)
    late = [(OLDER, "late"), (OLDER, None)]
    report = run(archive, path, happens={FRESH: lambda key: change(path, "INSERT INTO t (day, value) VALUES (?, ?)", late)})
    assert [(one.day, one.status, one.planned, one.deleted, one.revision) for one in report.results] == [(OLDER, DELETED, 50, 52, 2), (OLD, DELETED, 50, 50, 1)]
    assert not lost(archive, path, before)
    assert sum(archived(archive).values()) == 102
    change(path, "INSERT INTO t (day, value) VALUES (?, ?)", [(OLDER, "weeks later")])
    assert [(one.deleted, one.revision) for one in run(archive, path).results] == [(1, 3)]
    assert sum(archived(archive).values()) == 103


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (f"UPDATE t SET value = 'other' WHERE value = 'value 49' AND day = '{OLDER}'", "was changed since it was archived"),
        (f"UPDATE t SET value = CAST(value AS BLOB) WHERE value = 'value 0' AND day = '{OLDER}'", "was changed since it was archived"),
        (f"UPDATE t SET day = '{YOUNG}' WHERE value = 'value 7' AND day = '{OLDER}'", "was changed since it was archived"),
        (f"DELETE FROM t WHERE value = 'value 12' AND day = '{OLDER}'", "is not there any more"),
    ],
)
def test_cs32_f48_a_row_that_changed_meanwhile_stops_its_day_and_no_other(archive: Archive, tmp_path: Path, meanwhile: str, reason: str) -> None:
    path = filled(tmp_path)
    report = run(archive, path, happens={FRESH: lambda key: change(path, meanwhile)})
    stopped, gone = report.results
    assert (stopped.day, stopped.status, stopped.deleted) == (OLDER, STOPPED, 0)
    assert reason in stopped.reason
    assert (gone.day, gone.status) == (OLD, DELETED)
    before = held(path)
    assert {one.status for one in run(archive, path).results} == {DELETED}
    assert not lost(archive, path, before)


def test_cs32_a_column_that_is_added_meanwhile_stops_the_run(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    report = run(archive, path, happens={FRESH: lambda key: change(path, "ALTER TABLE t ADD COLUMN more DEFAULT 'precious'")})
    assert {(one.status, one.deleted) for one in report.results} == {(STOPPED, 0)}
    assert all("tables were changed" in one.reason for one in report.results)
    before = held(path)
    assert {one.status for one in run(archive, path).results} == {DELETED}
    assert not lost(archive, path, before)


def test_cs32_f48_an_object_that_is_swapped_meanwhile_stops_its_day(archive: Archive, tmp_path: Path) -> None:
    plain = without_versions(archive)
    path = filled(tmp_path)
    before = held(path)

    report = run(plain, path, happens={FRESH: lambda key: Bucket(plain).put(key, b"something else")})
    assert [(one.day, one.status, one.deleted) for one in report.results] == [(OLDER, STOPPED, 0), (OLD, DELETED, 50)]
    assert "is not what was proved" in report.results[0].reason
    again = run(plain, path)
    assert [(one.day, one.status, one.revision) for one in again.results] == [(OLDER, DELETED, 2)]
    assert not lost(plain, path, before)


def test_cs32_an_object_whose_version_is_deleted_meanwhile_stops_its_day(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    bucket = Bucket(archive)

    def remove(key: str) -> None:
        for version in bucket.client.list_object_versions(Bucket=archive.bucket)["Versions"]:
            if version["Key"] == key:
                bucket.client.delete_object(Bucket=archive.bucket, Key=key, VersionId=version["VersionId"])

    report = run(archive, path, happens={FRESH: remove})
    assert [(one.day, one.status, one.deleted) for one in report.results] == [(OLDER, STOPPED, 0), (OLD, DELETED, 50)]
    assert [(one.day, one.status, one.revision) for one in run(archive, path).results] == [(OLDER, DELETED, 2)]
    assert sum(archived(archive).values()) == 100


def test_cs32_rows_that_others_refer_to_stay(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    change(path, f"CREATE TABLE child (parent INT REFERENCES t (id)); INSERT INTO child SELECT max(id) FROM t WHERE day = '{OLDER}'")
    stopped, gone = run(archive, path).results
    assert (stopped.status, stopped.deleted, gone.status) == (STOPPED, 0, DELETED)
    assert "Rows of another table refer to rows of t" in stopped.reason


def test_cs32_s3_out_of_reach_deletes_nothing(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    before = held(path)
    report = run(dataclasses.replace(archive, bucket="not-there-at-all"), path)
    assert {(one.status, one.deleted) for one in report.results} == {(STOPPED, 0)}
    assert "It was not tried" in report.results[1].reason
    assert held(path) == before


def test_cs32_without_proof_only_as_acknowledged_and_nothing_is_sent(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    report = run(archive, path, tables={"t": {**RULE, "proof": "none", "acknowledged": "Ops: nobody needs them"}})
    assert [(one.status, one.deleted, one.proof, one.uri) for one in report.results] == [(DELETED, 50, "none", "")] * 2
    assert not Bucket(archive).versions()


def test_cs34_f49_a_database_that_others_hold_is_waited_for_and_then_left(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        report = run(archive, path, busy_seconds=0.1)
    assert {(one.status, one.deleted) for one in report.results} == {(STOPPED, 0)}
    assert "locked" in report.results[0].reason
    assert {one.status for one in run(archive, path).results} == {DELETED}


def test_cs32_what_was_committed_before_a_changed_row_stays_deleted_and_is_archived(archive: Archive, tmp_path: Path) -> None:
    path = filled(tmp_path, rows=700)
    before = held(path)
    report = run(archive, path, happens={FRESH: lambda key: change(path, f"UPDATE t SET value = 1 WHERE value = 'value 699' AND day = '{OLDER}'")})
    stopped, gone = report.results
    assert (stopped.status, gone.deleted) == (STOPPED, 700)
    assert 0 < stopped.deleted < 700
    assert sum(held(path).values()) == 2100 - stopped.deleted - gone.deleted
    assert {line for line in lost(archive, path, before) if b"value 699" not in line} == set()
    (again,) = run(archive, path).results
    assert (again.status, again.deleted, again.revision) == (DELETED, 700 - stopped.deleted, 2)


def test_cs34_f49_a_transaction_is_short_and_others_get_in_after_it() -> None:
    pauses: list[float] = []
    pace = Pace(clock=lambda: 0, sleep=pauses.append)
    sizes = []
    for seconds in (0.2, 0.2, 0.2, 0.2, 0.03, 0.001, 0, *[0.001] * 12):
        pace.took(seconds)
        sizes.append(pace.rows)
    assert sizes[:7] == [100, 50, 25, 20, 20, 40, 80]
    assert sizes[-1] == 20000
    assert pauses[:6] == [0.11, 0.11, 0.11, 0.11, 0.03, 0.03]
    pace.took(0.6)
    pace.took(0.01, waited=0.02)  # others had more to write
    assert pauses[-2:] == [0.6 / 3, 0.11]
