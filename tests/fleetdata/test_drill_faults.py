"""The drill finds every planted fault, passes what is whole, and takes nothing compared for a failure (CS-36, CS-53, W-17)."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drill_runs
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors, keys, manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archived_days import REPORT, client, described, put_day
from csv_files import csv_bytes
from drill_runs import DAYS, ago

REPORTS = (REPORT, "funnel-geo", "funnel-publishers")
FIRST, SECOND, THIRD = DAYS


class Bench:
    """Three due days of three reports, and ways to do harm to them."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self.archive, self.folder = archive, folder
        self.store = Store(client=client(archive.endpoint_url), bucket=archive.bucket)
        for report in REPORTS:
            for day in DAYS:
                put_day(self.store, archive, day, report=report)
        self.configuration = drill_runs.declare(archive, folder, importer=drill_runs.importer(folder))

    def key(self, day: str = SECOND, revision: int = 1) -> str:
        return keys.object_key(self.archive, report=REPORT, day=day, revision=revision)

    def get(self, key: str) -> bytes:
        body: bytes = client(self.archive.endpoint_url).get_object(Bucket=self.archive.bucket, Key=key)["Body"].read()
        return body

    def replace(self, key: str, body: bytes) -> None:
        """Put other bytes into the very version that was proved."""
        self.destroy(key)
        version = client(self.archive.endpoint_url).put_object(Bucket=self.archive.bucket, Key=key, Body=body)["VersionId"]
        said = manifest.parse(self.get(keys.manifest_key(key)), key=key)
        self.destroy(keys.manifest_key(key))
        renewed = described(self.archive, said.day, version_id=version)
        client(self.archive.endpoint_url).put_object(Bucket=self.archive.bucket, Key=keys.manifest_key(key), Body=manifest.render(renewed))

    def destroy(self, key: str) -> None:
        """All versions of a key."""
        for version in [one for one in self.store.versions(prefix=key) if one.key == key]:
            client(self.archive.endpoint_url).delete_object(Bucket=self.archive.bucket, Key=key, VersionId=version.version_id)

    def drill(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        return drill_runs.drill(self.configuration, *arguments, code=code)


@pytest.fixture
def bench(archive: Archive, tmp_path: Path) -> Bench:
    return Bench(archive, tmp_path)


def test_cs36_cs53_a_clean_archive_passes(bench: Bench) -> None:
    """Every day of every report came back, was compared, and was imported as the application does."""
    said = bench.drill()
    assert drill_runs.faults(said) == {}
    assert (said["ok"], said["summary"]["compared"], said["summary"]["rows"]) == (True, 9, 27)
    imported = [check for check in said["files"] if check["kind"] == "import"]
    assert [check["rows"] for check in imported] == [27]
    assert said["summary"]["newest"] == dict.fromkeys(REPORTS, THIRD)


def flipped_bit(bench: Bench) -> None:
    body = bytearray(bench.get(bench.key()))
    body[len(body) // 2] ^= 1
    bench.replace(bench.key(), bytes(body))


def truncated_gzip(bench: Bench) -> None:
    bench.replace(bench.key(), bench.get(bench.key())[:-9])


def missing_day(bench: Bench) -> None:
    for key in (bench.key(), keys.manifest_key(bench.key())):
        bench.destroy(key)


def stale_generation(bench: Bench) -> None:
    """A correction was taken away, so that what it corrected counts again."""
    put_day(bench.store, bench.archive, SECOND, revision=2, content=csv_bytes(SECOND, rows=5))
    for key in (bench.key(revision=2), keys.manifest_key(bench.key(revision=2))):
        client(bench.archive.endpoint_url).delete_object(Bucket=bench.archive.bucket, Key=key)


def another_generation(bench: Bench) -> None:
    """The bytes of an earlier generation, which unpack well."""
    bench.replace(bench.key(), gzip.compress(csv_bytes(SECOND, clicks=1), mtime=0))


def object_of_another_day(bench: Bench) -> None:
    bench.replace(bench.key(), bench.get(bench.key(FIRST)))


def manifest_of_another_day(bench: Bench) -> None:
    other = bench.get(keys.manifest_key(bench.key(FIRST)))
    bench.destroy(keys.manifest_key(bench.key()))
    client(bench.archive.endpoint_url).put_object(Bucket=bench.archive.bucket, Key=keys.manifest_key(bench.key()), Body=other)


def gone_for_good(bench: Bench) -> None:
    bench.destroy(bench.key())


PLANTED: dict[Callable[[Bench], None], tuple[str, int]] = {
    flipped_bit: ("damaged", errors.DAMAGED),
    truncated_gzip: ("damaged", errors.DAMAGED),
    missing_day: ("missing", errors.INCOMPLETE),
    stale_generation: ("hidden", errors.DAMAGED),
    another_generation: ("damaged", errors.DAMAGED),
    object_of_another_day: ("damaged", errors.DAMAGED),
    manifest_of_another_day: ("wrong_key", errors.DAMAGED),
    gone_for_good: ("deleted", errors.DAMAGED),
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_cs53_w17_every_planted_fault_is_found(bench: Bench, plant: Callable[[Bench], None]) -> None:
    """Where it is, and nothing else is; what is whole is compared all the same, and the fault is written down."""
    plant(bench)
    status, code = PLANTED[plant]
    said = bench.drill(code=code)
    assert drill_runs.faults(said) == {("report", SECOND): status}
    assert said["summary"]["compared"] == 8
    assert '"passed": false' in Path(said["summary"]["record"]).read_text()


def test_the_newest_day_that_is_late_is_found(bench: Bench) -> None:
    for report in REPORTS:
        for key in (keys.object_key(bench.archive, report=report, day=THIRD), keys.manifest_key(keys.object_key(bench.archive, report=report, day=THIRD))):
            bench.destroy(key)
    said = bench.drill(code=errors.INCOMPLETE)
    assert drill_runs.faults(said) == {("report", THIRD): "missing"}


def test_cs53_nothing_compared_is_a_failure(archive: Archive, tmp_path: Path) -> None:
    said = drill_runs.drill(drill_runs.declare(archive, tmp_path), code=errors.INCOMPLETE)
    assert (said["ok"], said["summary"]["compared"]) == (False, 0)


def test_an_archive_that_cannot_be_had_is_a_failure(archive: Archive, tmp_path: Path) -> None:
    gone = dataclasses.replace(archive, bucket=f"{archive.bucket}-gone")
    said = drill_runs.drill(drill_runs.declare(gone, tmp_path), code=errors.UNREACHABLE)
    assert drill_runs.faults(said) == {("reports", ""): "failed"} | {("record", ""): "failed"}


def test_an_importer_that_loses_a_row_is_found(bench: Bench) -> None:
    losing = drill_runs.IMPORTER.replace("for row in rows]", "for row in rows[1:]]")
    bench.configuration = drill_runs.declare(bench.archive, bench.folder, importer=drill_runs.importer(bench.folder, program=losing))
    said = bench.drill(code=errors.DAMAGED)
    (check,) = [check for check in said["files"] if check["kind"] == "import"]
    assert check["reason"].startswith(f"daily has 6 rows of {FIRST}; its archived reports have 9.")


def test_too_slow_a_recovery_is_a_failure(bench: Bench) -> None:
    bench.configuration = drill_runs.declare(bench.archive, bench.folder, rto_seconds=0.000001)
    said = bench.drill("--days", "1", code=errors.INCOMPLETE)
    assert drill_runs.faults(said) == {("limit", ""): "late"}


def test_the_seed_draws_the_same_days_again(bench: Bench) -> None:
    draws = [[(one["name"], one["day"]) for one in bench.drill("--days", "2", "--seed", seed)["files"] if one["kind"] == "report"] for seed in "aab"]
    assert [len(draw) for draw in draws] == [2, 2, 2]
    assert draws[0] == draws[1]


def test_a_day_that_is_not_due_is_not_missed(bench: Bench) -> None:
    put_day(bench.store, bench.archive, ago(1))
    assert drill_runs.faults(bench.drill()) == {}
