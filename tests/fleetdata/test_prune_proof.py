"""Files that go only as proved: by the archive in S3, by a copy; and the doors: the command, its answers, the module in a play."""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import json
import os
from pathlib import Path
from typing import Any

import checkout
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.model import Rule
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.run import Report
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import client
from archive_runs import run as archive_run
from command import answer, fleetdata
from csv_files import write_csv
from prune_runs import UNPROVED, aged, gone, rule, run, statuses, there, write

DAYS = ("2026-01-29", "2026-01-30", "2026-01-31")


@pytest.fixture
def declared(archive: Archive) -> Archive:
    """The archive with patterns of its files, as Cat-Scan's has."""
    reports = {name: dataclasses.replace(report, files=(f"/srv/done/catscan-{name}-*.csv",)) for name, report in archive.reports.items()}
    return dataclasses.replace(archive, reports=reports, revisions=True)


def leftovers(folder: Path, **said: Any) -> Rule:
    return rule(folder, keep_days=30, keep_last=0, idle_days=0, **{"proof": "archived", "acknowledged": ""} | said)


def pruned(archive: Archive, declared: Rule, *, check: bool = False, use: str = "") -> Report:
    return run(declared, check=check, archive=archive, store=Store(client=client(archive.endpoint_url, use), bucket=archive.bucket))


def reports(folder: Path, archive: Archive) -> list[Path]:
    """Old files of three days, archived."""
    paths = [aged(write_csv(folder, day), 200) for day in DAYS]
    archive_run(archive, *paths)
    return paths


def test_cs27_w17_f51_what_is_archived_goes_and_says_what_proves_it(declared: Archive, tmp_path: Path) -> None:
    paths = reports(tmp_path, declared)
    aged(write_csv(tmp_path, "2026-02-01"), 200)
    aged(write(tmp_path / "catscan-performance-2026-02-02.csv", content=b"no report\n"), 200)
    write(tmp_path / "notes.txt")
    planned = pruned(declared, leftovers(tmp_path), check=True)
    assert len(there(tmp_path)) == 6
    done = pruned(declared, leftovers(tmp_path))
    assert gone(done) == gone(planned) == {str(path) for path in paths}
    first = done.results[0]
    assert first.uri.endswith(f"/performance/2026/01/29/catscan-performance-{DAYS[0]}.csv.gz")
    assert (len(first.sha256), bool(first.version_id)) == (64, True)
    reasons = {os.path.basename(one.path): one.reason for one in done.results if one.reason}
    assert "It is not in the archive" in reasons["catscan-performance-2026-02-01.csv"]
    assert "row 1" in reasons["catscan-performance-2026-02-02.csv"]
    assert "no declared pattern names it; say its report" in reasons["notes.txt"]
    assert {one.code for one in done.results if one.reason} == {8}


def test_a_superseded_revision_proves_its_own_content(declared: Archive, tmp_path: Path) -> None:
    (path, *_) = reports(tmp_path, declared)
    old = path.read_bytes()
    archive_run(declared, write_csv(tmp_path, DAYS[0], clicks=9))
    path.write_bytes(old)
    aged(path, 200)
    assert statuses(pruned(declared, leftovers(tmp_path)))[path.name] == "deleted"


@pytest.mark.parametrize("damage", ["another object", "no object", "no manifest", "altered manifest", "no bucket"])
def test_f48_w17_what_the_archive_does_not_give_back_stays(damage: str, declared: Archive, tmp_path: Path) -> None:
    (path, *others) = reports(tmp_path, declared)
    s3, bucket = client(declared.endpoint_url), declared.bucket
    key = f"performance/2026/01/29/catscan-performance-{DAYS[0]}.csv.gz"
    version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    manifest = f"{key}.manifest.json"
    place = declared
    if damage == "another object":
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"other"))
    elif damage == "no object":
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    elif damage == "no manifest":
        s3.delete_object(Bucket=bucket, Key=manifest)
    elif damage == "altered manifest":
        body = s3.get_object(Bucket=bucket, Key=manifest)["Body"].read()
        s3.put_object(Bucket=bucket, Key=manifest, Body=body.replace(b"2026-01-29", b"2026-01-28"))
    else:
        place = dataclasses.replace(declared, bucket="not-there-at-all")
    done = pruned(place, leftovers(tmp_path))
    assert path.exists()
    assert next(one for one in done.results if one.path == str(path)).code in (5, 7, 8)
    if damage == "no bucket":
        assert [one.code for one in done.results] == [7, 8, 8], "S3 is asked once"
    else:
        assert gone(done) == {str(other) for other in others}


def test_a_rule_that_needs_an_archive_says_so_before_anything_goes(declared: Archive, tmp_path: Path) -> None:
    reports(tmp_path, declared)
    with pytest.raises(ConfigurationError, match="'visits' is not declared"):
        pruned(declared, leftovers(tmp_path, report="visits"))
    config = tmp_path / "etc" / "fleetdata.json"
    rules = {"x": {"folder": str(tmp_path), "patterns": ["*"], "keep_days": 9, "proof": "archived"}}
    write(tmp_path / "etc" / "fleetdata.d" / "files.json", content=json.dumps({"files": rules}).encode())
    refused = fleetdata("prune", "--config", config)
    assert (refused.returncode, "there is no such file" in refused.stderr) == (2, True)
    assert len(list(tmp_path.glob("*.csv"))) == 3


def test_shop10_w17_transcripts_go_once_an_equal_copy_lies_elsewhere(tmp_path: Path) -> None:
    folder, copies = tmp_path / "transcripts", tmp_path / "copies"
    for name in ("same", "other", "missing", "link", "hard"):
        write(folder / "shop" / f"{name}.json", content=f"{name}, said".encode())
    write(copies / "shop" / "same.json", content=b"same, said")
    write(copies / "shop" / "other.json", content=b"otter, said")
    (copies / "shop" / "link.json").symlink_to(folder / "shop" / "link.json")
    os.link(folder / "shop" / "hard.json", copies / "shop" / "hard.json")
    declared = rule(folder, patterns=["*.json"], depth=1, keep_days=90, idle_days=0, keep_last=0, proof="copied", copies=str(copies), acknowledged="")
    done = run(declared)
    assert gone(done) == {f"{folder}/shop/same.json"}
    reasons = {os.path.basename(one.path): one.reason for one in done.results}
    assert "is another content" in reasons["other.json"]
    assert "cannot be read" in reasons["missing.json"]
    assert "cannot be read" in reasons["link.json"]
    assert "is the very same file under another name" in reasons["hard.json"]
    assert reasons["same.json"] == ""


# The command and the module.


def begun(back: int) -> float:
    """The first moment of the day so many days ago, as the command knows the time."""
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - datetime.timedelta(days=back)).timestamp()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's declarations, and a log of each of the last forty days."""
    rules = {
        "logs": {"folder": str(tmp_path / "logs"), "patterns": ["*.log"], "keep_days": 30, **UNPROVED},
        "dumps": {"folder": str(tmp_path / "dumps"), "patterns": ["*.gz"], "keep_last": 2, **UNPROVED},
    }
    write(tmp_path / "etc" / "fleetdata.d" / "files.json", content=json.dumps({"files": rules}).encode())
    for back in range(40):
        path = write(tmp_path / "logs" / f"{back:02}.log")
        os.utime(path, (begun(back),) * 2)
    return tmp_path


def prune(host: Path, *arguments: str, code: int = 0, **more: str) -> Any:
    return answer("prune", *arguments, "--config", host / "etc" / "fleetdata.json", code=code, **more)


def test_shop14_f49_a_dry_run_says_exactly_what_a_run_deletes_and_a_job_counts_it(host: Path) -> None:
    counts = host / "counts"
    said = prune(host, "--dry-run", STEADY_JOB_COUNTS=str(counts))
    assert not counts.exists()
    done = prune(host, "logs", STEADY_JOB_COUNTS=str(counts))
    assert [row["path"] for row in said["files"]] == [row["path"] for row in done["files"]] != []
    assert {row["status"] for row in said["files"]} | {row["status"] for row in done["files"]} == {"planned", "deleted"}
    assert done["summary"] == {**said["summary"], "dry_run": False}
    assert counts.read_text() == f"files=9 bytes={done['summary']['bytes']} in_use=0 changed=0 stopped=0 refused=0\n"
    assert len(there(host / "logs")) == 31
    assert "dumps is not there, so nothing is to go." in said["notices"][0]
    assert prune(host)["summary"]["files"] == 0


def test_f48_too_large_a_share_is_refused_and_can_be_allowed_for_one_run(host: Path) -> None:
    for path in (host / "logs").iterdir():
        os.utime(path, (path.stat().st_mtime - 20 * 86400,) * 2)
    refused = prune(host, code=8)
    assert "one run may delete 30.0% (max_share). If it is right, allow it for one run." in refused["refused"]["logs"]
    assert refused["files"] == []
    said = fleetdata("prune", "logs", "--config", host / "etc" / "fleetdata.json")
    assert said.stdout.startswith("logs: nothing was deleted. ")
    assert said.stdout.endswith("0 files deleted (0 B freed), 1 rule refused.\n")
    assert prune(host, "logs", "--max-share", "0.8")["summary"]["files"] == 29


def test_an_unknown_name_is_told_the_nearest(host: Path) -> None:
    assert prune(host, "log", code=2)["error"]["message"] == "There is no rule 'log'; did you mean logs?"


PLAYBOOK = """
- name: A user's play
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Check
      steady.fleet.file_retention: &files
        rules:
          logs: {folder: "{{ folder }}", patterns: ["*.log"], keep_days: 30, proof: none, acknowledged: Tests}
      check_mode: true
      register: predicted
    - name: Prune
      steady.fleet.file_retention: *files
      diff: true
      register: done
    - name: Prune again
      steady.fleet.file_retention: *files
      register: again
    - name: Compare
      ansible.builtin.assert:
        that:
          - predicted is changed and done is changed and again is not changed
          - predicted.files | map(attribute='path') | list == done.files | map(attribute='path') | list
          - predicted.diff == done.diff
    - name: Refuse
      steady.fleet.file_retention:
        max_share: 0.1
        rules:
          logs: {folder: "{{ folder }}", patterns: ["*.log"], keep_days: 3, proof: none, acknowledged: Tests}
"""


def test_f51_f67_a_play_checks_prunes_and_has_nothing_left_to_do(host: Path) -> None:
    (host / "play.yml").write_text(PLAYBOOK)
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(checkout.ROOT / "collections")}
    run = checkout.attempt("ansible-playbook", "-e", json.dumps({"folder": str(host / "logs")}), "play.yml", cwd=host, **environment)
    output = run.stdout + run.stderr
    assert "ok=4    changed=2    unreachable=0    failed=1 " in output, output[-6000:]
    assert f"-{host}/logs/39.log (older than 30 days)" in output
    assert "logs: nothing was deleted. " in output
    assert "Traceback" not in output
    assert len(there(host / "logs")) == 31
