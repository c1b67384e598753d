"""A drill's records, scratch, rows and settings; and days that come back through the application's importer (CS-36, CS-38, CS-53)."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import command
import drill_runs
import pytest
import retention_runs
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.drill import actions, rules
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import NOON
from archived_days import REPORT, client, put_day
from csv_files import csv_bytes
from drill_runs import DAYS

REPORTS = (REPORT, "funnel-geo", "funnel-publishers")
FIRST, _, LAST = DAYS


@pytest.fixture
def archived(archive: Archive) -> Archive:
    store = Store(client=client(archive.endpoint_url), bucket=archive.bucket)
    for report in REPORTS:
        for day in DAYS:
            put_day(store, archive, day, report=report)
    return archive


def records(folder: Path) -> list[Path]:
    return sorted((folder / "drill").glob("drill-*.json"))


def in_bucket(archive: Archive) -> dict[str, bytes]:
    s3 = client(archive.endpoint_url)
    found = s3.list_objects_v2(Bucket=archive.bucket, Prefix="_drills/").get("Contents", [])
    return {entry["Key"].rpartition("/")[2]: s3.get_object(Bucket=archive.bucket, Key=entry["Key"])["Body"].read() for entry in found}


def test_cs53_each_drill_signs_a_record_that_names_the_one_before(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path)
    said = [drill_runs.drill(configuration, "--days", "1") for _ in range(3)]
    kept = [json.loads(path.read_text()) for path in records(tmp_path)]
    assert [record["number"] for record in kept] == [1, 2, 3]
    assert [record["previous"] for record in kept] == ["", kept[0]["record_sha256"], kept[1]["record_sha256"]]
    assert [record["record_sha256"] for record in kept] == [one["summary"]["record_sha256"] for one in said]
    assert {name: kept[0][name] for name in ("passed", "by", "compared", "rows")} == {"passed": True, "by": "hand", "compared": 1, "rows": 3}
    assert kept[0]["command"].startswith("fleetdata ")
    assert in_bucket(archived) == {path.name: path.read_bytes() for path in records(tmp_path)}


def test_the_job_that_drills_is_named_and_counts(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path)
    counts = tmp_path / "counts"
    run = command.fleetdata("--config", configuration, "drill", STEADY_JOB="catscan-recovery-drill", STEADY_JOB_COUNTS=str(counts))
    assert json.loads(records(tmp_path)[0].read_text())["by"] == "job catscan-recovery-drill"
    assert counts.read_text().startswith("compared=9 rows=27 faults=")
    assert "Drill 1: " in run.stdout.splitlines()[-1]


def alter(folder: Path) -> None:
    path = records(folder)[0]
    path.write_text(path.read_text().replace('"passed": true', '"passed": false'))


def cut(folder: Path) -> None:
    path = records(folder)[1]
    path.write_bytes(path.read_bytes()[:-40])


def take_away(folder: Path) -> None:
    records(folder)[1].unlink()


@pytest.mark.parametrize("harm", [alter, cut, take_away])
def test_a_record_that_was_changed_is_told_until_its_copy_is_back(archived: Archive, tmp_path: Path, harm: Any) -> None:
    configuration = drill_runs.declare(archived, tmp_path)
    for _ in range(3):
        drill_runs.drill(configuration, "--days", "1")
    harm(tmp_path)
    said = drill_runs.drill(configuration, "--days", "1", code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("record", ""): "altered"}
    for name, body in in_bucket(archived).items():
        (tmp_path / "drill" / name).write_bytes(body)
    drill_runs.drill(configuration, "--days", "1")


def test_a_record_that_did_not_reach_the_bucket_goes_there_with_the_next(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path)
    drill_runs.drill(configuration, "--days", "1")
    (key,) = [entry["Key"] for entry in client(archived.endpoint_url).list_objects_v2(Bucket=archived.bucket, Prefix="_drills/")["Contents"]]
    client(archived.endpoint_url).delete_object(Bucket=archived.bucket, Key=key)
    drill_runs.drill(configuration, "--days", "1")
    assert len(in_bucket(archived)) == 2


def test_what_a_killed_drill_left_goes_with_the_next_and_two_at_once_are_refused(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path, program="import os; os.kill(os.getppid(), 9)"))
    process = os.fork()
    if not process:
        command.fleetdata("--config", configuration, "drill")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -9
    scratch = tmp_path / "drill" / "scratch"
    assert [path.suffix for path in scratch.rglob("*.csv")] == [".csv"] * 9
    slow = drill_runs.importer(tmp_path, program="import time; time.sleep(60)", timeout_seconds=0.5)
    said = drill_runs.drill(drill_runs.declare(archived, tmp_path, importer=slow), code=errors.DAMAGED)
    (check,) = [check for check in said["files"] if check["kind"] == "import"]
    assert "did not end within 0.5 s and was ended" in check["reason"]


def test_the_importer_is_given_no_credentials_and_no_counts(archived: Archive, tmp_path: Path) -> None:
    program = "import json, os, sys; json.dump(dict(os.environ), open(os.environ['OUT'], 'w')); sys.exit('it says why')"
    application = drill_runs.importer(tmp_path, program=program, environment={"OUT": str(tmp_path / "out"), "IN": "{folder}"})
    said = drill_runs.drill(drill_runs.declare(archived, tmp_path, importer=application), code=errors.DAMAGED)
    (check,) = [check for check in said["files"] if check["kind"] == "import"]
    assert check["reason"].endswith("ended with 1 and said: it says why")
    seen = json.loads((tmp_path / "out").read_text())
    assert not [name for name in seen if name.startswith(("AWS_", "STEADY_"))]
    assert seen["IN"].startswith(str(tmp_path / "drill" / "scratch"))


def test_cs32_archived_rows_come_back_byte_for_byte(archived: Archive, tmp_path: Path) -> None:
    """Rows of every type, of both revisions of their day; and a day whose object is gone is told."""
    days = [retention_runs.day(back) for back in (100, 101, 102)]
    database = retention_runs.database(tmp_path, "CREATE TABLE t (day TEXT, a, b); CREATE TABLE other (day TEXT)")
    rows = [(day, value, 'a,"b"\nc\r') for day in [*days, *(retention_runs.day(back) for back in range(30))] for value in (1, 2.5, None, b"\0\xff", "x")]
    retention_runs.change(database, "INSERT INTO t VALUES (?, ?, ?)", rows)
    retention_runs.run(archived, database)
    retention_runs.change(database, "INSERT INTO t VALUES (?, ?, ?)", [(days[0], "late", 1)])
    retention_runs.run(archived, database)
    retention = {"app": {"database": str(database), "tables": {"t": retention_runs.RULE, "other": {"keep": "forever"}}}}
    configuration = drill_runs.declare(archived, tmp_path, retention=retention)
    said = drill_runs.drill(configuration)
    compared = {check["day"]: check["rows"] for check in said["files"] if check["kind"] == "rows"}
    assert compared == {days[0]: 6, days[1]: 5, days[2]: 5}
    key = f"_rows/app/t/{days[1].replace('-', '/')}/t-{days[1]}.csv.gz"
    (version,) = [one for one in Store(client=client(archived.endpoint_url), bucket=archived.bucket).versions(prefix=key) if one.key == key]
    client(archived.endpoint_url).delete_object(Bucket=archived.bucket, Key=key, VersionId=version.version_id)
    said = drill_runs.drill(configuration, code=errors.DAMAGED)
    assert drill_runs.faults(said) == {("rows", days[1]): "damaged"}


def recover(configuration: Path, *arguments: str, code: int = 0) -> Any:
    return command.answer("--config", configuration, "recover", "--from", FIRST, "--to", LAST, *arguments, code=code)


def counted(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM daily").fetchone()[0])


def test_cs36_cs38_days_come_back_through_the_importer_once(archived: Archive, tmp_path: Path) -> None:
    """A dry run says what would come back and writes nothing; the second run finds that nothing is missing and starts nothing."""
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path))
    told = recover(configuration, "--dry-run")
    assert (told["summary"]["rows"], (tmp_path / "app.db").exists()) == (27, False)
    said = recover(configuration)
    assert (said["summary"]["rows"], said["summary"]["tables"], counted(tmp_path / "app.db")) == (27, {"daily": 27}, 27)
    drill_runs.importer(tmp_path, program="raise SystemExit('not again')")
    again = recover(configuration)
    assert (again["summary"]["days"], again["summary"]["before"], again["summary"]["tables"]) == (0, 27, {"daily": 27})
    assert not list((tmp_path / "drill" / "scratch").iterdir())


def test_only_what_is_missing_comes_back_and_into_another_database_too(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path))
    other = tmp_path / "other.db"
    recover(configuration, "--database", str(other))
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("DELETE FROM daily WHERE day = ?", (LAST,))
    said = recover(configuration, "--database", str(other))
    assert ([row["day"] for row in said["files"] if row["status"] == "recovered"], counted(other)) == ([LAST], 27)
    assert not (tmp_path / "app.db").exists()


def test_what_was_corrected_since_comes_back_though_the_numbers_agree(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path))
    recover(configuration)
    store = Store(client=client(archived.endpoint_url), bucket=archived.bucket)
    put_day(store, archived, FIRST, revision=2, content=csv_bytes(FIRST, clicks=8), archived_at="2030-01-01T00:00:00Z")
    assert recover(configuration)["summary"]["days"] == 0
    assert recover(configuration, "--since", "2029-01-01T00:00:00Z")["summary"]["days"] == 1


def test_an_importer_that_passes_days_over_is_told(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path, program="pass"))
    said = recover(configuration, code=errors.DAMAGED)
    assert said["files"][0]["reason"].startswith(f"daily has 0 rows of {FIRST}, its reports have 9. The importer passes over what it knows")


def test_days_that_are_not_archived_are_told(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path))
    said = command.answer("--config", configuration, "recover", "--from", FIRST, "--to", drill_runs.ago(1), code=errors.INCOMPLETE)
    assert (said["summary"]["rows"], said["files"][-1]["status"]) == (27, "missing")


def test_cs38_the_last_days_are_those_that_are_archived(archived: Archive, tmp_path: Path) -> None:
    configuration = drill_runs.declare(archived, tmp_path, importer=drill_runs.importer(tmp_path))
    with mock.patch.object(actions, "now", lambda: NOON):
        said = command.answer("--config", configuration, "recover", "--last-days", "3")
        assert ([row["day"] for row in said["files"]], said["summary"]["rows"]) == (list(DAYS[1:]), 18)
        assert command.answer("--config", configuration, "recover", "--last-days", "1", code=errors.INCOMPLETE)["files"] == []
        assert "Say which days" in command.answer("--config", configuration, "recover", "--from", FIRST, code=errors.USAGE)["error"]["message"]


GOOD = {"folder": "/var/lib/drill", "rto_seconds": 3600, "rpo_hours": 26}
IMPORTER = {"command": ["/bin/import", "{folder}", "{database}"], "database": "/x.db", "tables": {"t": {"day_column": "day", "reports": ["performance"]}}}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"folder": "drill"}, "folder: 'drill' is not an absolute path"),
        ({"rto_seconds": 0}, "rto_seconds: must be a number of seconds above 0"),
        ({"rpo_hours": True}, "rpo_hours: must be a number of hours above 0"),
        ({"days": 0}, "days: must be a whole number from 1 to 1000"),
        ({"day": 1}, "day: is not a setting; days is the nearest"),
        ({"importer": IMPORTER | {"command": ["import", "{folder}"]}}, "importer.command: must be a list: the program's absolute path"),
        ({"importer": IMPORTER | {"command": ["/bin/import", "{folder}"]}}, "importer.command: has no {database}, nor has its environment"),
        ({"importer": IMPORTER | {"command": ["/bin/import", "{home}"]}}, "importer.command: '{home}' may have {folder} and {database}"),
        ({"importer": IMPORTER | {"tables": {"t": {"day_column": "day"}}}}, "importer.tables.t.reports: is missing"),
        ({"importer": IMPORTER | {"tables": {}}}, "importer.tables: must be a mapping with at least one entry"),
    ],
)
def test_every_mistake_in_the_declaration_is_named(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^x: ") as error:
        rules.parse(GOOD | declared, "x")
    assert said in str(error.value)


def test_a_host_without_importer_says_what_to_do_instead(archived: Archive, tmp_path: Path) -> None:
    said = recover(drill_runs.declare(archived, tmp_path), code=errors.USAGE)
    assert "fleetdata restore-rows" in said["error"]["message"]
