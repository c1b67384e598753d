"""What a user sees of the drill once the role recovery_drill has declared it."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

COMMAND = "/usr/local/bin/fleetdata"
FOLDER = "/var/lib/steady-fleet/drill"
TODAY = datetime.datetime.now(datetime.UTC).date()
DAYS = [(TODAY - datetime.timedelta(days=back)).isoformat() for back in (4, 3, 2)]


def as_its_user(host: Any, *words: str, code: int = 0) -> dict[str, Any]:
    done = host.run(f"runuser -u visits -- {COMMAND} --json {' '.join(words)}")
    assert "Traceback" not in done.stderr
    assert done.rc == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(autouse=True)
def archived(host: Any) -> None:
    """Three days of two rows."""
    for day in DAYS:
        path = f"/home/visits/visits-{day}.csv"
        host.run_expect([0], f"mkdir -p /home/visits && chown visits /home/visits && printf 'Day,Page\\n{day},/\\n{day},/a\\n' > {path}")
    as_its_user(host, "archive", "--report", "visits", *(f"/home/visits/visits-{day}.csv" for day in DAYS))


def test_w16_root_owns_the_declaration_and_the_drills_user_its_folder(host: Any) -> None:
    for path, user, mode in (("/etc/steady-fleet/fleetdata.d/drill.json", "root", 0o644), (FOLDER, "visits", 0o750)):
        file = host.file(path)
        assert (file.user, file.mode) == (user, mode)


def test_cs53_a_drill_passes_signs_and_leaves_nothing(host: Any) -> None:
    said = as_its_user(host, "drill")
    assert (said["summary"]["compared"], said["summary"]["rows"], said["summary"]["faults"]) == (3, 6, 0)
    record = json.loads(host.file(said["summary"]["record"]).content_string)
    assert (record["passed"], record["user"], record["record_sha256"]) == (True, "visits", said["summary"]["record_sha256"])
    assert host.check_output(f"ls -A {FOLDER}/scratch") == ""


def test_cs36_days_come_back_into_the_database_once(host: Any) -> None:
    wanted = ("recover", "--from", DAYS[0], "--to", DAYS[-1])
    host.run_expect([0], "rm -f /home/visits/visits.db")
    assert as_its_user(host, *wanted, "--dry-run")["summary"]["rows"] == 6
    assert as_its_user(host, *wanted)["summary"]["tables"] == {"visits": 6}
    assert as_its_user(host, *wanted)["summary"]["days"] == 0


def test_cs53_an_altered_record_is_told(host: Any) -> None:
    said = as_its_user(host, "drill")
    path = said["summary"]["record"]
    host.run_expect([0], f"sed -i.before s/3600/7200/ {path}")
    assert "was altered or cut" in as_its_user(host, "drill", code=5)["files"][0]["reason"]
    host.run_expect([0], f"mv {path}.before {path}")
    as_its_user(host, "drill")
