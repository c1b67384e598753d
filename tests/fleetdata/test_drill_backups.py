"""The drill brings the newest backup back, and finds every fault planted in it (CS-38, SHOP-27, W-17)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import backup_runs
import command
import drill_runs
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from archive_runs import NOON
from backup_runs import DAY, Bench, bench
from s3_server import REGION, s3

OLDER, NEWEST = (f"host-1/app/2026/11/{day}/app-202611{day}T120000Z.sqlite.gz" for day in (21, 22))


@pytest.fixture
def host(archive: Archive, tmp_path: Path) -> Bench:
    """Two backups, the newest of the drill's noon."""
    made = bench(archive.bucket, archive.endpoint_url, tmp_path)
    live = backup_runs.database(tmp_path / "live/app.db")
    made.now = NOON - DAY
    made.run()
    backup_runs.change(live, "INSERT INTO entries VALUES ('a', 1), ('b', -1)")
    made.now = NOON
    made.run()
    declare(archive, tmp_path, made)
    return made


def declare(archive: Archive, folder: Path, host: Bench, **drill: float) -> Path:
    """The backups alone: a host may have them and no archive."""
    backups = {
        "bucket": host.bucket, "region": REGION, "prefix": host.prefix, "endpoint_url": host.endpoint,
        "databases": {"app": {"database": host.subjects["app"].path}},
    }  # fmt: skip
    path = drill_runs.declare(archive, folder, backups=backups, **drill)
    path.unlink()
    return path


def test_cs38_the_newest_backup_and_an_older_one_come_back(host: Bench, tmp_path: Path) -> None:
    said = drill_runs.drill(tmp_path / "fleetdata.json")
    compared = [(check["day"], check["rows"]) for check in said["files"] if check["kind"] == "backup"]
    assert compared == [("2026-11-22", 6), ("2026-11-21", 4)]
    assert said["summary"]["newest"] == {"backup of app": "20261122T120000Z"}
    assert said["summary"]["faults"] == 0


def flipped_bit(body: bytes) -> bytes:
    return body[:200] + bytes([body[200] ^ 1]) + body[201:]


def truncated_gzip(body: bytes) -> bytes:
    return body[:-9]


def replace(host: Bench, body: bytes) -> None:
    """Other bytes in the newest backup's place, whose version is gone."""
    client = s3(host.endpoint)
    for version in client.list_object_versions(Bucket=host.bucket, Prefix=NEWEST)["Versions"]:
        if version["Key"] == NEWEST:
            client.delete_object(Bucket=host.bucket, Key=NEWEST, VersionId=version["VersionId"])
    client.put_object(Bucket=host.bucket, Key=NEWEST, Body=body)


@pytest.mark.parametrize("harm", [flipped_bit, truncated_gzip])
def test_w17_a_damaged_backup_is_found(host: Bench, tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    replace(host, harm(s3(host.endpoint).get_object(Bucket=host.bucket, Key=NEWEST)["Body"].read()))
    said = drill_runs.drill(tmp_path / "fleetdata.json", code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("backup", "2026-11-22"): "damaged"}


def test_w17_the_object_of_another_generation_is_found(host: Bench, tmp_path: Path) -> None:
    replace(host, s3(host.endpoint).get_object(Bucket=host.bucket, Key=OLDER)["Body"].read())
    said = drill_runs.drill(tmp_path / "fleetdata.json", code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("backup", "2026-11-22"): "damaged"}


def test_w17_the_manifest_of_another_key_is_found(host: Bench, tmp_path: Path) -> None:
    client = s3(host.endpoint)
    other = client.get_object(Bucket=host.bucket, Key=f"{OLDER}.manifest.json")["Body"].read()
    client.put_object(Bucket=host.bucket, Key=f"{NEWEST}.manifest.json", Body=other)
    said = drill_runs.drill(tmp_path / "fleetdata.json", code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("backup", "2026-11-22"): "damaged"}


def test_w17_a_stale_backup_is_found(archive: Archive, host: Bench, tmp_path: Path) -> None:
    client = s3(host.endpoint)
    for key in (NEWEST, f"{NEWEST}.manifest.json"):
        client.delete_object(Bucket=host.bucket, Key=key)
    said = drill_runs.drill(declare(archive, tmp_path, host, rpo_hours=23), code=errors.INCOMPLETE)
    assert drill_runs.faults(said) == {("limit", ""): "late"}
    assert said["files"][-1]["reason"] == "The newest backup of app that counts is 24.0 hours old, and may be 23 (rpo_hours)."


def test_w17_an_empty_backup_is_found(host: Bench, tmp_path: Path) -> None:
    """As an application makes one that starts with an empty folder: tables, and nothing in them."""
    backup_runs.change(Path(host.subjects["app"].path), "DELETE FROM entries; DELETE FROM accounts")
    host.now = NOON + DAY
    assert host.run().proved
    said = drill_runs.drill(tmp_path / "fleetdata.json", code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("backup", "2026-11-23"): "empty"}


def test_w17_no_backup_at_all_is_a_failure(archive: Archive, tmp_path: Path) -> None:
    host = bench(archive.bucket, archive.endpoint_url, tmp_path)
    said = drill_runs.drill(declare(archive, tmp_path, host), code=errors.INCOMPLETE)
    assert (drill_runs.faults(said), said["summary"]["compared"]) == ({("backup", ""): "missing"}, 0)


def test_what_is_restored_is_gone_from_the_host_after_the_drill(host: Bench, tmp_path: Path) -> None:
    assert command.fleetdata("--config", tmp_path / "fleetdata.json", "drill").stderr == ""
    assert not list((tmp_path / "drill/scratch").iterdir())
