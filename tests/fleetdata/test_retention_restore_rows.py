"""The action ``restore-rows`` and the module sqlite_rows_restore: check, run, again, conflicts, and what a wrong option is told."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.modules import sqlite_rows_restore
from archive_runs import Bucket
from command import answer, declare, fleetdata
from retention_runs import RULE, change, database, day, held, run

OLD, OLDER = day(100), day(101)
TABLES = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, day TEXT);
CREATE TABLE child (id INTEGER PRIMARY KEY, day TEXT, parent INT REFERENCES parent (id));
CREATE TABLE "all" (day TEXT);
"""


@pytest.fixture
def left(archive: Archive, tmp_path: Path) -> Path:
    """A database that old rows of three tables have left."""
    path = database(tmp_path, TABLES)
    change(path, f"INSERT INTO parent VALUES (1, '{OLD}'), (2, '{OLDER}'), (3, '{day(0)}'); INSERT INTO child VALUES (1, '{OLD}', 1), (2, '{OLD}', 2)")
    change(path, f"INSERT INTO \"all\" VALUES ('{OLD}')")
    run(archive, path, tables={"child": RULE, "all": RULE, "parent": RULE})
    assert not held(path, "child")
    assert sum(held(path, "parent").values()) == 1
    return path


def test_cs37_the_command_brings_rows_back(archive: Archive, endpoint: str, left: Path, tmp_path: Path) -> None:
    config = declare(archive, tmp_path)
    asked = ("restore-rows", "--config", config, "--name", "app", "--into", left)
    checked = answer(*asked, "--dry-run")
    assert {(one["table"], one["status"]) for one in checked["files"]} == {("parent", "restored"), ("all", "restored"), ("child", "restored")}
    done = answer(*asked)
    assert [(one["table"], one["day"], one["added"]) for one in done["files"]] == [("all", OLD, 1), ("parent", OLDER, 1), ("parent", OLD, 1), ("child", OLD, 2)]
    assert done["summary"]["added"] == 5
    assert answer(*asked)["summary"] | {"dry_run": True} == answer(*asked, "--dry-run")["summary"]
    change(left, f"DELETE FROM child; UPDATE parent SET day = '{day(1)}' WHERE id = 1")
    told = fleetdata(*asked, "--table", "parent", "--from", OLD, "--to", OLD)
    assert told.returncode == errors.CONFLICT
    assert f"parent, {OLD}: The row of parent with id 1 is there with other values." in told.stdout


def test_cs37_rows_come_into_a_new_database(archive: Archive, endpoint: str, left: Path, tmp_path: Path) -> None:
    asked = ("restore-rows", "--config", declare(archive, tmp_path), "--name", "app", "--into", tmp_path / "new.db")
    assert "there is no such database" in fleetdata(*asked).stderr
    assert answer(*asked, "--create", "--dry-run")["summary"]["added"] == 5
    assert not (tmp_path / "new.db").exists()
    assert answer(*asked, "--create", "--table", "child")["notices"] == ["2 rows of child refer to rows that are not in this database."]
    assert answer(*asked, "--create")["notices"] == []
    with closing(sqlite3.connect(tmp_path / "new.db")) as new:
        assert new.execute("SELECT child.id, parent.day FROM child JOIN parent ON parent.id = parent").fetchall() == [(1, OLD), (2, OLDER)]
    with closing(sqlite3.connect(tmp_path / "new.db")) as new:
        new.execute("CREATE TRIGGER r AFTER INSERT ON child BEGIN DELETE FROM child; END")
    stopped = answer(*asked, code=errors.CONFLICT)
    assert [one["table"] for one in stopped["files"] if one["status"] == "stopped"] == ["child"]


@pytest.mark.parametrize(
    ("more", "code", "reason"),
    [
        (("--name", "other"), errors.USAGE, "'other' is none, or new"),
        (("--table", "nothing"), errors.INCOMPLETE, "No row of this is archived"),
        (("--from", day(1), "--to", day(3)), errors.USAGE, "is after the last"),
        (("--into", "/dev/null"), errors.USAGE, "there is no such database"),
    ],
)
def test_cs37_what_cannot_be_is_said(archive: Archive, endpoint: str, left: Path, tmp_path: Path, more: tuple[str, ...], code: int, reason: str) -> None:
    told = fleetdata("restore-rows", "--config", declare(archive, tmp_path), "--name", "app", "--into", left, *more)
    assert told.returncode == code
    assert reason in told.stdout + told.stderr


def test_cs37_a_declared_database_of_which_nothing_is_archived_yet_has_nothing_to_do(archive: Archive, endpoint: str, left: Path, tmp_path: Path) -> None:
    """That is no mistake, as an unknown name is; and no file is made for it."""
    config = declare(archive, tmp_path)
    parts = tmp_path / "fleetdata.d"
    parts.mkdir()
    rules = {"new": {"database": str(left), "tables": {"parent": {"day_column": "day"}}}}
    (parts / "retention.json").write_text(json.dumps({"retention": rules}))
    asked = ("restore-rows", "--config", config, "--into", tmp_path / "none.db", "--create", "--name")
    told = fleetdata(*asked, "new")
    assert (told.returncode, "there is nothing to do" in told.stdout) == (errors.INCOMPLETE, True)
    assert answer(*asked, "new", code=errors.INCOMPLETE)["files"] == []
    assert fleetdata(*asked, "other").returncode == errors.USAGE
    assert not (tmp_path / "none.db").exists()


def module(*, check: bool = False, **options: Any) -> Any:
    printed = io.StringIO()
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), redirect_stdout(printed), pytest.raises(SystemExit):
        sqlite_rows_restore.main()
    return json.loads(printed.getvalue())


def test_cs37_the_module_predicts_does_and_then_changes_nothing(archive: Archive, endpoint: str, left: Path, tmp_path: Path) -> None:
    options = {"config": str(declare(archive, tmp_path)), "name": "app", "into": str(left), "table": "parent"}
    predicted, done, again = module(check=True, **options), module(**options), module(**options)
    assert predicted["changed"]
    assert done["changed"]
    assert predicted["diff"] == done["diff"]
    assert done["diff"][0]["after"] == f"{OLDER}: 1 archived row there\n"
    assert predicted["files"] == done["files"]
    assert not again["changed"]
    assert again["diff"] == []
    key = next(key for key in Bucket(archive).manifests() if "/parent/" in key)
    bucket = Bucket(archive).client
    for version in bucket.list_object_versions(Bucket=archive.bucket, Prefix=key)["Versions"]:
        if version["Key"] == key:
            bucket.delete_object(Bucket=archive.bucket, Key=key, VersionId=version["VersionId"])
    failed = module(**options)
    assert failed["failed"]
    assert "was deleted" in failed["msg"]
