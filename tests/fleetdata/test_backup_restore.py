"""Backups that come back: the newest or a named one, into a file or a folder, proved before it has its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.bring_back import RESTORED, OtherContentError, Restored, Target, restore_backup
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.folder_back import OccupiedError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.held import NoBackupError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import FOLDER, UNCHANGED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import DamageError
from backup_runs import DAY, Bench, bench, change, database, folder, rows
from s3_server import s3


def restore(host: Bench, into: Path, *, stamp: str | None = None, replace: bool = False, check: bool = False) -> Restored:
    return restore_backup(store=host.store, prefix=host.prefix, name="app", into=Target(str(into), replace), stamp=stamp, check=check)


def two_days(host: Bench, live: Path) -> None:
    database(live)
    host.run()
    change(live, "INSERT INTO entries VALUES ('a', 1), ('b', -1)")
    host.now += DAY
    host.run()


def test_cs40_w18_the_newest_comes_back_and_an_older_one_when_it_is_named(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path)
    two_days(host, tmp_path / "live/app.db")
    would = restore(host, tmp_path / "out/a.db", check=True)
    assert (would.status, (tmp_path / "out").exists()) == (RESTORED, False)
    assert restore(host, tmp_path / "out/a.db").counts["entries"] == 4
    assert rows(tmp_path / "out/a.db") == [("a", 5), ("b", -5), ("a", 1), ("b", -1)]
    assert restore(host, tmp_path / "out/b.db", stamp="20261122T120000Z").counts["entries"] == 2
    assert restore(host, tmp_path / "out/b.db", stamp="20261122T120000Z").status == UNCHANGED
    (tmp_path / "dir").mkdir()
    assert restore(host, tmp_path / "dir").path == str(tmp_path / "dir/app.sqlite")
    with pytest.raises(NoBackupError, match=r"There is no backup of app of 20200101T000000Z. The newest that count: 20261122T120000Z, 20261123T120000Z"):
        restore(host, tmp_path / "out/c.db", stamp="20200101T000000Z")


def test_cs40_what_is_there_is_left_or_kept_beside(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path)
    two_days(host, tmp_path / "live/app.db")
    there = tmp_path / "there.db"
    there.write_text("other")
    with pytest.raises(OtherContentError, match="is there with another content"):
        restore(host, there)
    assert there.read_text() == "other"
    result = restore(host, there, replace=True)
    assert Path(result.kept).read_text() == "other"
    assert len(rows(there)) == 4
    again = tmp_path / "again.db"
    (tmp_path / "again.db-wal").write_text("of another database")
    with pytest.raises(OtherContentError, match="SQLite would mix it into what comes back"):
        restore(host, again)


def test_f56_a_damaged_newest_one_is_never_passed_over_in_silence(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path)
    two_days(host, tmp_path / "live/app.db")
    s3(endpoint).delete_object(Bucket=bucket, Key="host-1/app/2026/11/23/app-20261123T120000Z.sqlite.gz")
    with pytest.raises(DamageError, match=r"is missing.*Name another one with --at; the newest that count: 20261122T120000Z"):
        restore(host, tmp_path / "out.db")
    assert restore(host, tmp_path / "out.db", stamp="20261122T120000Z").status == RESTORED


def test_shop28_a_folder_comes_back_into_an_empty_and_into_an_existing_one(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER)
    source = folder(tmp_path / "live/recordings")
    (source / "2026/one.json").chmod(0o640)
    os.utime(source / "2026/one.json", (1, 1))
    host.run()
    out = tmp_path / "out"
    assert restore(host, out).files == 4
    assert (out / "2026/two.bin").read_bytes() == (source / "2026/two.bin").read_bytes()
    assert os.readlink(out / "latest") == "2026/one.json"
    assert (out / "2026/empty").is_dir()
    found = (out / "2026/one.json").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o640, 1)
    assert restore(host, out).status == UNCHANGED
    (out / "2026/two.bin").unlink()
    (out / "mine").write_text("is not in the backup")
    assert restore(host, out).files == 1
    (out / "2026/one.json").write_text("changed")
    with pytest.raises(OccupiedError, match=r"one.json is there and another than in the backup"):
        restore(host, out)
    assert restore(host, out, replace=True).files == 1
    assert (out / "mine").exists()
    assert (out / "2026/one.json.before-20261122T120000Z").read_text() == "changed"
