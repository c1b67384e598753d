"""What a user sees of backups: made by the job while the application writes, pruned, verified, and put in the place of the live database."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

COMMAND = "/usr/local/bin/fleetdata"
JOB = "/usr/local/libexec/steady-fleet/job"
DATABASE = "/var/lib/shop/shop.db"
BUCKET = "molecule-backups"
KEYS: dict[str, Any] = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "molecule")


@pytest.fixture(scope="module")
def s3() -> Any:
    endpoint = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "s3").read_text()
    return boto3.client("s3", region_name="eu-central-1", endpoint_url=endpoint, **KEYS)


def keys(s3: Any, prefix: str = "shop/") -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def manifests(s3: Any, prefix: str = "shop/") -> list[dict[str, Any]]:
    """Those of the backups that are there, the oldest first."""
    return [json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"]) for key in keys(s3, prefix) if key.endswith(".manifest.json")]


def ask(host: Any, query: str) -> list[int]:
    """The live database, asked as its application would."""
    code = f"import sqlite3; print(*sqlite3.connect({DATABASE!r}, timeout=30).execute({query!r}).fetchone())"
    return [int(word) for word in host.check_output("runuser -u shop -- python3 -c %s", code).split()]


def sales(host: Any) -> int:
    counted, total = ask(host, "SELECT (SELECT count(*) FROM sale), sales FROM total")
    assert counted == total
    return counted


def fleetdata(host: Any, words: str) -> dict[str, Any]:
    done = host.run(f"{COMMAND} {words} --json")
    assert "Traceback" not in done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.rc == 0, done.stdout + done.stderr
    return answer


def test_w16_everybody_reads_what_is_declared_and_only_its_user_the_copies_on_their_way(host: Any) -> None:
    for path, owner, mode in (("/etc/steady-fleet/fleetdata.d/backups.json", "root", 0o644), ("/var/lib/fleetdata/backup", "shop", 0o700)):
        file = host.file(path)
        assert (file.user, file.mode) == (owner, mode)


def test_w3_f53_the_job_backs_up_under_a_running_writer_and_counts(host: Any, s3: Any) -> None:
    before = sales(host)
    host.run_expect([0], f"{JOB} run shop-backup")
    after = sales(host)
    assert before < after, "it was written all the time"
    (last,) = manifests(s3)[-1:]
    assert last["verified"]
    assert before <= last["counts"]["sale"] <= after
    assert (last["integrity"], last["source_path"]) == ("ok", DATABASE)
    (status,) = [job for job in json.loads(host.check_output(f"{JOB} status --json")) if job["job"] == "shop-backup"]
    assert (status["state"], status["counts"]["backups"]) == ("ok", 2)
    (folder,) = manifests(s3, "recordings/2")[-1:]
    assert folder["counts"]["files"] == 1


def test_f54_older_ones_go_only_as_marks_and_the_last_two_stay(host: Any, s3: Any) -> None:
    for _ in range(3):
        host.run_expect([0], f"runuser -u shop -- {COMMAND} backup shop")
    assert len(manifests(s3)) == 2
    held = s3.list_object_versions(Bucket=BUCKET, Prefix="shop/")
    gone = {mark["Key"] for mark in held["DeleteMarkers"]}
    assert gone
    assert gone <= {version["Key"] for version in held["Versions"]}, "each can be had back"
    assert fleetdata(host, "verify-backup")["ok"]


def play(playbook: str, *options: str) -> subprocess.CompletedProcess[str]:
    path = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / playbook
    argv = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], *options, str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def restore(*options: str, **said: Any) -> str:
    """What an operator reads."""
    variables = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "vars.yml"
    done = play("playbooks/restore_backup.yml", "-e", f"@{variables}", "-e", json.dumps({"backup": "shop", **said}), *options)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    return text


def test_cs40_f53_an_operator_puts_a_backup_in_the_place_of_the_live_database(host: Any, s3: Any) -> None:
    fleetdata(host, "backup shop")
    newest = manifests(s3)[-1]
    began = "systemctl show --property ExecMainStartTimestampMonotonic --value shop.service"
    started = host.check_output(began)
    shown = restore("--check", units=["shop.service"])
    assert f"shop of {newest['stamp']}" in shown
    assert f"{DATABASE} (nothing was written)" in shown
    assert (host.check_output(began), sales(host) > newest["counts"]["sale"]) == (started, True)

    restore(units=["shop.service"])
    assert host.service("shop.service").is_running
    assert host.service("shop.socket").is_running
    assert host.check_output("systemctl show --property InactiveEnterTimestampMonotonic --value shop.socket") != "0", "nobody could start it in between"
    assert host.check_output(began) != started
    assert host.file(DATABASE).user == "shop"
    assert ask(host, "SELECT max(id) = count(*) FROM sale") == [1], "it went on from there"
    (kept,) = host.check_output(f"ls -d {DATABASE}.before-*Z").split()
    assert host.file(kept).size > 0


def test_f53_a_copy_beside_leaves_the_application_alone(host: Any, s3: Any) -> None:
    began = "systemctl show --property ExecMainStartTimestampMonotonic --value shop.service"
    started = host.check_output(began)
    oldest = manifests(s3)[0]["stamp"]
    assert f"shop of {oldest}" in restore(at=oldest, into="/root/before.db")
    assert host.file("/root/before.db").exists
    assert host.check_output(began) == started


def test_what_cannot_work_is_refused_before_anything_is_written(host: Any) -> None:
    done = play("molecule/sqlite_backup/converge.yml", "--extra-vars", json.dumps({"sqlite_backup_databases": {"shop": {"database": "shop.db"}}}))
    assert done.returncode == 2
    assert "databases.shop.database: 'shop.db' is not an absolute path" in " ".join((done.stdout + done.stderr).split())
    assert json.loads(host.file("/etc/steady-fleet/fleetdata.d/backups.json").content_string)["backups"]["databases"]["shop"]["database"] == DATABASE
