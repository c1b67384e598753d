"""What S3 gives back is not what was sent, or it fails: the source stays, nothing wrong ever counts, and the next run puts it right."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import content, gz
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import CONFLICT, DAMAGED, FAILED, UPLOADED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, connect
from archive_runs import Bucket, client, predicted_and_done, run
from botocore.httpsession import URLLib3Session
from csv_files import csv_bytes, large_csv, write_csv

KEY = "performance/2026/01/31/catscan-performance-2026-01-31.csv.gz"
SECOND = KEY.replace(".csv", ".r2.csv")


def _flipped(body: bytes) -> bytes:
    return body[:40] + bytes([body[40] ^ 1]) + body[41:]


def _other(_body: bytes) -> bytes:
    compressor = gz.Compressor("fast")
    return compressor.compress(csv_bytes(clicks=999)) + compressor.flush()


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "a bit": _flipped,
    "the end is missing": lambda body: body[:-9],
    "nothing": lambda _body: b"",
    "something behind it": lambda body: body + b"\0",
    "another report": _other,
}


class Distorting(Store):
    """A bucket that gives objects, not manifests, back altered."""

    def __init__(self, archive: Archive, alter: Callable[[bytes], bytes]) -> None:
        super().__init__(client=client(archive.endpoint_url), bucket=archive.bucket)
        self._alter = alter

    @contextmanager
    def read(self, *, key: str, version_id: str = "") -> Iterator[Any]:
        with super().read(key=key, version_id=version_id) as stream:
            if not key.endswith(".gz"):
                yield stream
                return
            blocks = iter([self._alter(b"".join(stream))])

            class Altered(Iterator[bytes]):
                version_id, metadata = stream.version_id, stream.metadata

                def __next__(self) -> bytes:
                    return next(blocks)

            yield Altered()


@pytest.mark.parametrize("fault", FAULTS)
def test_f46_an_object_that_reads_back_wrong_never_counts(archive: Archive, tmp_path: Path, fault: str) -> None:
    """The source stays, the object is marked, and the next run uses the next revision, though revisions are off."""
    archive = dataclasses.replace(archive, delete_source=True)
    path, bucket = write_csv(tmp_path), Bucket(archive)
    (outcome,) = run(archive, path, store=Distorting(archive, FAULTS[fault]))
    assert (outcome.status, outcome.deleted, path.exists()) == (DAMAGED, False, True)
    assert outcome.version_id in outcome.reason
    assert f"s3://{archive.bucket}/{KEY}" in outcome.reason
    assert [(manifest["verified"], manifest["reason"] != "") for manifest in bucket.manifests().values()] == [(False, True)]
    (again,) = predicted_and_done(archive, path)
    assert (again.status, again.revision, again.deleted) == (UPLOADED, 2, True)
    assert bucket.contents() == {SECOND: csv_bytes()}
    bucket.check_whole()


@pytest.mark.parametrize(("fault", "status", "revision"), [("the end is missing", UPLOADED, 2), ("another report", CONFLICT, 1)])
def test_an_object_without_manifest_that_holds_something_else(archive: Archive, tmp_path: Path, fault: str, status: str, revision: int) -> None:
    """What a killed archiver left: nothing that can be unpacked is marked and passed over; another content is not."""
    plain = connect(archive=archive)
    plain.put_new(key=KEY, body=FAULTS[fault](_other(b"")))
    (outcome,) = predicted_and_done(archive, write_csv(tmp_path))
    assert (outcome.status, outcome.revision) == (status, revision)
    if status == CONFLICT:
        assert "has no manifest" in outcome.reason
    else:
        assert Bucket(archive).contents() == {SECOND: csv_bytes()}
        Bucket(archive).check_whole()
    (corrected,) = predicted_and_done(dataclasses.replace(archive, revisions=True), write_csv(tmp_path, clicks=5))
    assert corrected.revision == revision + 1


def test_a_manifest_that_was_altered_is_no_proof(archive: Archive, tmp_path: Path) -> None:
    """It cannot be told what is archived there, so nothing is uploaded over it and no source goes."""
    run(archive, write_csv(tmp_path))
    bucket, manifest = Bucket(archive), f"{KEY}.manifest.json"
    body = bucket.body(manifest)
    bucket.put(manifest, body.replace(b'"rows": 3', b'"rows": 4'))
    archive = dataclasses.replace(archive, delete_source=True)
    path = write_csv(tmp_path)
    (outcome,) = predicted_and_done(archive, path)
    assert (outcome.status, path.exists()) == (CONFLICT, True)
    assert "the manifest was altered" in outcome.reason


def test_nobody_answers(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that are left are not tried one by one."""
    paths = [write_csv(tmp_path, f"2026-01-{day:02d}") for day in range(1, 29)]
    asked = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    send_request = URLLib3Session.send
    monkeypatch.setattr(URLLib3Session, "send", lambda self, request: (asked.append(1), send_request(self, request))[1])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = dataclasses.replace(archive, endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        outcomes = run(gone, *paths)
    assert {outcome.status for outcome in outcomes} == {FAILED}
    assert [outcome.path for outcome in outcomes] == [str(path) for path in paths]
    assert len(asked) == 5
    assert all("S3 did not answer ListObjectsV2" in outcome.reason for outcome in outcomes)
    assert outcomes[-1].reason.startswith("It was not tried, as S3 failed before.")


class Refusing(Store):
    """A bucket that fails at its n-th write or read."""

    def __init__(self, archive: Archive, step: int) -> None:
        super().__init__(client=client(archive.endpoint_url), bucket=archive.bucket)
        self.left = step

    def _count(self) -> None:
        self.left -= 1
        if not self.left:
            raise StoreError("S3 failed.", kind="throttled")

    def __getattribute__(self, name: str) -> Any:
        if name in {"put_new", "begin", "put_part", "complete", "uploads", "list", "read", "abort"}:
            super().__getattribute__("_count")()
        return super().__getattribute__(name)


@pytest.mark.parametrize("large", [False, True])
def test_s3_fails_at_every_step(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    """The file is reported and stays, no upload is left under way, and one more run does it."""
    monkeypatch.setattr(content, "SMALL", 1 << 20)
    for step in range(1, 30):
        path = large_csv(tmp_path / "large.csv", megabytes=8) if large else write_csv(tmp_path)
        body = path.read_bytes()
        one = dataclasses.replace(archive, prefix=f"step-{step}/", delete_source=True)
        store = Refusing(one, step)
        (outcome,) = run(one, path, store=store)
        if store.left > 0:
            assert (outcome.status, outcome.deleted) == (UPLOADED, True)
            break
        if path.exists():
            assert (outcome.status, outcome.reason) == (FAILED, "S3 failed.")
            assert run(one, path)[0].deleted
        assert list(Bucket(one).contents().values()) == [body]
        Bucket(one).check_whole()
    assert step > (9 if large else 4)
