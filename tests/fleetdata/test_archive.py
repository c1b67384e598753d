"""Files to S3 and what is said of them: the usual ways, the refused ones, and that nothing is ever overwritten."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import os
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import (
    CONFLICT,
    QUARANTINED,
    UNCHANGED,
    UPLOADED,
    Archive,
)
from archive_runs import NOON, Bucket, predicted_and_done, run
from botocore.httpsession import URLLib3Session
from csv_files import COLUMNS, csv_bytes, write_csv

KEY = "performance/2026/01/31/catscan-performance-2026-01-31.csv.gz"
SECOND = "performance/2026/01/31/catscan-performance-2026-01-31.r2.csv.gz"


def test_cs28_cs29_f44_a_report_is_archived_read_back_and_recorded(archive: Archive, tmp_path: Path) -> None:
    path = write_csv(tmp_path)
    (outcome,) = predicted_and_done(archive, path)
    body, content = Bucket(archive).body(KEY), path.read_bytes()
    version = Bucket(archive).client.head_object(Bucket=archive.bucket, Key=KEY)["VersionId"]
    assert dataclasses.asdict(outcome) == {
        "path": str(path),
        "report": "performance",
        "status": UPLOADED,
        "reason": "",
        "uri": f"s3://{archive.bucket}/{KEY}",
        "version_id": version,
        "revision": 1,
        "day": "2026-01-31",
        "rows": 3,
        "first_day": "2026-01-31",
        "last_day": "2026-01-31",
        "bytes": len(content),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "object_bytes": len(body),
        "object_sha256": hashlib.sha256(body).hexdigest(),
        "changed": True,
        "deleted": False,
    }
    manifest = Bucket(archive).manifests()[KEY]
    assert manifest["verified"] is True
    assert (manifest["version_id"], manifest["rows"], manifest["days"], manifest["columns"]) == (version, 3, {"2026-01-31": 3}, list(COLUMNS))
    assert (manifest["source_host"], manifest["source_path"], manifest["archived_at"]) == ("catscan-1", str(path), "2026-11-22T12:00:00Z")
    assert Bucket(archive).contents() == {KEY: content}
    Bucket(archive).check_whole()


def test_f45_the_same_content_is_unchanged_wherever_it_comes_from(archive: Archive, tmp_path: Path) -> None:
    run(archive, write_csv(tmp_path))
    before = Bucket(archive).versions()
    copy = tmp_path / "again.csv"
    copy.write_bytes(csv_bytes())
    outcomes = predicted_and_done(dataclasses.replace(archive, compression="small", revisions=True), write_csv(tmp_path), copy)
    assert [(outcome.status, outcome.revision, outcome.changed) for outcome in outcomes] == [(UNCHANGED, 1, False)] * 2
    assert Bucket(archive).versions() == before


def test_f45_another_content_is_a_conflict_and_overwrites_nothing(archive: Archive, tmp_path: Path) -> None:
    run(archive, write_csv(tmp_path))
    (outcome,) = predicted_and_done(archive, write_csv(tmp_path, clicks=8))
    assert outcome.status == CONFLICT
    assert outcome.uri == f"s3://{archive.bucket}/{KEY}"
    assert "Another content is archived: 3 rows" in outcome.reason
    assert Bucket(archive).contents() == {KEY: csv_bytes()}
    Bucket(archive).check_whole()


def test_f47_a_corrected_report_is_the_next_revision(archive: Archive, tmp_path: Path) -> None:
    archive = dataclasses.replace(archive, revisions=True)
    run(archive, write_csv(tmp_path))
    (second,) = predicted_and_done(archive, write_csv(tmp_path, clicks=8))
    (third,) = predicted_and_done(archive, write_csv(tmp_path, clicks=9))
    (first,) = predicted_and_done(archive, write_csv(tmp_path))
    assert [(outcome.status, outcome.revision) for outcome in (second, third, first)] == [(UPLOADED, 2), (UPLOADED, 3), (UNCHANGED, 1)]
    assert second.uri == f"s3://{archive.bucket}/{SECOND}"
    assert second.reason == "It supersedes revision 1 (3 rows), which stays."
    assert first.reason == "It is revision 1 of 2026-01-31; revision 3 came after it and counts."
    assert Bucket(archive).contents() == {KEY: csv_bytes(), SECOND: csv_bytes(clicks=8), KEY.replace(".csv", ".r3.csv"): csv_bytes(clicks=9)}
    Bucket(archive).check_whole()


def test_w29_files_of_one_day_in_one_run_are_taken_in_their_order(archive: Archive, tmp_path: Path) -> None:
    """Same day three times: the first wins, its copy is unchanged, the third conflicts; in a check as in a run."""
    paths = [tmp_path / name for name in ("c.csv", "b.csv", "a.csv")]
    for path, clicks in zip(paths, (1, 1, 2), strict=True):
        path.write_bytes(csv_bytes(clicks=clicks))
    outcomes = predicted_and_done(archive, *paths)
    assert [outcome.status for outcome in outcomes] == [UPLOADED, UNCHANGED, CONFLICT]


def test_w29_a_file_of_another_day_than_it_begins_with(archive: Archive, tmp_path: Path) -> None:
    """report_day: last, the rows not in order: the key is of the last day, and still after the earlier file of that day."""
    late = dataclasses.replace(archive.reports["performance"], report_day="last")
    archive = dataclasses.replace(archive, reports={"performance": late}, revisions=True)
    mixed = tmp_path / "mixed.csv"
    mixed.write_bytes(csv_bytes("2026-01-30") + csv_bytes().split(b"\n", 1)[1])
    outcomes = predicted_and_done(archive, mixed, write_csv(tmp_path))
    assert [(outcome.day, outcome.revision, outcome.first_day, outcome.last_day) for outcome in outcomes] == [
        ("2026-01-31", 2, "2026-01-30", "2026-01-31"),
        ("2026-01-31", 1, "2026-01-31", "2026-01-31"),
    ]
    Bucket(archive).check_whole()


def test_an_empty_report_counts_as_no_rows(archive: Archive, tmp_path: Path) -> None:
    (outcome,) = predicted_and_done(archive, write_csv(tmp_path, rows=0))
    assert (outcome.status, outcome.rows, outcome.day, outcome.first_day) == (UPLOADED, 0, "2026-01-31", None)
    assert Bucket(archive).manifests()[KEY]["days"] == {}


def test_cs30_many_files_and_a_bad_one_among_them(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One list request for all of them, three requests a new file, one an unchanged file; the bad one stops nobody."""
    paths = [write_csv(tmp_path, f"2026-03-{day:02d}") for day in range(1, 13)]
    paths[7].write_bytes(b"Day,Clicks\n2026-03-08,1\n")
    requests: list[str] = []
    send = URLLib3Session.send
    monkeypatch.setattr(URLLib3Session, "send", lambda self, request: (requests.append(request.method), send(self, request))[1])
    outcomes = run(archive, *paths)
    assert sorted(requests) == ["GET"] * (1 + 11) + ["PUT"] * 22
    assert [outcome.status for outcome in outcomes] == [QUARANTINED if number == 7 else UPLOADED for number in range(12)]
    assert "catscan-performance-2026-03-08.csv" in outcomes[7].reason
    requests.clear()
    assert {outcome.status for outcome in run(archive, *paths)} == {UNCHANGED, QUARANTINED}
    assert requests == ["GET"] * (1 + 11)
    assert Bucket(archive).contents() == {outcome.uri.split("/", 3)[3]: Path(outcome.path).read_bytes() for outcome in outcomes if outcome.uri}
    Bucket(archive).check_whole()


# The file goes, stays, or is moved aside


def test_cs30_the_source_goes_once_its_archive_is_proved(archive: Archive, tmp_path: Path) -> None:
    archive = dataclasses.replace(archive, delete_source=True)
    path = write_csv(tmp_path)
    (outcome,) = predicted_and_done(archive, path)
    assert (outcome.status, outcome.deleted, path.exists()) == (UPLOADED, True, False)
    (again,) = predicted_and_done(archive, write_csv(tmp_path))
    assert (again.status, again.changed, again.deleted, path.exists()) == (UNCHANGED, True, True, False)
    (other,) = predicted_and_done(archive, write_csv(tmp_path, clicks=8))
    assert (other.status, other.deleted, path.exists()) == (CONFLICT, False, True)


@pytest.mark.parametrize("plant", ["flip", "delete", "replace"])
def test_no_source_goes_for_an_object_that_is_no_longer_good(archive: Archive, tmp_path: Path, plant: str) -> None:
    """What was archived once and is damaged, deleted or overwritten now: the content is archived anew, though revisions are off."""
    run(archive, write_csv(tmp_path))
    bucket = Bucket(archive)
    if plant == "delete":
        bucket.client.delete_object(Bucket=archive.bucket, Key=KEY)
    elif plant == "flip":
        damaged = bytearray(bucket.body(KEY))
        damaged[40] ^= 1
        bucket.client.delete_object(Bucket=archive.bucket, Key=KEY, VersionId=bucket.client.head_object(Bucket=archive.bucket, Key=KEY)["VersionId"])
        bucket.put(KEY, bytes(damaged))
    else:
        bucket.put(KEY, b"other")
    archive = dataclasses.replace(archive, delete_source=True)
    said = run(archive, write_csv(tmp_path), check=True)
    (outcome,) = run(archive, write_csv(tmp_path))
    assert (said[0].status, said[0].revision, said[0].uri) == (outcome.status, outcome.revision, outcome.uri)
    assert (outcome.status, outcome.revision, outcome.deleted) == (UPLOADED, 2, True)
    assert "Revision 1 cannot be relied on" in outcome.reason
    assert gzip.decompress(bucket.body(SECOND)) == csv_bytes()


def test_a_young_file_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    archive = dataclasses.replace(archive, settle_seconds=60, quarantine=str(tmp_path / "aside"))
    path = write_csv(tmp_path)
    os.utime(path, (NOON.timestamp() - 59, NOON.timestamp() - 59))
    (outcome,) = predicted_and_done(archive, path)
    assert (outcome.status, outcome.changed, path.exists()) == (QUARANTINED, False, True)
    assert "changed 59 s ago" in outcome.reason
    os.utime(path, (NOON.timestamp() - 60, NOON.timestamp() - 60))
    assert predicted_and_done(archive, path)[0].status == UPLOADED


def test_a_bad_file_is_moved_aside_with_its_reason(archive: Archive, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    archive = dataclasses.replace(archive, quarantine=str(aside))
    names = ["catscan-performance-2026-01-31.csv", "catscan-performance-2026-01-31.csv.1"]
    for name, clicks in zip(names, (1, 2), strict=True):
        path = write_csv(tmp_path, clicks=clicks)
        path.write_bytes(path.read_bytes()[:-1])
        bad = path.read_bytes()
        (outcome,) = predicted_and_done(archive, path)
        assert (outcome.status, outcome.changed, path.exists()) == (QUARANTINED, True, False)
        assert "does not end with a newline" in outcome.reason
        assert outcome.reason.endswith(f"Moved to {aside / name}.")
        assert (aside / name).read_bytes() == bad
        assert (aside / f"{name}.reason.txt").read_text() in outcome.reason + "\n" or "half written" in (aside / f"{name}.reason.txt").read_text()
    assert Bucket(archive).versions() == {}


def test_a_directory_that_takes_nothing(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "aside").write_text("a file")
    path = tmp_path / "bad.csv"
    path.write_bytes(b"no\n")
    (outcome,) = run(dataclasses.replace(archive, quarantine=str(tmp_path / "aside")), path)
    assert (outcome.status, outcome.changed, path.exists()) == (QUARANTINED, False, True)
    assert "It stays where it is" in outcome.reason


def test_what_is_no_plain_file_is_refused_and_stays(archive: Archive, tmp_path: Path) -> None:
    archive = dataclasses.replace(archive, quarantine=str(tmp_path / "aside"))
    link, folder, none = tmp_path / "link.csv", tmp_path / "folder.csv", tmp_path / "none.csv"
    link.symlink_to(write_csv(tmp_path))
    folder.mkdir()
    outcomes = predicted_and_done(archive, link, folder)
    assert [outcome.status for outcome in outcomes] == [QUARANTINED] * 2
    assert "it is a symbolic link" in outcomes[0].reason
    assert "it is a directory" in outcomes[1].reason
    (missing,) = run(archive, none)
    assert (missing.status, "No such file" in missing.reason) == ("failed", True)
    assert link.is_symlink()


def test_an_undeclared_report_is_refused_before_anything(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no report 'perfomance'; declared are funnel-geo"):
        run(archive, write_csv(tmp_path), report="perfomance")
