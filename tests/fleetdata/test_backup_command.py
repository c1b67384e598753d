"""The command's actions on backups, as a person and as a program see them; and what is wrong with a declaration is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import keys, settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DATABASE, FOLDER, Keep
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from backup_runs import change, database, folder, rows
from command import answer, fleetdata, process

BUCKET = {"bucket": "backups-bucket", "region": "eu-central-1"}
APP = {"database": "/srv/app.db"}


@pytest.fixture
def config(bucket: str, endpoint: str, tmp_path: Path) -> Path:
    """A host that declares a database and a folder, and no archive."""
    database(tmp_path / "live/app.db")
    folder(tmp_path / "live/recordings")
    said = {
        "bucket": bucket,
        "region": "eu-central-1",
        "endpoint_url": endpoint,
        "work": str(tmp_path / "work"),
        "databases": {"app": {"database": str(tmp_path / "live/app.db"), "keep": {"daily": 0, "weekly": 0, "monthly": 0, "last": 1}}},
        "folders": {"recordings": {"folder": str(tmp_path / "live/recordings")}},
    }
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/backups.json").write_text(json.dumps({"backups": said}))
    return tmp_path / "fleetdata.json"


def test_shop9_mrpt5_backup_verify_and_restore_by_command(config: Path, tmp_path: Path) -> None:
    would = answer("backup", "--config", config, "--dry-run")
    assert would["summary"] == {
        **{"backups": 2, "uploaded": 2, "unchanged": 0, "damaged": 0, "failed": 0, "refused": 0},
        **{"files": 3, "object_bytes": 0, "pruned": 0, "stayed": 0, "dry_run": True},
    }
    assert answer("verify-backup", "--config", config, code=6)["summary"]["missing"] == 2
    counts = tmp_path / "counts"
    done = answer("backup", "--config", config, STEADY_JOB_COUNTS=str(counts))
    assert (done["summary"]["uploaded"], done["summary"]["files"]) == (2, 5)
    assert counts.read_text() == f"backups=2 files=5 bytes={done['summary']['object_bytes']} pruned=0 failed=0\n"
    assert answer("verify-backup", "--config", config, "--max-age-hours", "1")["summary"]["good"] == 2

    change(tmp_path / "live/app.db", "INSERT INTO entries VALUES ('a', 1)")
    (again,) = answer("backup", "app", "--config", config)["files"]
    assert again["pruned"] == [done["files"][0]["stamp"]]
    (back,) = answer("restore-backup", "app", "--into", tmp_path / "out.db", "--config", config)["files"]
    assert (back["status"], back["counts"]) == ("restored", {"accounts": 2, "entries": 3})

    change(tmp_path / "live/app.db", "DELETE FROM entries")
    run = process("restore-backup", "app", "--live", "--config", config)
    assert run.returncode == 0, run.stderr
    assert "came back, proved, in" in run.stdout
    assert "What was there is kept as" in run.stdout
    assert len(rows(tmp_path / "live/app.db")) == 3


def test_cs40_what_is_said_wrongly_is_named(config: Path, tmp_path: Path) -> None:
    for said, sentence in (
        (["restore-backup", "app"], "Say either --into PATH"),
        (["restore-backup", "app", "--into", "x", "--live"], "Say either --into PATH"),
        (["restore-backup", "app", "--into", "x", "--service", "y"], "--service goes with --live"),
        (["restore-backup", "app", "--live", "--service", "a b"], "is not the name of a unit"),
        (["backup", "other"], "No backup is declared as 'other'; there are app, recordings."),
        (["verify-backup", "other"], "No backup is declared as 'other'"),
        (["restore-backup", "recordings", "--live"], "There is no backup of recordings."),
    ):
        run = fleetdata(*said, "--config", config)
        assert run.returncode in (2, 6)
        assert sentence in run.stderr


def test_w3_one_that_fails_stops_no_other(config: Path, tmp_path: Path) -> None:
    (tmp_path / "live/app.db").write_bytes(b"no database" * 1000)
    run = fleetdata("backup", "--config", config)
    assert run.returncode == 3
    assert "1 backup proved" in run.stdout
    assert "1 failed, and none of theirs was deleted" in run.stdout
    assert "app.db: cannot be read as a SQLite database" in run.stdout


def test_the_declaration_is_read() -> None:
    found = settings.parse({**BUCKET, "databases": {"app": {**APP, "keep": {"daily": 3}}}, "folders": {"rec": {"folder": "/srv/rec"}}}, "x")
    assert found.subjects["app"].keep == Keep(daily=3, weekly=4, monthly=12, last=3)
    assert [(one.kind, one.path) for one in found.subjects.values()] == [(DATABASE, "/srv/app.db"), (FOLDER, "/srv/rec")]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "bucket: is missing"),
        (BUCKET, "databases: is missing, and so is folders"),
        ({**BUCKET, "databases": []}, "databases: must be a mapping, not a list"),
        ({**BUCKET, "databases": {"a/b": APP}}, "databases.a/b: the name of a backup has letters"),
        ({**BUCKET, "databases": {"app": {"database": "app.db"}}}, "databases.app.database: 'app.db' is not an absolute path"),
        ({**BUCKET, "databases": {"app": {"database": ""}}}, "databases.app.database: is empty"),
        ({**BUCKET, "databases": {"app": {}}}, "databases.app.database: is missing"),
        ({**BUCKET, "databases": {"app": {**APP, "keep": {"last": 0}}}}, "databases.app.keep.last: must be a whole number from 1"),
        ({**BUCKET, "databases": {"app": {**APP, "keep": {"hourly": 1}}}}, "databases.app.keep.hourly: is not a setting"),
        ({**BUCKET, "databases": {"app": APP}, "folders": {"app": {"folder": "/srv"}}}, "folders.app: is the name of a database, too"),
        ({**BUCKET, "databases": {"app": APP}, "secret_access_key": "x"}, "credentials are never part of the configuration"),
        ({**BUCKET, "databases": {"app": APP}, "work": ""}, "work: is empty"),
    ],
)
def test_every_mistake_in_a_declaration_is_named(data: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings.parse(data, "backups.json: backups")
    assert str(raised.value).startswith("backups.json: backups: ")
    assert sentence in str(raised.value)


def test_a_key_is_one_of_a_backup_or_not() -> None:
    key = keys.object_key(prefix="h/", name="app", kind=DATABASE, stamp="20261122T120000Z")
    assert key == "h/app/2026/11/22/app-20261122T120000Z.sqlite.gz"
    assert keys.read_key(prefix="h/", name="app", key=key) == keys.Place("20261122T120000Z", DATABASE, manifest=False)
    for other in (key.replace("/22/", "/23/"), key.replace("120000", "250000"), key + ".gz", "h/app/objects/ab/abcd.gz", key.replace("app", "ap")):
        assert keys.read_key(prefix="h/", name="app", key=other) is None
