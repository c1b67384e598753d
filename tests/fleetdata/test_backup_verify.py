"""Every fault that is planted in backups is found and named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import FOLDER
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.manifest import seal
from backup_runs import DAY, Bench, bench, change, database, folder
from s3_server import REGION, s3

KEY = "host-1/app/2026/11/23/app-20261123T120000Z.sqlite.gz"


def checked(host: Bench, **depth: Any) -> list[tuple[str, str, str]]:
    return [(each.stamp, each.status, each.reason) for each in verify.verify(context=host.context(), depth=verify.Depth(**depth))]


@pytest.fixture
def host(bucket: str, endpoint: str, tmp_path: Path) -> Bench:
    made = bench(bucket, endpoint, tmp_path)
    live = database(tmp_path / "live/app.db")
    made.run()
    change(live, "INSERT INTO entries VALUES ('a', 1), ('b', -1)")
    made.now += DAY
    made.run()
    return made


def flip(body: bytes) -> bytes:
    return body[:200] + bytes([body[200] ^ 1]) + body[201:]


def emptied(body: bytes) -> bytes:
    said = json.loads(body)
    del said["format"], said["manifest_sha256"]
    return seal({**said, "counts": {}})


def overwrite(key: str, change: Callable[[bytes], bytes]) -> Callable[[Any, str], None]:
    """Put other bytes in the place of an object, and delete its versions."""

    def plant(client: Any, bucket: str) -> None:
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for version in client.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]:
            if version["Key"] == key:
                client.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
        client.put_object(Bucket=bucket, Key=key, Body=change(body))

    return plant


def put_over(client: Any, bucket: str) -> None:
    body = client.get_object(Bucket=bucket, Key=KEY)["Body"].read()
    client.put_object(Bucket=bucket, Key=KEY, Body=body)


def swap(client: Any, bucket: str) -> None:
    other = client.get_object(Bucket=bucket, Key=KEY.replace("23", "22"))["Body"].read()
    client.put_object(Bucket=bucket, Key=KEY, Body=other)


def wrong_key(client: Any, bucket: str) -> None:
    manifest = ".manifest.json"
    client.copy_object(Bucket=bucket, Key=KEY + manifest, CopySource={"Bucket": bucket, "Key": KEY.replace("23", "22") + manifest})


FAULTS = {
    "bit flip, put over": (overwrite(KEY, flip), "was put over"),
    "truncated gzip": (overwrite(KEY, lambda body: body[:-20]), "bytes instead of"),
    "missing object": (lambda client, bucket: client.delete_object(Bucket=bucket, Key=KEY), "is missing"),
    "swapped object": (swap, "bytes instead of|was put over"),
    "put over": (put_over, "was put over"),
    "wrong key": (wrong_key, "put under a wrong key"),
    "manifest cut": (overwrite(f"{KEY}.manifest.json", lambda body: body[:50]), "not JSON"),
    "manifest altered": (overwrite(f"{KEY}.manifest.json", lambda body: body.replace(b'"accounts": 2', b'"accounts": 3')), "altered"),
    "empty backup": (overwrite(f"{KEY}.manifest.json", emptied), "an empty backup"),
    "empty object": (overwrite(KEY, lambda _: gzip.compress(b"")), "bytes instead of"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_f58_w18_every_planted_fault_is_found(host: Bench, endpoint: str, fault: str) -> None:
    assert [status for _, status, _ in checked(host, which=verify.ALL)] == ["good", "good"]
    plant, sentence = FAULTS[fault]
    plant(s3(endpoint), host.bucket)
    (stamp, status, reason), *more = checked(host)
    assert (stamp, status, more) == ("20261123T120000Z", "damaged", [])
    assert any(words in reason for words in sentence.split("|")), reason
    assert [status for _, status, _ in checked(host, which=verify.ALL)] == ["good", "damaged"]


def test_f58_a_bit_flip_in_a_bucket_without_versions_is_found(endpoint: str, tmp_path: Path) -> None:
    s3(endpoint).create_bucket(Bucket="unversioned", CreateBucketConfiguration={"LocationConstraint": REGION})
    host = bench("unversioned", endpoint, tmp_path)
    database(tmp_path / "live/app.db")
    host.run()
    overwrite(KEY.replace("23", "22"), flip)(s3(endpoint), "unversioned")
    ((_, status, reason),) = checked(host)
    assert (status, "is not what was proved at 2026-11-22" in reason) == ("damaged", True)


def test_cti30_an_old_newest_backup_is_told(host: Bench) -> None:
    host.now += DAY
    assert [status for _, status, _ in checked(host, max_age_hours=26)] == ["good"]
    host.now += DAY
    assert checked(host, max_age_hours=26)[-1][1:] == ("stale", "The newest backup of app is 48.0 hours old; 26 are allowed.")


def test_f56_nothing_to_check_is_no_success(bucket: str, endpoint: str, tmp_path: Path) -> None:
    assert checked(bench(bucket, endpoint, tmp_path)) == [("", "missing", "There is no backup of app.")]


def test_shop28_a_lost_and_a_damaged_file_of_a_folder_are_found(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER)
    folder(tmp_path / "live/recordings")
    host.run()
    assert [status for _, status, _ in checked(host)] == ["good"]
    key = next(key for key in host.seen() if "/objects/" in key)
    overwrite(key, lambda body: body[:-1])(s3(endpoint), bucket)
    ((_, status, reason),) = checked(host)
    assert (status, "1 of its files are damaged" in reason) == ("damaged", True)
    host.now += DAY
    (tmp_path / "live/recordings/more").write_text("more")
    assert host.run().files == 3, "the lost content is sent again, and the new one"
    assert checked(host)[-1][1] == "good"
