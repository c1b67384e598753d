"""Cat-Scan's importer and the command that archives for it, as both are declared in group_vars/catscan (CS-28, CS-30, CS-31)."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import checkout
import pytest
import yaml
from catscan import importer
from catscan.generate import generate
from catscan.settings import Settings

DAY = date(2026, 11, 20)
OBJECT = "s3://{bucket}/{name}/2026/11/20/catscan-{name}-2026-11-20{revision}.csv.gz"
REPORTS = ("funnel-geo", "funnel-publishers", "performance")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "imports").mkdir()
    return Settings(database=tmp_path / "catscan.db", imports=tmp_path / "imports", import_max_age_hours=36, archive_command=str(tmp_path / "fleetdata"))


@pytest.fixture(autouse=True)
def command(settings: Settings, endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The command with the configuration that a host gets, its bucket and S3 those of this test."""
    text = (checkout.ROOT / "group_vars/catscan/main.yml").read_text().replace("{{ catscan_data }}/imports", str(settings.imports))
    declared = {name.removeprefix("s3_archive_"): value for name, value in yaml.safe_load(text).items() if name.startswith("s3_archive_")}
    configuration = settings.imports.parent / "fleetdata.json"
    configuration.write_text(json.dumps(declared | {"bucket": bucket, "region": "eu-central-1", "endpoint_url": endpoint}))
    monkeypatch.setenv("FLEETDATA_CONFIG", str(configuration))
    monkeypatch.setenv("PYTHONPATH", str(checkout.ROOT / "plugins/module_utils"))
    launcher = Path(settings.archive_command)
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m fleetdata "$@"\n')
    launcher.chmod(0o755)
    return settings.archive_command


def uris(settings: Settings) -> list[str]:
    with closing(sqlite3.connect(settings.database)) as connection:
        return [uri for (uri,) in connection.execute("SELECT archive_uri FROM import_history ORDER BY id")]


def test_cs28_cs30_cs31_what_is_imported_is_archived_then_swept(settings: Settings, bucket: str, command: str) -> None:
    generate(first=DAY, days=1, rows=20, seed=1, out=settings.imports)
    assert importer.run(settings).count("imported") == 3
    assert uris(settings) == [OBJECT.format(bucket=bucket, name=name, revision="") for name in REPORTS]
    assert len(list(settings.done.glob("*.csv"))) == 3, "the import keeps them"
    swept = json.loads(subprocess.run([command, "archive", "--json", "--delete-source"], capture_output=True, text=True, check=True).stdout)
    assert {row["status"] for row in swept["files"]} == {"unchanged"}
    assert (swept["summary"]["deleted"], list(settings.done.glob("*.csv"))) == (3, [])


def test_a_corrected_report_is_the_next_revision(settings: Settings, bucket: str) -> None:
    for seed in (1, 2, 1):
        generate(first=DAY, days=1, rows=5, seed=seed, out=settings.imports)
        importer.run(settings)
    assert uris(settings)[3:6] == [OBJECT.format(bucket=bucket, name=name, revision=".r2") for name in REPORTS]
    assert uris(settings)[6:] == uris(settings)[:3], "a content that came before lies where it lay"


def test_what_is_no_report_is_quarantined_by_the_archive(settings: Settings) -> None:
    path = settings.imports / "catscan-performance-2026-11-20.csv"
    generate(first=DAY, days=1, rows=5, seed=1, out=settings.imports)
    path.write_text(path.read_text().rstrip("\n"))
    reasons = {outcome.file: outcome.reason for outcome in importer.run(settings).files if outcome.status == "quarantined"}
    assert list(reasons) == [path.name]
    assert "newline" in reasons[path.name]
    assert uris(settings).count(None) == 1
