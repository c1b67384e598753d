"""The bucket over real HTTP: what is written once stays, and every refusal is a sentence."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import socket
import threading

import boto3
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import store as store_module
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, UploadGoneError, connect
from botocore.exceptions import ClientError, ResponseStreamingError
from s3_server import CREDENTIALS, s3

MIB = 1 << 20


def test_an_object_is_written_once(store: Store) -> None:
    first = store.put_new(key="a/b.csv.gz", body=b"one")
    assert first is not None
    assert store.put_new(key="a/b.csv.gz", body=b"two") is None
    assert store.fetch(key="a/b.csv.gz") == b"one"
    assert store.fetch(key="a/b.csv.gz", version_id=first.version_id) == b"one"
    assert [(version.key, version.version_id, version.latest, version.deleted, version.size) for version in store.versions(prefix="a/")] == [
        ("a/b.csv.gz", first.version_id, True, False, 3)
    ]


def test_of_writers_at_one_moment_one_wins(store: Store) -> None:
    """Eight threads, forty keys: one version each, and exactly one writer that was told it wrote."""
    won: list[int] = []

    def write() -> None:
        won.extend(number for number in range(40) if store.put_new(key=f"race/{number}", body=b"x"))

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(won) == list(range(40))
    assert len(list(store.versions(prefix="race/"))) == 40


def test_s3_keeps_the_checksum(store: Store, endpoint: str) -> None:
    store.put_new(key="a", body=b"one")
    digest = s3(endpoint).head_object(Bucket=store.bucket, Key="a", ChecksumMode="ENABLED")["ChecksumSHA256"]
    assert base64.b64decode(digest) == hashlib.sha256(b"one").digest()


def test_a_body_altered_on_the_way_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"s3://.*/a: S3 received other bytes at PutObject than were sent \(BadDigest\)"):
        store.put_new(key="a", body=b"one", sha256=hashlib.sha256(b"two").hexdigest())
    assert store.fetch(key="a") is None


def test_a_multipart_upload_is_an_object_only_when_complete(store: Store) -> None:
    body = os.urandom(5 * MIB) + b"end"
    upload = store.begin(key="big")
    parts = [store.put_part(key="big", upload=upload, number=number, body=part) for number, part in enumerate((body[: 5 * MIB], body[5 * MIB :]), 1)]
    assert list(store.list(prefix="big")) == []
    assert list(store.uploads(key="big")) == [upload]
    assert list(store.uploads(key="bi")) == []
    stored = store.complete(key="big", upload=upload, parts=parts)
    assert stored is not None
    with store.read(key="big", version_id=stored.version_id) as blocks:
        assert b"".join(blocks) == body
    assert [found.size for found in store.list(prefix="b")] == [len(body)]
    assert list(store.uploads(key="big")) == []


def test_a_complete_upload_overwrites_nothing(store: Store) -> None:
    upload = store.begin(key="big")
    part = store.put_part(key="big", upload=upload, number=1, body=b"late")
    store.put_new(key="big", body=b"first")
    assert store.complete(key="big", upload=upload, parts=[part]) is None
    assert store.fetch(key="big") == b"first"
    store.abort(key="big", upload=upload)
    store.abort(key="big", upload=upload)
    assert list(store.uploads(key="big")) == []


def test_an_upload_that_somebody_aborted_says_so(store: Store) -> None:
    upload = store.begin(key="big")
    part = store.put_part(key="big", upload=upload, number=1, body=b"x")
    store.abort(key="big", upload=upload)
    with pytest.raises(UploadGoneError):
        store.put_part(key="big", upload=upload, number=2, body=b"x")
    with pytest.raises(UploadGoneError):
        store.complete(key="big", upload=upload, parts=[part])


def test_what_is_missing(store: Store, archive: Archive) -> None:
    assert store.fetch(key="none") is None
    with pytest.raises(StoreError, match="not found") as missing, store.read(key="none") as blocks:
        list(blocks)
    assert missing.value.kind == "missing"
    nowhere = connect(archive=dataclasses.replace(archive, bucket="no-such-bucket-of-ours"))
    with pytest.raises(StoreError, match=r"s3://no-such-bucket-of-ours: there is no such bucket\. Create it"):
        nowhere.fetch(key="a")


def test_nobody_there(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        store = connect(archive=dataclasses.replace(archive, endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}"))
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
        with pytest.raises(StoreError, match=r"S3 did not answer PutObject \(EndpointConnectionError\) after all retries") as refused:
            store.put_new(key="a", body=b"")
    assert refused.value.kind == "unreachable"
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in str(refused.value)


def test_no_credentials(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(StoreError, match="no usable AWS credentials for ListObjectsV2") as refused:
        list(connect(archive=archive).list(prefix=""))
    assert refused.value.kind == "denied"


@pytest.mark.parametrize(
    ("code", "status", "kind", "said"),
    [
        ("AccessDenied", 403, "denied", r"S3 denied PutObject \(AccessDenied\)\. Give the host's role s3:PutObject there"),
        ("InvalidAccessKeyId", 403, "denied", "refused the credentials"),
        ("ExpiredToken", 400, "denied", "refused the credentials"),
        ("SlowDown", 503, "throttled", "Lower concurrency"),
        ("InternalError", 500, "unreachable", "Run again later"),
        ("", 502, "unreachable", "Run again later"),
        ("PermanentRedirect", 301, "other", "Correct region"),
        ("NoSuchBucket", 404, "missing", "there is no such bucket"),
        ("SomethingNew", 400, "other", r"S3 refused PutObject \(SomethingNew\)"),
    ],
)
def test_refusals(code: str, status: int, kind: str, said: str) -> None:
    """Whatever S3 answers: where, what, and what to do; nothing of its own text, which may name a key."""

    class Refusing:
        def put_object(self, **_arguments: object) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "canary"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")

    with pytest.raises(StoreError, match=said) as refused:
        Store(client=Refusing(), bucket="reports").put_new(key="a/b", body=b"")
    assert refused.value.kind == kind
    assert "s3://reports" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_write_that_races_is_tried_again() -> None:
    class Racing:
        def __init__(self, races: int) -> None:
            self.races = races

        def put_object(self, **_arguments: object) -> dict[str, str]:
            self.races -= 1
            if self.races < 0:
                return {"ETag": "e", "VersionId": "v"}
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}, "ResponseMetadata": {"HTTPStatusCode": 409}}, "PutObject")

    waits: list[float] = []
    stored = Store(client=Racing(3), bucket="reports", sleep=waits.append).put_new(key="a", body=b"")
    assert (stored and stored.version_id, waits) == ("v", [0.1, 0.2, 0.4])
    with pytest.raises(StoreError, match="another archiver"):
        Store(client=Racing(9), bucket="reports", sleep=waits.append).put_new(key="a", body=b"")


def test_a_read_that_breaks_is_resumed() -> None:
    """The rest is asked for, of the same object; a connection that breaks without progress is given up."""
    whole, asked = b"abcdefgh", []

    class Body:
        def __init__(self, start: int, end: int) -> None:
            self.start, self.end = start, end

        def iter_chunks(self, _size: int):
            yield from ([whole[self.start : self.end]] if self.end > self.start else [])
            if self.end < len(whole):
                raise ResponseStreamingError(error="cut")

        def close(self) -> None:
            pass

    class Cutting:
        def __init__(self, step: int) -> None:
            self.step = step

        def get_object(self, **arguments: object) -> dict[str, object]:
            asked.append(arguments)
            start = int(str(arguments.get("Range", "bytes=0-"))[6:-1])
            return {"ETag": "e", "Body": Body(start, start + self.step)}

    assert Store(client=Cutting(3), bucket="b", sleep=lambda _: None).fetch(key="k", version_id="v") == whole
    assert [(asking.get("Range"), asking.get("IfMatch"), asking["VersionId"]) for asking in asked] == [
        (None, None, "v"),
        ("bytes=3-", "e", "v"),
        ("bytes=6-", "e", "v"),
    ]
    with pytest.raises(StoreError, match="ResponseStreamingError"):
        Store(client=Cutting(0), bucket="b", sleep=lambda _: None).fetch(key="k")


def test_boto3_missing_or_too_old(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as missing:
        missing.setattr(store_module, "_HAS_BOTO3", False)
        with pytest.raises(ConfigurationError, match="boto3 is missing"):
            connect(archive=archive)

    def old(**_settings: object) -> None:
        raise TypeError("Got unexpected keyword argument 'request_checksum_calculation'")

    monkeypatch.setattr(store_module, "Config", old)
    with pytest.raises(ConfigurationError, match="boto3 is too old"):
        connect(archive=archive)
