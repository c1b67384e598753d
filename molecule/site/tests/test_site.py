"""A whole Cat-Scan host, as its users see it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

PYTHON = "/opt/catscan/current/venv/bin/python"
JOB = "/usr/local/libexec/steady-fleet/job"


def get(host: Any, path: str) -> dict[str, Any]:
    return json.loads(host.check_output(f"curl --fail --silent http://127.0.0.1:8000{path}"))


def test_cs23_the_api_is_supervised(host: Any) -> None:
    assert host.service("catscan-api").is_running
    assert host.service("catscan-api").is_enabled


def test_cs24_w1_the_api_listens_on_loopback_only(host: Any) -> None:
    assert host.socket("tcp://127.0.0.1:8000").is_listening
    assert not host.socket("tcp://0.0.0.0:8000").is_listening
    assert host.check_output("curl --fail --silent --output /dev/null --write-out %{http_code} http://127.0.0.1:8000/docs") == "200"


def test_w16_the_api_is_no_root(host: Any) -> None:
    main = host.check_output("systemctl show --property MainPID --value catscan-api")
    assert host.check_output(f"ps -o user= -p {main}") == "catscan"
    assert host.user("catscan").shell.endswith("nologin")


def test_cs41_health(host: Any) -> None:
    assert get(host, "/health")["status"] == "healthy"


def test_cs14_cs22_a_release_is_switched_as_a_whole(host: Any) -> None:
    release = host.file("/opt/catscan/current").linked_to
    assert release.startswith("/opt/catscan/releases/")
    assert not host.run(f"find {release}/app -name .git -o -name tests -o -name '*.db' -o -name venv").stdout


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [("/etc/catscan/env", "root", 0o600), ("/var/lib/catscan", "catscan", 0o750), ("/var/lib/catscan/credentials", "catscan", 0o700)],
)
def test_cs15_w9_who_may_read(host: Any, path: str, owner: str, mode: int) -> None:
    assert (host.file(path).user, host.file(path).mode) == (owner, mode)


def test_no_secret_in_argv_or_logs(host: Any) -> None:
    for command in ("ps -eo args", "journalctl --no-pager --boot", "systemctl show catscan-api"):
        assert "canary-9a4e0c6d31" not in host.check_output(command)


def test_cs26_cs43_the_job_imports_a_day_of_each_type(host: Any) -> None:
    day = date(2026, 11, 1).isoformat()
    host.run_expect(
        [0], f"runuser -u catscan -- sh -c 'cd /opt/catscan/current/app && {PYTHON} -m catscan.generate --date {day} --out /var/lib/catscan/imports'"
    )
    host.run_expect([0], f"{JOB} run catscan-gmail-import")
    imported = {item["report_type"] for item in get(host, "/uploads/history")["items"] if item["day"] == day}
    assert imported == {"performance", "funnel-geo", "funnel-publishers"}
    published = json.loads(host.file("/run/steady-fleet/jobs.json").content_string)["jobs"]
    (job,) = (one for one in published if one["job"] == "catscan-gmail-import")
    assert (job["outcome"], job["counts"]["files"], job["overdue"]) == ("ok", 3, False)


def test_xreq10_cron_runs_and_means_utc(host: Any, platform: dict[str, Any]) -> None:
    assert host.service(platform["cron"]).is_running
    assert host.check_output("date +%Z") == "UTC"


def test_nothing_failed(host: Any) -> None:
    assert host.check_output("systemctl --failed --no-legend --plain") == ""
