"""What a user sees of the jobs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

JOB = "/usr/local/libexec/steady-fleet/job"
LOGS = "/var/log/steady-fleet"


def _status(host: Any, name: str) -> dict[str, Any]:
    return next(one for one in json.loads(host.check_output(f"{JOB} status --json")) if one["job"] == name)


def _until(true: Callable[[], bool], seconds: int = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(1)


def _run(host: Any, name: str) -> dict[str, Any]:
    return json.loads(host.check_output(f"{JOB} history {name} --json"))[-1]


def _heartbeats(host: Any) -> list[str]:
    return host.check_output("journalctl --identifier steady-fleet-jobs --no-pager --output cat").splitlines()


def test_a_first_converge_starts_nothing(host: Any) -> None:
    _until(lambda: bool(_heartbeats(host)))  # the timer's first look, half a minute after boot: it remembers each job's schedule
    assert {_status(host, name)["outcome"] for name in ("missed-noon", "missed-midnight", "classify_batch")} == {"never"}
    assert _status(host, "missed-noon")["overdue"] is False


def test_shop25_xreq5_what_a_power_cut_prevented_or_ended_is_caught_up_once_after_boot(host: Any) -> None:
    when = "noon" if datetime.now(UTC).hour in (23, 0, *range(14, 23)) else "midnight"
    missed, cut = f"missed-{when}", f"cut-{when}"
    for name in (missed, cut):
        record = f"/var/lib/steady-fleet/jobs/{name}.json"
        host.run_expect([0], f'sed --in-place \'s/"since": .*/"since": "2026-01-01T00:00:00Z"/\' {record}')
    host.run_expect([0], f"systemctl start steady-fleet-job@{cut}.service")
    _until(lambda: _status(host, cut)["outcome"] == "running")
    container = host.backend.get_hostname()
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    subprocess.run(["docker", "start", container], check=True, capture_output=True)
    host.run_expect([0], "mkdir --parents /run/steady-fleet && touch /run/steady-fleet/again")
    assert _status(host, cut)["outcome"] == "interrupted"
    assert _status(host, missed)["outcome"] == "never"
    _until(lambda: _status(host, missed)["outcome"] == _status(host, cut)["outcome"] == "ok")
    host.run_expect([0], "systemctl start steady-fleet-jobs.service")
    for name, tried in ((missed, ["ok"]), (cut, ["interrupted", "ok"])):
        runs = json.loads(host.check_output(f"{JOB} history {name} --json"))
        assert [(run["trigger"], run["outcome"]) for run in runs] == [("catch-up", outcome) for outcome in tried]
    assert _run(host, missed)["counts"] == {"rows": 7, "files": 1}


def test_w19_the_timer_looks_after_the_jobs_in_a_sandbox(host: Any) -> None:
    assert host.check_output("systemctl is-enabled steady-fleet-jobs.timer") == "enabled"
    assert json.loads(_heartbeats(host)[-1])["jobs"] == 9
    exposure = host.check_output("systemd-analyze security --no-pager steady-fleet-jobs.service").splitlines()[-1]
    assert float(exposure.split(":")[1].split()[0]) <= 2.5, exposure


def test_w19_everyone_on_the_host_may_read_what_ran(host: Any) -> None:
    said = json.loads(host.check_output("runuser -u nobody -- cat /run/steady-fleet/jobs.json"))
    assert {"job", "state", "last_success", "expected_by", "overdue"} <= set(said["jobs"][0])
    assert "command" not in said["jobs"][0]


def test_w5_shop7_a_source_that_fails_stops_no_other_and_is_named(host: Any) -> None:
    assert host.run(f"{JOB} run daily_scrape").rc == 4
    run = _run(host, "daily_scrape")
    assert run["outcome"] == "partly"
    assert [(step["name"], step["outcome"]) for step in run["steps"]] == [("reddit", "ok"), ("appstore", "failed"), ("community", "ok")]
    assert run["counts"] == {"rows": 80}
    assert "appstore (failed: exit code 4)" in host.check_output("journalctl --identifier steady-fleet-job --no-pager --output cat")
    assert host.run(f"{JOB} status --check").rc == 1


def test_cs26_cron_itself_runs_the_job_as_its_user(host: Any) -> None:
    _until(lambda: _status(host, "every-minute")["outcome"] not in ("never", "running"))
    assert _run(host, "every-minute")["trigger"] == "cron"
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
