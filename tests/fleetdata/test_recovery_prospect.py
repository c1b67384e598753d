"""What an empty host would get back is told from S3 alone: which backup, of when, rows of which tables, and which days after it (CS-38, CS-53)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import backup_runs
import drill_runs
import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archived_days import put_day
from backup_runs import Bench, bench

TODAY = datetime.datetime.now(datetime.UTC).date()


def ago(days: int) -> str:
    return (TODAY - datetime.timedelta(days=days)).isoformat()


@pytest.fixture
def host(archive: Archive, store: Store, tmp_path: Path) -> Bench:
    """A backup of the day before yesterday, and days from before it, after it, and too long ago."""
    for day, archived in ((200, 199), (4, 3), (3, 1), (1, 0)):
        put_day(store, archive, ago(day), archived_at=f"{ago(archived)}T10:00:00Z")
    made = bench(archive.bucket, archive.endpoint_url, tmp_path)
    backup_runs.database(tmp_path / "live/app.db")
    made.now = datetime.datetime.fromisoformat(f"{ago(2)}T09:00:00+00:00")
    return made


def asked(declared: Archive, host: Bench, folder: Path, **more: Any) -> Any:
    said = {
        "archive": config.to_data(declared),
        "importer": drill_runs.importer(folder),
        "backups": {
            "bucket": host.bucket, "region": declared.region, "prefix": host.prefix, "endpoint_url": host.endpoint,
            "databases": {"app": {"database": host.subjects["app"].path}},
        },
    }  # fmt: skip
    loader = DataLoader()
    return lookup_loader.get("steady.fleet.recovery_prospect", loader=loader, templar=Templar(loader=loader)).run([], {}, **{**said, **more})[0]


def test_cs38_the_newest_backup_and_the_days_archived_since_are_named(archive: Archive, host: Bench, tmp_path: Path) -> None:
    host.run()
    told = asked(archive, host, tmp_path)
    assert told["problem"] == ""
    stamp = f"{ago(2).replace('-', '')}T090000Z"
    assert [(one["stamp"], one["moment"], one["reason"]) for one in told["backups"]] == [(stamp, f"{ago(2)}T09:00:00Z", "")]
    assert told["backups"][0]["counts"] == {"accounts": 2, "entries": 2}
    assert [(day["day"], day["counts"]) for day in told["days"]] == [(ago(3), {"daily": 3}), (ago(1), {"daily": 3})]


def test_cs38_without_a_backup_all_archived_days_would_come(archive: Archive, host: Bench, tmp_path: Path) -> None:
    told = asked(archive, host, tmp_path)
    assert [one["reason"] for one in told["backups"]] == ["There is no backup of app."]
    assert [day["day"] for day in told["days"]] == [ago(4), ago(3), ago(1)]
    assert asked(archive, host, tmp_path, last_days=300)["days"][0]["day"] == ago(200)
    assert asked(archive, host, tmp_path, importer={}, backups={}) == {"backups": [], "days": [], "problem": ""}


def test_a_bucket_that_does_not_answer_is_told_and_a_wrong_declaration_is_an_error(archive: Archive, host: Bench, tmp_path: Path) -> None:
    data = config.to_data(archive)
    assert "nowhere" in asked(archive, host, tmp_path, archive=data | {"bucket": "nowhere"})["problem"]
    with pytest.raises(AnsibleError, match="bucket"):
        asked(archive, host, tmp_path, archive=data | {"bucket": "No Bucket"})
