"""Nothing is imported that is not archived, and the row says where (CS-30, CS-31). The command itself: tests/fleetdata."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from catscan import archive, importer
from catscan.generate import generate
from catscan.settings import ConfigurationError, Settings, load

# Answers as the command does, once it was told how: a status for every file, or an error.
COMMAND = """#!{python}
import hashlib, json, os, pathlib, sys
told = json.loads(pathlib.Path({told!r}).read_text())
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([sys.argv[1:], sorted(os.environ)]) + "\\n")
path = pathlib.Path(sys.argv[-1])
if "raw" in told:
    print(told["raw"]); print("no space left", file=sys.stderr); sys.exit(9)
if "error" in told:
    print(json.dumps({{"ok": False, "error": {{"kind": "s3-unreachable", "message": told["error"]}}}})); sys.exit(7)
digest = hashlib.sha256(path.read_bytes()).hexdigest()
uri = "s3://bucket/" + path.name + ".gz"
if "meanwhile" in told:
    digest = "0" * 64
print(json.dumps({{"ok": True, "files": [{{"status": told["status"], "reason": told.get("reason", ""), "uri": uri, "content_sha256": digest}}]}}))
"""
Tell = Callable[..., None]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """How the command answers from now on."""

    def told(**answer: str) -> None:
        (tmp_path / "told").write_text(json.dumps(answer))

    told(status="uploaded")
    return told


@pytest.fixture
def archiving(settings: Settings, tmp_path: Path, tell: Tell) -> Settings:
    """The drop folder of a host that archives."""
    command = tmp_path / "fleetdata"
    command.write_text(COMMAND.format(python=sys.executable, told=str(tmp_path / "told"), calls=str(tmp_path / "calls")))
    command.chmod(0o755)
    return dataclasses.replace(settings, archive_command=str(command))


def rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(settings.database)) as connection:
        return connection.execute(sql).fetchall()


def test_cs30_cs31_each_report_is_archived_first_and_its_row_says_where(archiving: Settings, one_day: date, tmp_path: Path) -> None:
    assert importer.run(archiving).count("imported") == 3
    asked = [json.loads(line)[0] for line in (tmp_path / "calls").read_text().splitlines()]
    name = "catscan-funnel-geo-2026-11-20.csv"
    assert asked[0] == ["archive", "--json", "--keep-source", "--report", "funnel-geo", str(archiving.imports / name)]
    assert len(asked) == 3
    assert rows(archiving, "SELECT archive_uri FROM import_history WHERE report_type = 'funnel-geo'") == [(f"s3://bucket/{name}.gz",)]


def test_w7_the_command_gets_neither_the_token_nor_the_job_s_counts(
    archiving: Settings, one_day: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CATSCAN_API_TOKEN", "STEADY_JOB_COUNTS", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    importer.run(archiving)
    seen = set(json.loads((tmp_path / "calls").read_text().splitlines()[0])[1])
    assert "AWS_REGION" in seen
    assert not seen & {"CATSCAN_API_TOKEN", "STEADY_JOB_COUNTS"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"error": "S3 did not answer within 10 s."}, "S3 did not answer within 10 s"),
        ({"raw": "Killed"}, "ended with 9 and said 'no space left'"),
        ({"raw": "[]"}, "ended with 9"),
        ({"status": "puzzled"}, "says 'puzzled'"),
        ({"status": "damaged", "reason": "S3 gave back other bytes."}, "imported either: S3 gave back other bytes"),
        ({"status": "uploaded", "meanwhile": "yes"}, "it changed while it was archived"),
    ],
)
def test_cs30_what_is_not_archived_is_not_imported_and_waits(archiving: Settings, tell: Tell, one_day: date, answer: Mapping[str, str], says: str) -> None:
    tell(**answer)
    summary = importer.run(archiving)
    assert (summary.ok, summary.count("unarchived")) == (False, 3)
    assert says in summary.files[0].reason
    assert len(importer.waiting(archiving)) == 3
    assert rows(archiving, "SELECT count(*) FROM import_history") == rows(archiving, "SELECT count(*) FROM rtb_daily") == [(0,)]
    tell(status="unchanged")
    assert importer.run(archiving).count("imported") == 3, "the next run finishes the work"


def test_a_command_that_is_not_there_is_said(archiving: Settings, one_day: date) -> None:
    summary = importer.run(dataclasses.replace(archiving, archive_command="/nonexistent/fleetdata"))
    assert {outcome.reason for outcome in summary.files} == {
        "not archived, so not imported either: /nonexistent/fleetdata cannot be started (No such file or directory)"
    }


@pytest.mark.parametrize("status", archive.REFUSED)
def test_cs30_what_the_archive_refuses_is_quarantined_with_its_reason(archiving: Settings, tell: Tell, one_day: date, status: str) -> None:
    tell(status=status, reason="row 3 has 5 fields, the header has 9.")
    assert importer.run(archiving).count("quarantined") == 3
    note = (archiving.quarantine / "catscan-performance-2026-11-20.csv.reason.txt").read_text()
    assert "row 3 has 5 fields, the header has 9.\nCorrect the report" in note
    assert rows(archiving, "SELECT DISTINCT status, reason FROM import_history") == [("quarantined", "row 3 has 5 fields, the header has 9")]


def test_a_file_of_another_name_is_quarantined_without_being_archived(archiving: Settings, tmp_path: Path) -> None:
    (archiving.imports / "notes.csv").write_text("a,b\n")
    assert importer.run(archiving).count("quarantined") == 1
    assert not (tmp_path / "calls").exists()


def test_an_archived_report_that_cannot_be_imported_keeps_its_address(archiving: Settings, one_day: date) -> None:
    path = archiving.imports / "catscan-funnel-geo-2026-11-20.csv"
    path.write_text(path.read_text() + "2026-11-20,Germany,1,1,1,1,1,1\n")
    assert importer.run(archiving).count("quarantined") == 1
    assert rows(archiving, "SELECT archive_uri FROM import_history WHERE status = 'quarantined'") == [(f"s3://bucket/{path.name}.gz",)]


def test_cs31_a_content_that_was_imported_before_is_archived_too(archiving: Settings, one_day: date) -> None:
    importer.run(dataclasses.replace(archiving, archive_command=""))
    generate(first=one_day, days=1, rows=40, seed=1, out=archiving.imports)
    importer.run(archiving)
    assert rows(archiving, "SELECT status, count(archive_uri) FROM import_history GROUP BY 1") == [("imported", 0), ("skipped", 3)]


def test_without_a_command_nothing_is_archived(environment: Mapping[str, str], one_day: date) -> None:
    assert load(environment).archive_command == load({**environment, "CATSCAN_ARCHIVE_COMMAND": ""}).archive_command == ""
    assert importer.run(load(environment)).count("imported") == 3
    assert rows(load(environment), "SELECT DISTINCT archive_uri FROM import_history") == [(None,)]


def test_a_relative_command_is_refused(environment: Mapping[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"CATSCAN_ARCHIVE_COMMAND is 'fleetdata', which is not an absolute path"):
        load({**environment, "CATSCAN_ARCHIVE_COMMAND": "fleetdata"})
