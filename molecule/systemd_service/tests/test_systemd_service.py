"""What a user sees of the services."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

SERVICES = ["hello-api", "hello-web", "hello-worker", "hello-beat", "hello-shell"]


@pytest.mark.parametrize("name", SERVICES)
def test_cs23_it_runs_and_starts_at_boot(host: Any, name: str) -> None:
    assert host.service(name).is_running
    assert host.service(name).is_enabled
    assert host.check_output(f"systemctl show --property NRestarts --value {name}") == "0"


def test_cs24_the_api_answers_with_what_it_was_declared_to_know(host: Any) -> None:
    answer = json.loads(host.check_output("curl --silent --fail http://127.0.0.1:8000/"))
    assert answer == {"GREETING": '100% "quoted" $HOME \\ it\'s', "SECRET": "only root reads this file"}


def test_gunicorn_answers_without_the_secrets_of_others(host: Any) -> None:
    assert json.loads(host.check_output("curl --silent --fail http://127.0.0.1:8001/")) == {"GREETING": None, "SECRET": None}


def test_w24_every_port_is_on_loopback(host: Any) -> None:
    lines = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    assert sorted(line.split()[3] for line in lines if ":80" in line) == ["127.0.0.1:8000", "127.0.0.1:8001"]


@pytest.mark.parametrize("name", SERVICES)
def test_w16_it_runs_as_its_user_in_a_tight_sandbox(host: Any, name: str) -> None:
    pid = host.check_output(f"systemctl show --property MainPID --value {name}")
    assert host.check_output(f"ps -o user= -p {pid}").strip() == "hello"
    assert "NoNewPrivs:\t1" in host.file(f"/proc/{pid}/status").content_string
    said = host.check_output(f"systemd-analyze security --no-pager {name}")
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


def test_w16_it_writes_where_it_may_and_nowhere_else(host: Any, platform: dict[str, Any]) -> None:
    said = host.file("/var/lib/hello/said").content_string.splitlines()
    assert said == [
        "hello 100%",
        "touch: cannot touch '/etc/intruder': Read-only file system",
        "touch: cannot touch '/opt/hello/intruder': Read-only file system",
        f"ls: cannot access '/home/{platform['login']}': Permission denied",
    ]
    written = host.file("/var/lib/hello/written")
    assert (written.user, written.mode) == ("hello", 0o640)


def test_cs25_systemctl_and_the_journal_know_it(host: Any) -> None:
    assert "Uvicorn running" in host.check_output("journalctl --unit hello-api --no-pager --output cat")
    assert host.check_output("systemctl show --property Description --value hello-api") == '100% "small" API'


def test_no_service_complains(host: Any) -> None:
    assert "rror" not in host.check_output("journalctl --no-pager --output cat " + " ".join(f"--unit {name}" for name in SERVICES))


def test_memory_is_limited(host: Any) -> None:
    assert host.check_output("systemctl show --property MemoryMax --value hello-api") == str(256 * 1024 * 1024)


def test_vdb20_a_worker_may_finish_its_task(host: Any) -> None:
    assert host.check_output("systemctl show --property TimeoutStopUSec --value hello-worker") == "2min 30s"
    assert "--time-limit=120" in host.check_output("systemctl show --property ExecStart --value hello-worker")


@pytest.mark.parametrize("name", SERVICES)
def test_cti28_a_stop_is_graceful(host: Any, name: str) -> None:
    host.run_expect([0], f"systemctl restart {name}")
    assert "timed out" not in host.check_output(f"journalctl --unit {name} --no-pager --output cat")


def test_cti28_sigterm_reaches_the_program(host: Any) -> None:
    host.run_expect([0], "systemctl stop hello-shell")
    assert host.file("/var/lib/hello/said").content_string.endswith("\nbye\n")
    host.run_expect([0], "systemctl start hello-shell")
