"""What goes wrong in a backup is named, loses nothing, and never makes older backups go."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import copy, held, verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import folder as folders
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.bring_back import Target, restore_backup
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DAMAGED, FAILED, FOLDER, REFUSED, UNCHANGED, UPLOADED, Keep, Result
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.object_stream import ObjectStream
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from backup_runs import DAY, NOON, Bench, bench, change, database, folder, rows
from s3_server import s3

ONE = Keep(daily=0, weekly=0, monthly=0, last=1)


@pytest.fixture
def host(bucket: str, endpoint: str, tmp_path: Path) -> Bench:
    """A host that keeps one backup, and has it."""
    made = bench(bucket, endpoint, tmp_path, keep=ONE)
    database(tmp_path / "live/app.db")
    assert made.run().status == UPLOADED
    made.now += DAY
    return made


def check_kept(host: Bench, result: Result) -> None:
    """The backup that was there is still there, and whole."""
    assert (result.pruned, [each.status for each in verify.verify(context=host.context())][-1]) == ((), "good")


def torn(path: Path) -> None:
    """Spoil a page in the middle."""
    change(path, "PRAGMA journal_mode = delete")
    body = bytearray(path.read_bytes())
    body[3 * 4096 : 3 * 4096 + 200] = bytes(range(200))
    path.write_bytes(body)


def another_name(path: Path) -> None:
    """Write another name into a table than its index has."""
    change(path, "PRAGMA journal_mode = delete")
    body = path.read_bytes()
    path.write_bytes(body[:4096] + body[4096:8192].replace(b"b", b"c") + body[8192:])


FAULTS = {
    "torn page": (torn, REFUSED, "app.db: cannot be read as a SQLite database (database disk image is malformed)"),
    "index that lies": (another_name, REFUSED, "app.db: the database is corrupt: row 2 missing from index"),
    "no database": (lambda path: path.write_bytes(b"no database" * 1000), REFUSED, "cannot be read as a SQLite database"),
    "empty file": (lambda path: path.write_bytes(b""), REFUSED, "app.db: is empty"),
    "no table": (lambda path: change(path, "DROP TABLE entries; DROP TABLE accounts"), REFUSED, "without a single table"),
    "gone": (lambda path: path.unlink(), FAILED, "there is no such database"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_w3_f54_a_bad_database_takes_no_place_of_a_good_backup(host: Bench, tmp_path: Path, fault: str) -> None:
    spoil, status, sentence = FAULTS[fault]
    before = host.seen()
    spoil(tmp_path / "live/app.db")
    result = host.run()
    assert (result.status, sentence in result.reason) == (status, True), result.reason
    assert str(host.work) not in result.reason, "the sentence names the database, not its copy"
    assert host.seen() == before
    check_kept(host, result)


def test_w3_a_full_disk_is_seen_before_anything_is_written(host: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    result = host.run()
    assert (result.status, "A copy of" in result.reason, "are free; nothing was written. Make room" in result.reason) == (FAILED, True, True)


def test_w3_a_second_run_of_the_same_name_is_refused(host: Bench) -> None:
    directory = os.open(host.work / "app", os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    result = host.run()
    os.close(directory)
    assert (result.status, "Another run of the backup of app has" in result.reason) == (FAILED, True)


class Wrong(Store):
    """S3 that gives other bytes back than it was given, of what ends so."""

    ending = ".sqlite.gz"

    @contextmanager
    def read(self, *, key: str, version_id: str = "") -> Iterator[Any]:
        with super().read(key=key, version_id=version_id) as stream:
            yield _Flipped(stream) if key.endswith(self.ending) else stream


class _Flipped:
    def __init__(self, stream: ObjectStream) -> None:
        self._stream, self.version_id, self.metadata = stream, stream.version_id, stream.metadata

    def __iter__(self) -> Iterator[bytes]:
        for block in self._stream:
            yield block[:50] + bytes([block[50] ^ 1]) + block[51:]


def test_f56_a_backup_that_reads_back_wrong_is_marked_and_never_counts(host: Bench, tmp_path: Path) -> None:
    change(tmp_path / "live/app.db", "INSERT INTO entries VALUES ('a', 1)")
    result = host.run(store=Wrong(client=host.store.client, bucket=host.bucket))
    assert (result.status, "It is marked as damaged and never counts" in result.reason) == (DAMAGED, True)
    assert result.pruned == ()
    newest = held.newest(store=host.store, prefix=host.prefix, name="app")
    assert newest is not None
    assert newest.stamp == "20261122T120000Z"
    with pytest.raises(DamageError, match="is marked as damaged"):
        restore_backup(store=host.store, prefix=host.prefix, name="app", into=Target(str(tmp_path / "out.db")))
    again = host.run()
    assert (again.status, again.stamp, again.pruned) == (UPLOADED, "20261123T120001Z", ("20261122T120000Z",))
    assert any("is left for you to look at" in notice for notice in again.notices)


def test_f56_a_lost_object_is_sent_again_though_nothing_changed(host: Bench, endpoint: str) -> None:
    (key,) = [key for key in host.seen() if key.endswith(".gz")]
    s3(endpoint).delete_object(Bucket=host.bucket, Key=key)
    result = host.run()
    assert (result.status, result.pruned) == (UPLOADED, ())
    assert [each.status for each in verify.verify(context=host.context())] == ["damaged", "good"]


def test_f54_what_goes_gets_a_delete_marker_and_its_versions_stay(host: Bench, tmp_path: Path) -> None:
    change(tmp_path / "live/app.db", "INSERT INTO entries VALUES ('a', 1)")
    assert host.run().pruned == ("20261122T120000Z",)
    assert len(host.seen()) == 3, "the object itself stays for the grace of a day"
    host.now = NOON + 3 * DAY
    result = host.run()
    assert (result.status, result.pruned) == (UNCHANGED, ("20261123T120000Z",))
    versions = list(host.store.versions(prefix=host.prefix))
    assert sum(not version.deleted for version in versions) == 5


def test_w3_rows_that_refer_to_nothing_are_counted_and_no_fault(host: Bench, tmp_path: Path) -> None:
    change(tmp_path / "live/app.db", "INSERT INTO entries VALUES ('nobody', 1)")
    assert host.run().status == UPLOADED
    newest = held.newest(store=host.store, prefix=host.prefix, name="app")
    assert newest is not None
    assert newest.foreign_keys == 1


def test_shop28_a_file_in_flight_is_named_and_taken_by_the_next_run(bucket: str, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER)
    path = folder(tmp_path / "live/recordings")
    recording = path / "recording"
    recording.write_text("so far")
    sha256 = folders.hashlib.sha256

    def grows(*arguments: Any) -> Any:
        with recording.open("a") as file:
            file.write("more")
        return sha256(*arguments)

    monkeypatch.setattr(folders.hashlib, "sha256", grows)
    result = host.run()
    monkeypatch.undo()
    assert (result.status, result.counts["files"]) == (UPLOADED, 3)
    assert any(f"{recording}: it was changed while it was read" in notice for notice in result.notices)
    host.now += DAY
    again = host.run()
    assert (again.status, again.counts["files"], again.notices) == (UPLOADED, 4, ())


def test_shop28_an_empty_folder_takes_no_place_of_a_good_backup(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER, keep=ONE)
    path = folder(tmp_path / "live/recordings")
    host.run()
    host.now += DAY
    shutil.rmtree(path)
    result = host.run()
    assert (result.status, "there is no such folder" in result.reason) == (FAILED, True)
    path.mkdir()
    result = host.run()
    assert (result.status, "there is not a single file in it" in result.reason) == (REFUSED, True)
    check_kept(host, result)


def test_shop28_the_contents_of_files_go_when_no_kept_list_names_them(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER, keep=ONE)
    path = folder(tmp_path / "live/recordings")
    host.run()
    (path / "2026/two.bin").unlink()
    host.now += 2 * DAY
    result = host.run()
    assert (result.status, result.pruned) == (UPLOADED, ("20261122T120000Z",))
    left = [key for key in host.seen() if "/objects/" in key]
    assert len(left) == 2
    restore_backup(store=host.store, prefix=host.prefix, name="app", into=Target(str(tmp_path / "out")))
    assert not (tmp_path / "out/2026/two.bin").exists()
    assert (tmp_path / "out/2026/one.json").exists()


def test_shop28_names_that_are_no_text_and_large_files_come_back(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER)
    path = folder(tmp_path / "live/recordings")
    odd = os.fsencode(path) + b"/caf\xe9\n.json"
    Path(os.fsdecode(odd)).write_text("odd")
    noise = os.urandom(10 << 20)
    for name in ("large", "same"):
        (path / name).write_bytes(noise)
    assert host.run().files == 6
    restore_backup(store=host.store, prefix=host.prefix, name="app", into=Target(str(tmp_path / "out")))
    assert (tmp_path / "out/same").read_bytes() == noise
    assert Path(os.fsdecode(os.fsencode(tmp_path / "out") + b"/caf\xe9\n.json")).read_text() == "odd"


def test_w3_an_open_transaction_is_not_in_the_backup(host: Bench, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "live/app.db")) as writer:
        writer.execute("INSERT INTO entries VALUES ('a', 99)")
        assert host.run().status == UNCHANGED
        writer.commit()
        assert host.run().counts["entries"] == 3
    assert len(rows(tmp_path / "live/app.db")) == 3
