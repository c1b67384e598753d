"""Large files: sent in parts while they are checked, and no object and no upload left behind when they are not good."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import content
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import CONFLICT, FAILED, QUARANTINED, UNCHANGED, UPLOADED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Part, Store, connect
from archive_runs import Bucket, client, run
from csv_files import large_csv

KEY = "performance/2026/01/31/catscan-performance-2026-01-31.csv.gz"


@pytest.fixture(autouse=True)
def smaller_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest parts that S3 takes, so that small files are large."""
    monkeypatch.setattr(content, "SMALL", 1 << 20)


class Told:
    """Progress, and something to do when the first block was read."""

    def __init__(self, first: Any = None) -> None:
        self.bytes, self.first = 0, first

    def expect(self, *, files: int, bytes: int = 0) -> None:
        self.expected = (files, bytes)

    def moved(self, count: int) -> None:
        if not self.bytes and self.first:
            self.first()
        self.bytes += count

    def finished(self, name: str) -> None:
        self.name = name


def test_a_large_report_goes_up_in_parts(archive: Archive, tmp_path: Path) -> None:
    path, told = large_csv(tmp_path / "large.csv"), Told()
    (predicted,) = run(archive, path, check=True)
    (outcome,) = run(archive, path, progress=told)
    assert (outcome.status, outcome.reason, outcome.object_bytes > 8 << 20) == (UPLOADED, "", True)
    assert (predicted.status, predicted.uri, predicted.revision, predicted.rows) == (outcome.status, outcome.uri, outcome.revision, outcome.rows)
    assert (told.expected, told.bytes, told.name) == ((1, path.stat().st_size), path.stat().st_size, str(path))
    assert Bucket(archive).contents() == {KEY: path.read_bytes()}
    assert hashlib.sha256(Bucket(archive).body(KEY)).hexdigest() == outcome.object_sha256
    Bucket(archive).check_whole()
    (again,) = run(archive, path)
    assert (again.status, again.content_sha256) == (UNCHANGED, outcome.content_sha256)
    other = large_csv(tmp_path / "other.csv", seed=2)
    assert run(archive, other)[0].status == CONFLICT
    assert run(dataclasses.replace(archive, revisions=True), other)[0].revision == 2
    Bucket(archive).check_whole()


@pytest.mark.parametrize("end", [b"2026-01-31,1,2,3\n", b"2026-01-31,1,2,3,4,5", b"2026-02-01,1,2,3,4,5\n"])
def test_a_fault_at_the_very_end_leaves_nothing(archive: Archive, tmp_path: Path, end: bytes) -> None:
    """A narrow row, half a row, a row of another day: after megabytes were sent."""
    path = large_csv(tmp_path / "large.csv")
    with path.open("ab") as file:
        file.write(end)
    (outcome,) = run(archive, path)
    assert (outcome.status, path.exists()) == (QUARANTINED, True)
    assert Bucket(archive).versions() == {}
    Bucket(archive).check_whole()


def test_a_large_file_of_another_day_than_it_begins_with(archive: Archive, tmp_path: Path) -> None:
    report = dataclasses.replace(archive.reports["performance"], report_day="last")
    path = large_csv(tmp_path / "large.csv")
    with path.open("ab") as file:
        file.write(b"2026-02-01,1,2,3,4,5\n")
    (outcome,) = run(dataclasses.replace(archive, reports={"performance": report}), path)
    assert (outcome.status, outcome.day) == (UPLOADED, "2026-02-01")
    assert list(Bucket(archive).contents().values()) == [path.read_bytes()]
    Bucket(archive).check_whole()


@pytest.mark.parametrize("megabytes", [0, 12])
def test_a_file_that_grows_while_it_is_read(archive: Archive, tmp_path: Path, megabytes: int) -> None:
    path = large_csv(tmp_path / "large.csv", megabytes=megabytes)
    if not megabytes:
        path.write_bytes(path.read_bytes() + b"2026-01-31,1,2,3,4,5\n")
    archive = dataclasses.replace(archive, quarantine=str(tmp_path / "aside"), delete_source=True)

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"2026-01-31,1,2,3,4,5\n")

    (outcome,) = run(archive, path, progress=Told(grow))
    assert (outcome.status, outcome.changed, path.exists()) == (QUARANTINED, False, True)
    assert "changed while it was read" in outcome.reason
    assert Bucket(archive).versions() == {}
    Bucket(archive).check_whole()
    assert run(archive, path)[0].status == UPLOADED


def test_a_killed_predecessor_leaves_no_upload(archive: Archive, tmp_path: Path) -> None:
    store = connect(archive=archive)
    store.put_part(key=KEY, upload=store.begin(key=KEY), number=1, body=b"left behind")
    elsewhere = store.begin(key=f"{KEY}.another")
    assert run(archive, large_csv(tmp_path / "large.csv"))[0].status == UPLOADED
    assert [upload["UploadId"] for upload in Bucket(archive).client.list_multipart_uploads(Bucket=archive.bucket)["Uploads"]] == [elsewhere]


class Failing(Store):
    """A bucket that refuses a part, from the second on."""

    def put_part(self, *, key: str, upload: str, number: int, body: bytes) -> Part:
        if number > 1:
            raise StoreError("refused", kind="other")
        return super().put_part(key=key, upload=upload, number=number, body=body)


def test_a_part_that_fails_leaves_no_upload(archive: Archive, tmp_path: Path) -> None:
    path, threads = large_csv(tmp_path / "large.csv"), threading.active_count()
    (outcome,) = run(archive, path, store=Failing(client=client(archive.endpoint_url), bucket=archive.bucket))
    assert (outcome.status, outcome.reason) == (FAILED, "refused")
    Bucket(archive).check_whole()
    assert threading.active_count() == threads


@pytest.mark.parametrize("gone", ["at a part", "at the end"])
def test_an_upload_that_another_archiver_gave_up_is_begun_anew(archive: Archive, tmp_path: Path, gone: str) -> None:
    class Robbed(Store):
        robbed = False

        def _rob(self, key: str, upload: str) -> None:
            if not self.robbed:
                self.robbed = True
                self.abort(key=key, upload=upload)

        def put_part(self, *, key: str, upload: str, number: int, body: bytes) -> Part:
            if gone == "at a part":
                self._rob(key, upload)
            return super().put_part(key=key, upload=upload, number=number, body=body)

        def complete(self, *, key: str, upload: str, parts: Any) -> Any:
            if gone == "at the end":
                self._rob(key, upload)
            return super().complete(key=key, upload=upload, parts=parts)

    path = large_csv(tmp_path / "large.csv")
    store = Robbed(client=client(archive.endpoint_url), bucket=archive.bucket)
    (outcome,) = run(archive, path, store=store)
    assert (outcome.status, outcome.revision, store.robbed) == (UPLOADED, 1, True)
    assert Bucket(archive).contents() == {KEY: path.read_bytes()}
    Bucket(archive).check_whole()
