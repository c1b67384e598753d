"""F44…F47, F67: the modules in Ansible itself, on this host against S3: check, diff, run, again, conflict, restore; and what a wrong option is told."""

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
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.modules import s3_csv_archive, s3_csv_archive_info, s3_csv_restore
from command import CANARIES, declare
from csv_files import COLUMNS, csv_bytes, write_csv
from s3_server import s3

DAY = "2026-01-31"


PLAYBOOK = """
- name: A user's play
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Check
      steady.fleet.s3_csv_archive: {path: "{{ reports }}", <<: &place {config: "{{ config }}", report: performance}}
      check_mode: true
      diff: true
      register: predicted
    - name: Archive
      steady.fleet.s3_csv_archive: {path: "{{ reports }}", <<: *place}
      diff: true
      register: done
    - name: Archive again
      steady.fleet.s3_csv_archive: {path: "{{ reports }}", <<: *place}
      register: again
    - name: Look
      steady.fleet.s3_csv_archive_info: {verify: true, <<: *place}
      register: info
    - name: Bring back
      steady.fleet.s3_csv_restore: {first: "2026-01-31", last: "2026-02-01", into: "{{ back }}", <<: *place}
      register: back_again
    - name: Compare
      ansible.builtin.assert:
        that:
          - predicted is changed and done is changed and again is not changed and info is not changed and back_again is changed
          - predicted.files | map(attribute='status') | list == ['uploaded', 'uploaded']
          - predicted.files | map(attribute='content_sha256') | list == done.files | map(attribute='content_sha256') | list
          - again.files | map(attribute='status') | unique == ['unchanged']
          - info.summary.days == 2 and info.summary.rows == 7 and info.verified.summary.faults == 0
          - back_again.files | map(attribute='status') | unique == ['restored']
    - name: Get another report of the same day
      ansible.builtin.copy: {content: "{{ other }}", dest: "{{ reports }}/catscan-performance-2026-01-31.csv", mode: "0644"}
    - name: Archive that, too
      steady.fleet.s3_csv_archive: {path: "{{ reports }}", <<: *place}
"""


def test_f44_f47_f67_a_play_checks_archives_and_brings_back(archive: Archive, endpoint: str, tmp_path: Path) -> None:
    reports, back = tmp_path / "reports", tmp_path / "back"
    reports.mkdir()
    write_csv(reports, DAY, rows=3)
    write_csv(reports, "2026-02-01", rows=4)
    values = {"reports": reports, "back": back, "config": declare(archive, tmp_path), "other": csv_bytes(DAY, clicks=8).decode()}
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(checkout.ROOT / "collections")}
    run = checkout.attempt("ansible-playbook", "-vvv", "-e", json.dumps(values, default=str), "play.yml", cwd=tmp_path, **environment)
    output = run.stdout + run.stderr
    assert "ok=7    changed=4    unreachable=0    failed=1 " in output, output[-6000:]
    assert f"{reports}/catscan-performance-{DAY}.csv: Another content is archived" in output
    assert f"+s3://{archive.bucket}/performance/2026/01/31/catscan-performance-{DAY}.csv.gz (performance of {DAY}, revision 1: 3 rows, " in output
    assert sorted(path.name for path in back.glob("*/*")) == [f"catscan-performance-{day}.csv" for day in (DAY, "2026-02-01")]
    assert "Traceback" not in output
    assert not any(canary in output for canary in CANARIES)


def told_by(module: Any, *, check: bool = False, **options: Any) -> Any:
    """What a module says, without a process of its own."""
    printed = io.StringIO()
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    assert "Traceback" not in printed.getvalue()
    assert not any(canary in printed.getvalue() for canary in CANARIES)
    return json.loads(printed.getvalue())


def by_day(said: Any) -> dict[str, str]:
    return {row["day"]: row["status"] for row in said["files"]}


@pytest.fixture
def place(archive: Archive, endpoint: str) -> dict[str, Any]:
    """Options that declare one report type in a task."""
    report_type = {"columns": list(COLUMNS), "day_column": "Day"}
    return {"bucket": archive.bucket, "region": archive.region, "endpoint_url": endpoint, "report": "performance", "report_type": report_type}


def objects(archive: Archive, endpoint: str) -> list[tuple[str, str]]:
    listed = s3(endpoint).list_object_versions(Bucket=archive.bucket).get("Versions", [])
    return sorted((one["Key"], one["VersionId"]) for one in listed)


def test_f67_what_a_check_predicts_a_run_does(place: dict[str, Any], archive: Archive, endpoint: str, tmp_path: Path) -> None:
    write_csv(tmp_path, DAY, rows=3)
    write_csv(tmp_path, "2026-02-01", rows=4)
    options = {**place, "path": str(tmp_path), "delete_source": True}
    predicted = told_by(s3_csv_archive, check=True, **options)
    assert objects(archive, endpoint) == []
    assert len(list(tmp_path.iterdir())) == 2
    done = told_by(s3_csv_archive, **options)
    assert list(tmp_path.iterdir()) == []
    assert len(objects(archive, endpoint)) == 4
    assert done["diff"] == predicted["diff"]
    later = {"version_id", "object_sha256", "object_bytes"}  # known once it was compressed and written
    known = [[{name: value for name, value in row.items() if name not in later} for row in said["files"]] for said in (done, predicted)]
    assert known[0] == known[1]
    assert (done["changed"], by_day(done)) == (True, {DAY: "uploaded", "2026-02-01": "uploaded"})
    assert done["summary"]["deleted"] == 2


def test_f45_a_conflict_fails_the_task_after_all_good_files(place: dict[str, Any], archive: Archive, endpoint: str, tmp_path: Path) -> None:
    file = write_csv(tmp_path, DAY)
    told_by(s3_csv_archive, path=str(tmp_path), **place)
    held = objects(archive, endpoint)
    write_csv(tmp_path, DAY, clicks=8)
    good = write_csv(tmp_path, "2026-02-02", rows=5)
    conflict = told_by(s3_csv_archive, path=str(tmp_path), delete_source=True, **place)
    assert (conflict["failed"], conflict["changed"]) == (True, True)
    assert conflict["msg"].startswith(f"{file}: Another content is archived")
    assert by_day(conflict) == {DAY: "conflict", "2026-02-02": "uploaded"}
    assert (file.exists(), good.exists()) == (True, False)
    assert set(held) < set(objects(archive, endpoint))
    revised = told_by(s3_csv_archive, path=str(tmp_path), revisions=True, **place)
    assert [(row["status"], row["revision"]) for row in revised["files"]] == [("uploaded", 2)]
    assert [(row["day"], row["revision"], row["status"]) for row in told_by(s3_csv_archive_info, **place)["files"]] == [
        (DAY, 1, "superseded"),
        (DAY, 2, "counts"),
        ("2026-02-02", 1, "counts"),
    ]


def test_f57_good_days_come_back_and_missing_ones_fail_the_task(place: dict[str, Any], tmp_path: Path) -> None:
    told_by(s3_csv_archive, path=str(write_csv(tmp_path, DAY)), **place)
    options = {**place, "first": DAY, "last": "2026-02-01", "into": str(tmp_path / "back"), "flat": True}
    said = told_by(s3_csv_restore, check=True, **options)
    assert by_day(said) == {DAY: "restored", "2026-02-01": "missing"}
    assert not (tmp_path / "back").exists()
    said = told_by(s3_csv_restore, **options)
    assert (said["failed"], said["changed"]) == (True, True)
    assert said["msg"].startswith("performance of 2026-02-01: ")
    assert [path.name for path in (tmp_path / "back").iterdir()] == [f"performance-{DAY}.csv"]
    again = told_by(s3_csv_restore, **{**options, "last": DAY})
    assert ("failed" in again, again["changed"]) == (False, False)


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (s3_csv_archive, {"report": "performance"}, "one of the following is required: config, bucket"),
    (s3_csv_archive, {"config": "/nowhere.json"}, "/nowhere.json: there is no such file; name another one"),
    (s3_csv_archive, {"bucket": "B"}, "bucket: 'B' is not the name of a bucket: 3 to 63 small letters"),
    (s3_csv_archive, {"compression": "zstd"}, "value of compression must be one of: fast, small, got: zstd"),
    (s3_csv_archive, {"path": "/nowhere"}, "/nowhere: there is no such file. Nothing was archived."),
    (s3_csv_archive, {"path": None}, "No pattern of files is declared for performance"),
    (s3_csv_archive, {"report_type": {"columns": ["A"], "day_column": "B"}}, "reports.performance.day_column: 'B' is none of its columns (A)."),
    (s3_csv_archive, {"report_type": {"day_column": "Day", "day_colum": "x"}}, "Unsupported parameters for (basic.py) module: report_type.day_colum"),
    (s3_csv_archive, {"report_type": {"day_column": "Day", "file_day": "("}}, "reports.performance.file_day: '(' is no regular expression"),
    (s3_csv_archive, {"quarantine": "here"}, "quarantine: 'here' is not an absolute path; begin it with /."),
    (s3_csv_archive, {"report": None}, "missing parameter(s) required by 'report_type': report"),
    (s3_csv_restore, {"first": "yesterday", "last": DAY, "into": "/tmp/x"}, "'yesterday' is no day; write it as 2026-01-31."),
    (s3_csv_restore, {"first": DAY, "last": "2026-01-01", "into": "/tmp/x"}, "The first day, 2026-01-31, is after the last, 2026-01-01."),
    (s3_csv_restore, {"first": DAY, "last": DAY}, "missing required arguments: into"),
    (s3_csv_archive_info, {"report": "performanc"}, "Report 'performanc' is not declared; did you mean performance?"),
    (s3_csv_archive_info, {"bucket": "no-such-bucket"}, "there is no such bucket. Create it, or correct the bucket's name."),
]


@pytest.mark.parametrize(("module", "options", "sentence"), WRONG)
def test_cs18_a_wrong_option_is_a_sentence(
    module: Any, options: dict[str, Any], sentence: str, place: dict[str, Any], archive: Archive, tmp_path: Path
) -> None:
    usual: dict[str, Any] = {} if "config" in options or options == {"report": "performance"} else {**place, "path": str(write_csv(tmp_path))}
    if module is not s3_csv_archive:
        usual.pop("path")
    if options.get("report") == "performanc":
        usual = {"config": str(declare(archive, tmp_path))}
    given = {name: value for name, value in {**usual, **options}.items() if value is not None}
    said = told_by(module, **given)
    assert said["failed"] is True
    assert sentence in said["msg"]


def test_a_file_that_is_no_report_fails_the_task_and_stays(place: dict[str, Any], tmp_path: Path) -> None:
    bad = tmp_path / "performance-2026-01-31.csv"
    bad.write_text("Day,What\n2026-01-31,1\n")
    said = told_by(s3_csv_archive, path=str(bad), **place)
    assert said["failed"] is True
    assert said["files"][0]["status"] == "quarantined"
    assert said["msg"].startswith(str(bad))
    assert bad.exists()
