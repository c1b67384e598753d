"""Days come back as the files that were archived, byte for byte, or not at all and by name."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors, folder, keys, restore
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import Wanted
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.folder import Folder
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import UNCHANGED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.restore import DAMAGED, DIFFERS, FAILED, MISSING, RESTORED, Restored, exit_code
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archived_days import REPORT, client, described, packed, put_day, put_manifest, put_object, without_versions
from csv_files import csv_bytes

DAY = "2026-01-05"


@dataclasses.dataclass(frozen=True)
class Bench:
    """An archive and a directory to restore into."""

    store: Store
    archive: Archive
    path: Path
    endpoint: str

    def restore(
        self, *, first: str | None = None, last: str | None = None, reports: tuple[str, ...] = (REPORT,), check: bool = False, **how: bool
    ) -> list[Restored]:
        into = Folder(path=str(self.path), **how)
        return restore.restore(store=self.store, archive=self.archive, wanted=Wanted(reports, first, last), into=into, check=check)

    def statuses(self, **wanted: object) -> list[str]:
        return [result.status for result in self.restore(**wanted)]  # type: ignore[arg-type]

    def files(self) -> dict[str, bytes]:
        """What is in the directory, hidden files and all."""
        return {str(path.relative_to(self.path)): path.read_bytes() for path in sorted(self.path.rglob("*")) if path.is_file()}

    def put_over(self, day: str, body: bytes, *, revision: int = 1, report: str = REPORT) -> str:
        """Another object at a day's key."""
        key = keys.object_key(self.archive, report=report, day=day, revision=revision)
        return str(client(self.endpoint).put_object(Bucket=self.archive.bucket, Key=key, Body=body).get("VersionId", ""))


@pytest.fixture
def bench(store: Store, archive: Archive, tmp_path: Path, endpoint: str) -> Bench:
    return Bench(store=store, archive=archive, path=tmp_path / "recovery", endpoint=endpoint)


@pytest.fixture
def plain(bench: Bench) -> Bench:
    """The same with a bucket that keeps no versions."""
    archive = without_versions(bench.archive)
    return dataclasses.replace(bench, archive=archive, store=Store(client=client(bench.endpoint), bucket=archive.bucket))


def test_cs37_a_range_comes_back_under_names_that_the_importer_knows(bench: Bench) -> None:
    for number in range(1, 6):
        put_day(bench.store, bench.archive, f"2026-01-0{number}")
        put_day(bench.store, bench.archive, f"2026-01-0{number}", report="funnel-geo")
    results = bench.restore(first="2026-01-02", last="2026-01-04", reports=(REPORT, "funnel-geo"), flat=True)
    assert [(result.report, result.day, result.status) for result in results] == [
        (report, f"2026-01-0{number}", RESTORED) for report in (REPORT, "funnel-geo") for number in (2, 3, 4)
    ]
    # What `importer recovery/*.csv` is given.
    assert bench.files() == {
        f"catscan-{report}-2026-01-0{number}.csv": csv_bytes(f"2026-01-0{number}") for report in (REPORT, "funnel-geo") for number in (2, 3, 4)
    }
    assert exit_code(results) == errors.OK
    assert (results[0].rows, results[0].bytes, results[0].revision) == (3, len(csv_bytes()), 1)


def test_cs37_a_second_restore_changes_nothing_and_check_mode_writes_nothing(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    planned = bench.restore(check=True)
    assert not bench.path.exists()
    assert bench.restore() == planned
    assert list(bench.files()) == [f"{REPORT}/catscan-{REPORT}-{DAY}.csv"]
    before = os.stat(planned[0].path)
    assert bench.statuses(check=True) == bench.statuses() == [UNCHANGED]
    after = os.stat(planned[0].path)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_cs37_the_revision_that_counts_comes_back_under_the_days_own_name(bench: Bench) -> None:
    late = csv_bytes(DAY, clicks=8)
    put_day(bench.store, bench.archive, DAY)
    put_day(bench.store, bench.archive, DAY, revision=2, content=late)
    put_day(bench.store, bench.archive, DAY, revision=3, content=csv_bytes(DAY, clicks=9), verified=False, reason="another SHA-256")
    put_object(bench.store, bench.archive, DAY, revision=4, content=csv_bytes(DAY, clicks=10))
    (result,) = bench.restore()
    assert (result.status, result.revision) == (RESTORED, 2)
    assert bench.files() == {f"{REPORT}/catscan-{REPORT}-{DAY}.csv": late}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz", "catscan-performance-2026-01-05.csv"),
        ("{report}-{yyyy}{mm}{dd}.csv.gz", "performance-20260105.csv"),
        ("{report}/{day}.csv.gz", "performance-2026-01-05.csv"),
        ("{report}/{yyyy}/{mm}/{dd}/data.csv.gz", "performance-2026-01-05.csv"),
    ],
)
def test_cs37_no_two_days_share_a_name(bench: Bench, template: str, name: str) -> None:
    archive = dataclasses.replace(bench.archive, key=template)
    assert Folder(path="/r", flat=True).file(archive, report=REPORT, day=DAY) == f"/r/{name}"
    assert Folder(path="/r").file(archive, report=REPORT, day=DAY) == f"/r/performance/{name}"


def test_cs53_days_between_that_are_not_archived_are_named(bench: Bench) -> None:
    put_day(bench.store, bench.archive, "2026-01-01")
    put_object(bench.store, bench.archive, "2026-01-03")
    put_day(bench.store, bench.archive, "2026-01-04")
    results = bench.restore()
    assert [(result.day, result.status) for result in results] == [
        ("2026-01-01", RESTORED),
        ("2026-01-02", MISSING),
        ("2026-01-03", MISSING),
        ("2026-01-04", RESTORED),
    ]
    assert results[1].reason == "No revision of performance of 2026-01-02 is proved. It is not in the archive."
    assert "it was uploaded and never proved" in results[2].reason
    assert exit_code(results) == errors.INCOMPLETE
    assert bench.statuses(first="2025-12-31", last="2026-01-01") == [MISSING, UNCHANGED]


def test_cs53_nothing_to_restore_is_a_failure(bench: Bench) -> None:
    assert exit_code(bench.restore()) == errors.INCOMPLETE
    assert not bench.files()
    with pytest.raises(ConfigurationError, match="There is no report 'funnel'"):
        bench.restore(reports=("funnel",))


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 4]) + body[middle + 1 :]


ONE, OTHER = csv_bytes(DAY), csv_bytes("2026-01-06")
DAMAGES = {
    "bit flip": (
        flipped(packed(ONE)),
        f"the object has {len(packed(ONE))} bytes (SHA-256 {hashlib.sha256(flipped(packed(ONE))).hexdigest()}) instead of {len(packed(ONE))} (",
    ),
    "truncated": (
        packed(ONE)[:-9],
        "); it cannot be unpacked: The gzip stream is truncated",
    ),
    "empty": (b"", "the object has 0 bytes"),
    "no gzip": (b"Day\n" * 30, "it cannot be unpacked: The gzip stream is corrupt"),
    "something behind it": (packed(ONE) + b"\0" * 9, "Something follows the end of the gzip stream"),
    "two members": (packed(ONE) + packed(ONE), "Something follows the end of the gzip stream"),
    "another day's": (packed(OTHER), f"its content has {len(OTHER)} bytes (SHA-256 {hashlib.sha256(OTHER).hexdigest()}) instead of"),
    "fewer rows": (packed(csv_bytes(DAY, rows=2)), f"its content has {len(csv_bytes(DAY, rows=2))} bytes ("),
    "a bomb": (packed(b"0" * 50_000_000), f"its content is longer than {len(ONE)} bytes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_cs53_f46_a_damaged_day_is_named_and_leaves_no_file_and_the_others_come_back(bench: Bench, damage: str) -> None:
    """The recorded version itself holds other bytes: what must never happen in S3, and does with a disk under a compatible one."""
    body, message = DAMAGES[damage]
    put_day(bench.store, bench.archive, "2026-01-04")
    version = bench.put_over(DAY, body)
    put_manifest(bench.store, described(bench.archive, DAY, version_id=version))
    put_day(bench.store, bench.archive, "2026-01-06")
    results = bench.restore(flat=True)
    assert [result.status for result in results] == [RESTORED, DAMAGED, RESTORED]
    assert sorted(bench.files()) == ["catscan-performance-2026-01-04.csv", "catscan-performance-2026-01-06.csv"]
    key = keys.object_key(bench.archive, report=REPORT, day=DAY)
    assert results[1].reason.startswith(f"s3://{bench.archive.bucket}/{key} (version {version}) is not what was proved at {DAY}T10:00:00Z: ")
    assert message in results[1].reason
    assert exit_code(results) == errors.DAMAGED


def test_f46_what_was_put_over_or_deleted_on_top_of_the_proved_version_does_not_matter(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    put_day(bench.store, bench.archive, "2026-01-06")
    bench.put_over(DAY, packed(OTHER))
    client(bench.endpoint).delete_object(Bucket=bench.archive.bucket, Key=keys.object_key(bench.archive, report=REPORT, day="2026-01-06"))
    results = bench.restore(flat=True)
    assert [result.status for result in results] == [RESTORED, RESTORED]
    assert "the object was deleted" in results[1].reason
    assert list(bench.files().values()) == [ONE, OTHER]


def test_f46_a_deleted_version_is_named(bench: Bench) -> None:
    said = put_day(bench.store, bench.archive, DAY)
    client(bench.endpoint).delete_object(Bucket=bench.archive.bucket, Key=said.key, VersionId=said.version_id)
    (result,) = bench.restore()
    assert (result.status, result.reason) == (DAMAGED, f"{said.uri} (version {said.version_id}) was deleted. fleetdata verify tells what is left of it.")
    assert not bench.files()


def test_f46_without_versions_an_object_that_is_gone_or_swapped_is_known_before_it_is_read(plain: Bench) -> None:
    gone = put_day(plain.store, plain.archive, "2026-01-04")
    put_day(plain.store, plain.archive, DAY)
    put_day(plain.store, plain.archive, "2026-01-06")
    client(plain.endpoint).delete_object(Bucket=plain.archive.bucket, Key=gone.key)
    plain.put_over(DAY, packed(csv_bytes(DAY, rows=300)))
    planned = plain.restore(check=True)
    assert [result.status for result in planned] == [DAMAGED, DAMAGED, RESTORED]
    assert plain.restore() == planned
    assert "is not there, its manifest" in planned[0].reason
    assert "Something else was put over it" in planned[1].reason


def test_f46_an_old_revision_never_stands_in_for_one_in_doubt(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    said = put_day(bench.store, bench.archive, DAY, revision=2, content=csv_bytes(DAY, clicks=8))
    client(bench.endpoint).put_object(Bucket=bench.archive.bucket, Key=keys.manifest_key(said.key), Body=b"{}")
    (result,) = bench.restore()
    assert result.status == DAMAGED
    assert keys.manifest_key(said.key) in result.reason
    assert not bench.files()


def test_f57_another_files_content_is_never_lost(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    bench.path.mkdir()
    mine = bench.path / f"catscan-{REPORT}-{DAY}.csv"
    mine.write_bytes(b"mine")
    results = bench.restore(flat=True)
    assert (results[0].status, exit_code(results)) == (DIFFERS, errors.CONFLICT)
    assert str(mine) in results[0].reason
    assert bench.files() == {mine.name: b"mine"}

    planned = bench.restore(flat=True, replace=True, check=True)
    assert bench.files() == {mine.name: b"mine"}
    results = bench.restore(flat=True, replace=True)
    assert results == planned
    assert bench.files() == {mine.name: ONE, Path(results[0].kept).name: b"mine"}
    assert not results[0].kept.endswith(".csv")


def test_f57_only_plain_files_are_moved_aside(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    (bench.path / f"catscan-{REPORT}-{DAY}.csv").mkdir(parents=True)
    assert bench.statuses(flat=True) == [DIFFERS]
    with pytest.raises(ConfigurationError, match="no plain file"):
        bench.restore(flat=True, replace=True)


def test_f57_too_little_disk_space_is_said_before_anything_is_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(bench.store, bench.archive, DAY)
    monkeypatch.setattr(folder.os, "statvfs", lambda path: SimpleNamespace(f_bavail=1, f_frsize=len(ONE) - 1))
    with pytest.raises(ConfigurationError, match=f"The days need {len(ONE)} bytes in .*, where {len(ONE) - 1} are free"):
        bench.restore()
    assert not bench.path.exists()


def test_f57_a_directory_that_cannot_be_written_is_said_in_a_sentence(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    bench.path.write_text("a file")
    with pytest.raises(ConfigurationError, match=r"recovery(/performance)? cannot be used: "):
        bench.restore()
    assert bench.path.read_text() == "a file"


def test_f57_a_full_disk_is_said_and_leaves_nothing_half_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(bench.store, bench.archive, DAY)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(folder.os, "fsync", full)
        with pytest.raises(ConfigurationError, match="No space left on device"):
            bench.restore()
    assert not bench.files()
    assert bench.statuses() == [RESTORED]


def test_f57_of_two_restores_into_one_directory_the_second_says_so(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    with Folder(path=str(bench.path)).locked(), pytest.raises(ConfigurationError, match=r"Another restore into .* is going on"):
        bench.restore()
    assert bench.statuses() == [RESTORED]


def test_f57_progress_is_told_in_files_and_bytes(bench: Bench) -> None:
    put_day(bench.store, bench.archive, DAY)
    bench.restore()
    put_day(bench.store, bench.archive, "2026-01-06")
    put_day(bench.store, bench.archive, "2026-01-07", content=csv_bytes(rows=9))
    told: list[object] = []
    progress = SimpleNamespace(
        expect=lambda *, files, bytes: told.append((files, bytes)), moved=told.append, finished=lambda name: told.append(Path(name).name)
    )
    archive = dataclasses.replace(bench.archive, concurrency=1)
    restore.restore(store=bench.store, archive=archive, wanted=Wanted((REPORT,)), into=Folder(str(bench.path)), progress=progress)
    sizes = len(csv_bytes()), len(csv_bytes(rows=9))
    assert told == [(2, sum(sizes)), sizes[0], "catscan-performance-2026-01-06.csv", sizes[1], "catscan-performance-2026-01-07.csv"]


def test_f57_what_s3_does_not_give_is_no_damage(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = put_day(bench.store, bench.archive, DAY).key
    put_day(bench.store, bench.archive, "2026-01-06")
    read = Store.read

    def denied(self: Store, *, key: str, version_id: str = "") -> object:
        if key == refused:
            raise StoreError(f"{key}: S3 denied GetObject.", kind="denied")
        return read(self, key=key, version_id=version_id)

    monkeypatch.setattr(Store, "read", denied)
    results = bench.restore()
    assert [(result.status, result.reason) for result in results] == [(FAILED, f"{refused}: S3 denied GetObject."), (RESTORED, "")]
    assert exit_code(results) == errors.UNREACHABLE


def test_f57_w18_killed_at_every_step_a_second_run_leaves_the_files_of_an_undisturbed_one(bench: Bench, tmp_path: Path) -> None:
    """Two days; at the first day's name lies a file of another content, which is kept."""
    large = csv_bytes(DAY, rows=50_000)
    put_day(bench.store, bench.archive, DAY, content=large)
    put_day(bench.store, bench.archive, "2026-01-06")
    template, copies = tmp_path / "template", tmp_path / "copies"
    (template / REPORT).mkdir(parents=True)
    (template / REPORT / f"catscan-{REPORT}-{DAY}.csv").write_bytes(b"mine")
    driver = Path(__file__).with_name("restore_driver.py")
    subprocess.run([sys.executable, driver, bench.endpoint, bench.archive.bucket, template, copies], check=True)

    expected = dataclasses.replace(bench, path=copies / "0").files()
    assert sorted(expected.values()) == sorted([large, OTHER, b"mine"])
    ended = sorted(copies.iterdir())
    assert len(ended) > 15
    for path in ended:
        killed = dataclasses.replace(bench, path=path)
        # Whatever has a report's name is a whole file.
        assert {content for name, content in killed.files().items() if name.endswith(".csv")} <= {large, OTHER, b"mine"}
        assert b"mine" in killed.files().values()
        assert exit_code(killed.restore(replace=True)) == errors.OK
        assert killed.files() == expected, path
