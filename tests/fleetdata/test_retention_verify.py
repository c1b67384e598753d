"""What left a database is verified at any time: every fault planted among its objects is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.keys import MANIFEST
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from archive_runs import Bucket
from archived_days import packed, without_versions
from command import answer, declare, fleetdata
from retention_runs import change, database, day, run

OLD, OLDER = day(100), day(103)


@pytest.fixture
def plain(archive: Archive, tmp_path: Path) -> Archive:
    """Three objects of rows of two days, in a bucket without versions."""
    one = without_versions(archive)
    path = database(tmp_path, f"CREATE TABLE t (day TEXT, a); INSERT INTO t VALUES ('{OLD}', 1), ('{OLDER}', 2), ('{day(0)}', 3)")
    run(one, path)
    change(path, f"INSERT INTO t VALUES ('{OLD}', 4)")
    run(one, path)
    return one


def test_cs37_rows_that_left_are_listed_verified_and_shown(plain: Archive, endpoint: str, tmp_path: Path) -> None:
    config = declare(plain, tmp_path)
    verified = answer("verify", "--config", config, "--rows", "app")
    assert {name: verified["summary"][name] for name in ("days", "objects", "rows", "faults")} == {"days": 2, "objects": 3, "rows": 3, "faults": 0}
    assert answer("verify", "--config", config, "--rows", "app", "--deep", "--report", "t")["summary"]["faults"] == 0
    assert [(one["report"], one["day"], one["revision"]) for one in answer("ls", "--config", config, "--rows", "app")["files"]] == [
        ("t", OLDER, 1), ("t", OLD, 1), ("t", OLD, 2),
    ]  # fmt: skip
    assert fleetdata("calendar", "--config", config, "--rows", "app").returncode == errors.OK
    assert answer("verify", "--config", config, code=errors.INCOMPLETE)["files"] == []
    assert "Name a database" in fleetdata("verify", "--config", config, "--rows", "other").stderr


FAULTS: dict[str, Callable[[Bucket, str], object]] = {
    "a bit": lambda bucket, key: bucket.put(key, bytes([bucket.body(key)[0] ^ 1]) + bucket.body(key)[1:]),
    "cut": lambda bucket, key: bucket.put(key, bucket.body(key)[:-3]),
    "swapped": lambda bucket, key: bucket.put(key, packed(b"rowid,day,a,_types\n")),
    "empty": lambda bucket, key: bucket.put(key, b""),
    "deleted": lambda bucket, key: bucket.client.delete_object(Bucket=bucket.archive.bucket, Key=key),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ["object", "manifest", "schema"])
def test_f48_every_fault_among_rows_is_found(plain: Archive, endpoint: str, tmp_path: Path, fault: str, what: str) -> None:
    bucket, config = Bucket(plain), declare(plain, tmp_path)
    (schema,) = (key for key in bucket.versions() if ".schema/" in key)
    keys = {"object": sorted(bucket.manifests()), "manifest": [key + MANIFEST for key in sorted(bucket.manifests())], "schema": [schema]}[what]
    for key in dict.fromkeys((keys[0], keys[-1])):
        before = bucket.body(key)
        FAULTS[fault](bucket, key)
        told = fleetdata("verify", "--config", config, "--rows", "app")
        if (what, fault) == ("schema", "deleted"):
            assert told.returncode == errors.OK  # nothing that was proved; the next run writes it again
        else:
            assert told.returncode == errors.DAMAGED, told.stdout
            assert key.removesuffix(MANIFEST) in told.stdout
        bucket.put(key, before)
    assert fleetdata("verify", "--config", config, "--rows", "app").returncode == errors.OK
