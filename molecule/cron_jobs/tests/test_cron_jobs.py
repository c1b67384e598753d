"""What a user sees of the jobs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

JOB = "/usr/local/libexec/steady-fleet/job"
LOGS = "/var/log/steady-fleet"


def _status(host: Any, name: str) -> dict[str, Any]:
    return next(one for one in json.loads(host.check_output(f"{JOB} status --json")) if one["job"] == name)


def test_cs26_cron_itself_runs_the_job_as_its_user(host: Any) -> None:
    deadline = time.monotonic() + 90
    while _status(host, "every-minute")["outcome"] in ("never", "running") and time.monotonic() < deadline:
        time.sleep(1)
    home = host.user("daemon").home
    assert f"user daemon in /var/tmp, 100% of {home}" in host.file(f"{LOGS}/every-minute.log").content_string


def test_w5_w19_a_failure_is_recorded_and_in_the_journal(host: Any) -> None:
    record = _status(host, "every-minute")
    assert (record["outcome"], record["exit_code"]) == ("failed", 3)
    assert "job=every-minute failed: exit code 3" in host.check_output("journalctl --identifier steady-fleet-job --no-pager --output cat")


def test_shop12_each_job_has_a_file_that_names_its_owner(host: Any) -> None:
    file = host.file("/etc/cron.d/steady-every-minute")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    assert "role cron_jobs" in file.content_string


def test_xreq10_the_daemon_counts_in_utc(host: Any, platform: dict[str, Any]) -> None:
    """Debian's daemon by its own time zone; Amazon Linux's by a line of each crontab, which Debian's would not understand."""
    pid = host.check_output(f"systemctl show --property MainPID --value {platform['cron']}")
    daemon = host.file(f"/proc/{pid}/environ").content_string.split("\0")
    assert ("TZ=UTC" in daemon) != ("CRON_TZ=UTC" in host.file("/etc/cron.d/steady-every-minute").content_string.splitlines())


def test_w19_a_job_that_takes_too_long_is_ended(host: Any) -> None:
    assert host.run(f"{JOB} run slow").rc == 124
    assert _status(host, "slow")["outcome"] == "timeout"


def test_w15_logs_stay_small_without_waiting_for_the_daily_rotation(host: Any) -> None:
    for _ in range(5):
        host.run_expect([0], f"{JOB} run talkative")
    names = host.check_output(f"ls {LOGS}").split()
    assert sorted(name for name in names if name.startswith("talkative")) == ["talkative.log", "talkative.log.1", "talkative.log.2.gz"]
    assert int(host.check_output(f"du --summarize --block-size=1 {LOGS}").split()[0]) < 6 * 1024 * 1024


@pytest.mark.parametrize("name", ["every-minute.log", "slow.log"])
def test_cs44_logs_are_for_administrators(host: Any, name: str) -> None:
    file = host.file(f"{LOGS}/{name}")
    assert (file.user, file.group, file.mode) == ("root", "adm", 0o640)


def test_shop15_logrotate_accepts_the_configuration(host: Any) -> None:
    said = host.run("logrotate --debug /etc/logrotate.d/steady-fleet-jobs")
    assert said.rc == 0
    assert "error" not in said.stderr
