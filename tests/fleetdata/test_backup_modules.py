"""F53, F56: the modules on backups in Ansible itself: check, back up, again, into a copy, in the place of the live database; what a wrong option is told."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import checkout
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.modules import sqlite_backup, sqlite_backup_restore
from backup_runs import change, database, rows
from command import CANARIES
from s3_server import REGION, s3

PLAYBOOK = """
- name: A user's play
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Check
      steady.fleet.sqlite_backup: &all {config: "{{ config }}"}
      check_mode: true
      diff: true
      register: predicted
    - name: Back up
      steady.fleet.sqlite_backup: *all
      diff: true
      register: done
    - name: Back up again
      steady.fleet.sqlite_backup: {name: shop, <<: *all}
      register: again
    - name: Look at a copy
      steady.fleet.sqlite_backup_restore: {name: shop, into: "{{ copy }}", <<: *all}
      register: copied
    - name: Break the database
      ansible.builtin.command: {argv: ["{{ ansible_playbook_python }}", "{{ broken }}"]}
    - name: Bring it back, in a check
      steady.fleet.sqlite_backup_restore: &back {name: shop, live: true, <<: *all}
      check_mode: true
      register: would
    - name: Bring it back
      steady.fleet.sqlite_backup_restore: *back
      diff: true
      register: back
    - name: Bring it back again
      steady.fleet.sqlite_backup_restore: *back
      register: same
    - name: Compare
      ansible.builtin.assert:
        that:
          - predicted is changed and done is changed and again is not changed and copied is changed and would is changed and back is changed
          - same is not changed
          - predicted.files | map(attribute='status') | list == ['uploaded', 'uploaded']
          - predicted.files | map(attribute='counts') | list == done.files | map(attribute='counts') | list
          - predicted.files[1].content_sha256 == done.files[1].content_sha256
          - again.files[0].status == 'unchanged' and again.files[0].counts.entries == 2
          - copied.files[0].counts == again.files[0].counts
          - would.files[0].path == live and back.files[0].path == live and back.files[0].kept | length > 0
"""


@pytest.fixture
def place(bucket: str, endpoint: str, tmp_path: Path) -> dict[str, Any]:
    """Options that say where backups lie."""
    return {"bucket": bucket, "region": REGION, "endpoint_url": endpoint, "work": str(tmp_path / "work")}


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """An application's database."""
    return database(tmp_path / "live/app.db")


def declare(place: dict[str, Any], live: Path, tmp_path: Path) -> Path:
    """What the role sqlite_backup leaves on a host; there is no archive."""
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/one.txt").write_text("hello")
    said = {**place, "databases": {"shop": {"database": str(live)}}, "folders": {"recordings": {"folder": str(tmp_path / "recordings")}}}
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/backups.json").write_text(json.dumps({"backups": said}))
    return tmp_path / "fleetdata.json"


def test_f53_f56_f67_a_play_checks_backs_up_and_brings_back(place: dict[str, Any], live: Path, tmp_path: Path) -> None:
    values = {"config": str(declare(place, live, tmp_path)), "copy": str(tmp_path / "copy.db"), "live": str(live)}
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    values["broken"] = str(tmp_path / "break.py")
    (tmp_path / "break.py").write_text(f"import sqlite3\nwith sqlite3.connect({str(live)!r}) as broken:\n    broken.execute('DELETE FROM entries')\n")
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(checkout.ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    run = checkout.attempt("ansible-playbook", "-vvv", "-e", json.dumps(values), "play.yml", cwd=tmp_path, **environment)
    output = run.stdout + run.stderr
    assert "ok=9    changed=6    unreachable=0    failed=0 " in output, output[-6000:]
    assert "+shop of " in output, "the diff names the backup"
    assert rows(live) == rows(tmp_path / "copy.db") == [("a", 5), ("b", -5)]
    assert not any(canary in output for canary in CANARIES)


def test_a_module_hears_what_the_host_says_to_everybody(tmp_path: Path) -> None:
    said = tmp_path / "environment"
    said.write_text('PATH="/bin"\nAWS_REGION=eu-central-1\nHTTPS_PROXY="http://proxy:3128"\n# AWS\nAWS_EMPTY=\n')
    assert archive_options.told_to_everybody(str(said)) == {"AWS_REGION": "eu-central-1", "HTTPS_PROXY": "http://proxy:3128", "AWS_EMPTY": ""}
    assert archive_options.told_to_everybody(str(tmp_path / "nothing")) == {}


def told_by(module: Any, *, check: bool = False, **options: Any) -> Any:
    """What a module says, without a process of its own."""
    printed = io.StringIO()
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    assert "Traceback" not in printed.getvalue()
    assert not any(canary in printed.getvalue() for canary in CANARIES)
    return json.loads(printed.getvalue())


def test_w3_what_a_check_says_of_backup_and_pruning_a_run_does(place: dict[str, Any], live: Path, endpoint: str) -> None:
    options = {**place, "name": "shop", "database": str(live), "keep": {"daily": 0, "weekly": 0, "monthly": 0, "last": 1}}
    for amount in (1, 2):
        change(live, f"INSERT INTO entries VALUES ('a', {amount})")
        first = told_by(sqlite_backup, **options)
        assert first["files"][0]["status"] == "uploaded"
    change(live, "INSERT INTO entries VALUES ('b', 3)")
    held = s3(endpoint).list_object_versions(Bucket=place["bucket"])
    predicted = told_by(sqlite_backup, check=True, **options)
    assert s3(endpoint).list_object_versions(Bucket=place["bucket"])["Versions"] == held["Versions"]
    done = told_by(sqlite_backup, **options)
    assert predicted["files"][0]["pruned"] == done["files"][0]["pruned"] == [first["files"][0]["stamp"]]
    assert done["files"][0]["counts"] == {"accounts": 2, "entries": 5}


def test_w3_a_database_that_is_corrupt_fails_the_task_and_prunes_nothing(place: dict[str, Any], live: Path, tmp_path: Path) -> None:
    options = {**place, "name": "shop", "database": str(live), "keep": {"daily": 0, "weekly": 0, "monthly": 0, "last": 1}}
    good = told_by(sqlite_backup, **options)["files"][0]
    live.write_bytes(b"this is no database" * 500)
    failed = told_by(sqlite_backup, **options)
    assert failed["failed"]
    assert str(live) in failed["msg"]
    assert failed["files"][0]["pruned"] == []
    back = told_by(sqlite_backup_restore, **place, name="shop", into=str(tmp_path / "back.db"))["files"][0]
    assert (back["stamp"], back["counts"]) == (good["stamp"], good["counts"])


@pytest.mark.parametrize(
    ("module", "options", "says"),
    [
        (sqlite_backup, {"name": "shop"}, "one of the following is required: config, database, folder"),
        (sqlite_backup, {"database": "/x.db"}, "missing parameter(s) required by 'database': name"),
        (sqlite_backup, {"name": "shop", "database": "/nonexistent/x.db"}, "/nonexistent/x.db"),
        (
            sqlite_backup,
            {"name": "a b", "database": "/x.db"},
            "The backups of this task: databases.a b: the name of a backup has letters, digits",
        ),
        (sqlite_backup_restore, {"name": "shop"}, "Say either into, for a copy, or live, to replace the database itself."),
        (sqlite_backup_restore, {"name": "shop", "into": "/x", "live": True}, "Say either into, for a copy, or live"),
        (sqlite_backup_restore, {"name": "shop", "into": "/x", "services": ["x.service"]}, "services goes with live"),
        (sqlite_backup_restore, {"name": "shop", "live": True, "database": "/x.db"}, "There is no backup of shop."),
        (sqlite_backup_restore, {"name": "shop", "config": "/nonexistent.json", "live": True}, "/nonexistent.json: there is no such file"),
    ],
)
def test_f44_a_wrong_option_is_one_sentence(module: Any, options: dict[str, Any], says: str, place: dict[str, Any]) -> None:
    said = told_by(module, **place, **options)
    assert said["failed"]
    assert says in said["msg"], said["msg"]
