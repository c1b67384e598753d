"""Backups of databases: copied live, checked, sent, read back, opened; and older ones only then pruned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import findings, held
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import FOLDER, UNCHANGED, UPLOADED, Keep
from backup_runs import DAY, bench, change, database, folder


def test_shop13_mrpt5_f53_a_backup_is_read_back_and_recorded(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path)
    database(tmp_path / "live/app.db")
    result = host.run()
    assert (result.status, result.stamp, result.counts) == (UPLOADED, "20261122T120000Z", {"accounts": 2, "entries": 2})
    key = "host-1/app/2026/11/22/app-20261122T120000Z.sqlite.gz"
    assert host.seen() == [key, f"{key}.manifest.json"]
    said = held.newest(store=host.store, prefix="host-1/", name="app")
    assert said is not None
    assert (said.uri, said.user_version, said.integrity, said.page_size) == (f"s3://{bucket}/{key}", 7, "ok", 4096)
    assert (said.source_host, said.source_path) == ("catscan-1", str(tmp_path / "live/app.db"))


def test_f53_an_unchanged_database_is_recorded_as_current_and_not_sent_again(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path)
    live = database(tmp_path / "live/app.db")
    host.run()
    host.now += DAY
    result = host.run()
    assert (result.status, result.stamp, result.object_bytes) == (UNCHANGED, "20261123T120000Z", 0)
    assert len(host.seen()) == 3
    said = held.newest(store=host.store, prefix="host-1/", name="app")
    assert said is not None
    assert said.stamp == "20261123T120000Z"
    assert said.key.endswith("app-20261122T120000Z.sqlite.gz")
    change(live, "INSERT INTO entries VALUES ('a', 1), ('b', -1)")
    assert host.run().status == UPLOADED


def test_f54_mrpt5_a_backup_that_lost_everything_deletes_no_older_one(bucket: str, endpoint: str, tmp_path: Path) -> None:
    """Until the operator says that it may, or there is something again; as often as it is made, and in a check."""
    host = bench(bucket, endpoint, tmp_path, keep=Keep(daily=0, weekly=0, monthly=0, last=1))
    live = database(tmp_path / "live/app.db")
    first = host.run()
    change(live, "DELETE FROM entries; DELETE FROM accounts")
    for check in (True, False, False):
        host.now += DAY
        result = host.run(check=check)
        assert (result.pruned, f"its backup of {first.stamp} has 4" in result.stayed) == ((), True), result
        assert "empty: true" in result.stayed
        assert findings.backed_up([result], bucket=bucket, check=check).code == errors.STAYED
    host.now += DAY
    host.subjects = {"app": dataclasses.replace(host.subjects["app"], empty=True)}
    result = host.run()
    assert (len(result.pruned), result.stayed) == (3, "")
    host.now += DAY
    host.subjects = {"app": dataclasses.replace(host.subjects["app"], empty=False)}
    result = host.run()
    assert (len(result.pruned), result.stayed) == (1, ""), "no backup has anything now"


def test_shop28_a_folder_is_sent_once_by_content(bucket: str, endpoint: str, tmp_path: Path) -> None:
    host = bench(bucket, endpoint, tmp_path, kind=FOLDER)
    path = folder(tmp_path / "live/recordings")
    result = host.run()
    assert (result.status, result.files) == (UPLOADED, 4), result
    assert result.counts == {"files": 3, "links": 1, "directories": 2, "bytes": 25600 + 10 + 40}
    host.now += DAY
    assert host.run().status == UNCHANGED
    (path / "new.json").write_text('{"one": 1}')
    host.now += DAY
    result = host.run()
    assert (result.status, result.files) == (UPLOADED, 1), result
