"""What a user sees of the command fleetdata once the role s3_archive has put it in place."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = "/usr/local/bin/fleetdata"
CONFIGURATION = "/etc/steady-fleet/fleetdata.json"
RELEASES = "/opt/fleetdata/releases"
REPORTS = "/srv/reports"
HEADER = "Day,Page,Visits\n"
Archive = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def archive(host: Any) -> Archive:
    """Let an unprivileged user archive a report of that content."""

    def archived(day: str, content: str, *options: str) -> tuple[int, dict[str, Any]]:
        path = f"{REPORTS}/visits-{day}.csv"
        host.run_expect([0], f"mkdir -p {REPORTS} && printf %s '{content}' > {path}")
        done = host.run(f"runuser -u nobody -- {COMMAND} archive --json {' '.join(options)} {path}")
        assert "Traceback" not in done.stderr
        return done.rc, json.loads(done.stdout)["files"][0]

    return archived


def test_w16_root_owns_the_command_and_everybody_reads_its_configuration(host: Any) -> None:
    for path, mode in ((COMMAND, 0o755), (CONFIGURATION, 0o644)):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", mode)
    assert host.check_output("find /opt/fleetdata/ -perm /022 -not -type l") == ""


def test_w29_a_report_is_archived_by_the_day_of_its_content_and_counted(host: Any, archive: Archive) -> None:
    code, row = archive("2026-11-20", HEADER + "2026-11-20,/,7\n2026-11-20,/a,5\n")
    assert (code, row["status"], row["rows"]) == (0, "uploaded", 2)
    assert row["uri"] == "s3://molecule-archive/csv/visits/2026/11/20/visits-2026-11-20.csv.gz"
    assert archive("2026-11-20", HEADER + "2026-11-20,/,7\n2026-11-20,/a,5\n")[1]["status"] == "unchanged"
    verified = json.loads(host.check_output(f"runuser -u nobody -- {COMMAND} verify --json"))
    assert verified["ok"] and verified["files"]


@pytest.mark.parametrize(
    ("day", "content", "code", "status", "says"),
    [
        ("2026-11-19", HEADER + "2026-11-19,/\n", 3, "quarantined", "row 2"),
        ("2026-11-19", "Day,Visits\n2026-11-19,1\n", 3, "quarantined", "Page"),
        ("2026-11-20", HEADER + "2026-11-20,/,8\n", 4, "conflict", "Another content is archived"),
    ],
)
def test_what_cannot_be_archived_is_said_and_left(host: Any, archive: Archive, day: str, content: str, code: int, status: str, says: str) -> None:
    archive("2026-11-20", HEADER + "2026-11-20,/,7\n2026-11-20,/a,5\n")
    ended, row = archive(day, content, "--delete-source")
    assert (ended, row["status"]) == (code, status)
    assert says in row["reason"]
    assert host.file(f"{REPORTS}/visits-{day}.csv").content_string == content


def test_it_is_isolated_from_who_runs_it_and_from_where(host: Any) -> None:
    host.run_expect([0], "mkdir -p /tmp/theirs/fleetdata && echo 'raise SystemExit(77)' | tee /tmp/theirs/boto3.py /tmp/theirs/fleetdata/__init__.py")
    done = host.run(f"cd /tmp/theirs && runuser -u nobody -- env PYTHONPATH=/tmp/theirs LC_ALL=C HOME=/tmp/theirs {COMMAND} ls --json")
    assert done.rc == 0, done.stderr
    assert host.check_output("find /opt/fleetdata/ -newer /tmp/theirs -name '*.pyc'") == ""


def test_a_configuration_that_is_not_there_is_one_sentence(host: Any) -> None:
    done = host.run(f"env FLEETDATA_CONFIG=/nonexistent {COMMAND} ls")
    assert (done.rc, done.stderr.count("\n")) == (2, 1)
    assert "/nonexistent: there is no such file" in done.stderr


def converge(*options: str) -> subprocess.CompletedProcess[str]:
    playbook = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "molecule/shared/converge.yml"
    argv = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], *options, str(playbook)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_w2_a_bucket_that_allows_too_much_is_named_and_old_releases_go(host: Any) -> None:
    """One run: the release gate prunes, then the check judges; what was converged stays."""
    current = host.check_output("basename $(readlink -f /opt/fleetdata/current)")
    for old, day in (("aaaaaaaaaaa1", "01"), ("aaaaaaaaaaa2", "02")):
        record = json.dumps({"id": old, "built_at": f"2026-01-{day}T00:00:00+00:00", "proved": True, "proved_at": f"2026-01-{day}T00:00:00+00:00"})
        host.run_expect([0], f"mkdir {RELEASES}/{old} && echo '{record}' > {RELEASES}/{old}/release.json")
    done = converge("--extra-vars", "s3_archive_check_hours=24")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2
    assert f"{COMMAND} check ended with" in said
    for words in ("overwrite", "delete", "DenyOverwriting"):
        assert words in said
    assert sorted(host.check_output(f"ls {RELEASES}").split()) == sorted(["aaaaaaaaaaa2", current])
    assert not host.file("/var/lib/steady-fleet/gates/fleetdata.json").exists
