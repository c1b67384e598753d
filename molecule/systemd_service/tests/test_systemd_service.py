"""What a user sees of the services."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

SERVICES = ["hello-api", "hello-web", "hello-worker", "hello-beat", "hello-shell", "hello-page", "hello-echo"]
WATCH = """
import os, time
while True:
    count = 0
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            count += b"beat" in open(f"/proc/{process}/cmdline", "rb").read().split(b"\\0")
        except OSError:
            pass
    print(count, flush=True)
    time.sleep(0.005)
"""
SOCKETS = {"hello-api": 8000, "hello-web": 8001, "hello-echo": 8003}


@pytest.mark.parametrize("name", SERVICES)
def test_cs23_it_runs_and_starts_at_boot(host: Any, name: str) -> None:
    assert host.service(name).is_running
    assert host.service(name).is_enabled
    assert host.check_output(f"systemctl show --property NRestarts --value {name}") == "0"


def test_cs24_the_api_answers_with_what_it_was_declared_to_know(host: Any) -> None:
    answer = json.loads(host.check_output("curl --silent --fail http://127.0.0.1:8000/"))
    assert answer == {"GREETING": '100% "quoted" $HOME \\ it\'s', "SECRET": "only root reads this file"}


def test_gunicorn_answers_without_the_secrets_of_others(host: Any) -> None:
    for port in (8001, 8003):
        assert json.loads(host.check_output(f"curl --silent --fail http://127.0.0.1:{port}/")) == {"GREETING": None, "SECRET": None}


def listening(host: Any, port: int) -> str:
    """The inode of the one listening socket of a port."""
    lines = host.check_output(f"ss --listening --tcp --numeric --no-header --extended sport = :{port}").splitlines()
    (inode,) = {match[1] for line in lines for match in [re.search(r"ino:(\d+)", line)] if match}
    return inode


@pytest.mark.parametrize(("name", "port"), SOCKETS.items())
def test_cs22_w12_a_restart_never_closes_the_port(host: Any, name: str, port: int) -> None:
    before = listening(host, port)
    assert host.check_output(f"systemctl is-active {name}.socket") == "active"
    assert host.check_output(f"systemctl is-enabled {name}.socket") == "enabled"
    host.run_expect([0], f"systemctl stop {name}.service")
    assert listening(host, port) == before
    # The first connection starts it again, and is answered by it.
    host.run_expect([0], f"curl --silent --fail --max-time 20 http://127.0.0.1:{port}/")
    assert listening(host, port) == before


def test_the_queue_is_as_long_as_the_kernel_allows(host: Any) -> None:
    longest = min(4096, int(host.file("/proc/sys/net/core/somaxconn").content_string))
    for port in SOCKETS.values():
        host.run_expect([0], f"curl --silent --fail --max-time 20 http://127.0.0.1:{port}/")
    for port in (8000, 8001):  # hello-echo sets none of its own
        assert host.check_output(f"ss --listening --tcp --numeric --no-header sport = :{port}").split()[2] == str(longest)


def test_w24_every_port_is_on_loopback(host: Any) -> None:
    lines = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    assert sorted(line.split()[3] for line in lines if ":80" in line) == [f"127.0.0.1:{port}" for port in range(8000, 8004)]


@pytest.mark.parametrize("name", SERVICES)
def test_w16_every_kind_runs_as_its_user_in_a_tight_sandbox(host: Any, name: str) -> None:
    pid = host.check_output(f"systemctl show --property MainPID --value {name}")
    assert host.check_output(f"ps -o user= -p {pid}").strip() == "hello"
    assert "NoNewPrivs:\t1" in host.file(f"/proc/{pid}/status").content_string
    said = host.check_output(f"systemd-analyze security --no-pager {name}")
    exposure = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0, said  # what is shipped promises 2.5, Cat-Scan's API 2.0


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


def declared_units() -> list[dict[str, Any]]:
    units: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parents[1] / "vars.yml").read_text())["systemd_service_units"]
    return units


def test_w16_every_kind_is_in_this_test() -> None:
    units = declared_units()
    roles = Path(__file__).parents[3] / "roles"
    spec = yaml.safe_load((roles / "systemd_service/meta/argument_specs.yml").read_text())
    options = spec["argument_specs"]["main"]["options"]["systemd_service_units"]["options"]
    assert {unit["kind"] for unit in units} == set(options["kind"]["choices"])
    assert [unit["name"] for unit in units] == SERVICES


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


def test_w21_two_schedulers_never_overlap(host: Any) -> None:
    """Ten restarts while every scheduler that exists at any instant is written down."""
    host.run_expect([0], "systemd-run --unit watch-beat --property StandardOutput=file:/run/beats python3 -c " + shlex.quote(WATCH))
    mains = set()
    try:
        for _ in range(10):
            host.run_expect([0], "systemctl reset-failed hello-beat")  # ten starts in five minutes are its limit
            host.run_expect([0], "systemctl restart hello-beat")
            mains.add(host.check_output("systemctl show --property MainPID --value hello-beat"))
    finally:
        host.run_expect([0], "systemctl stop watch-beat")
    counts = host.file("/run/beats").content_string.split()
    assert len(mains) == 10
    assert set(counts) <= {"0", "1"}
    assert counts.count("1") > 10


def converge(units: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    playbook = Path(__file__).parents[2] / "shared" / "converge.yml"
    extra = json.dumps({"systemd_service_units": units})
    command = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], "--extra-vars", extra, str(playbook)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_cs22_a_port_moves_to_a_socket_and_back_in_one_converge(host: Any) -> None:
    units = declared_units()
    former = [{**unit, "socket": False} if unit["kind"] in ("uvicorn", "gunicorn") else unit for unit in units]
    for declared, active in ((former, "inactive"), (units, "active"), (former, "inactive"), (units, "active")):
        first, second = converge(declared), converge(declared)
        assert "failed=0" in first.stdout, first.stdout + first.stderr
        assert "changed=0" in second.stdout, second.stdout
        for name, port in (("hello-api", 8000), ("hello-web", 8001)):
            assert host.run(f"systemctl is-active {name}.socket").stdout.strip() == active
            host.run_expect([0], f"curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:{port}/")


def test_a_changed_port_moves_the_socket_and_a_stranger_on_it_is_refused(host: Any) -> None:
    units = declared_units()
    moved = [{**unit, "port": 8010} if unit["name"] == "hello-api" else unit for unit in units]
    first = converge(moved)
    assert "failed=0" in first.stdout, first.stdout + first.stderr
    host.run_expect([0], "curl --silent --fail --max-time 20 http://127.0.0.1:8010/")
    assert not host.socket("tcp://127.0.0.1:8000").is_listening
    host.run_expect([0], "systemd-run --unit stranger python3 -m http.server --bind 127.0.0.1 8000")
    refused = converge(units)
    host.run_expect([0], "systemctl stop stranger")
    assert "is to listen on port 8000, which" in " ".join((refused.stdout + refused.stderr).split())
    host.run_expect([0], "curl --silent --fail --max-time 20 http://127.0.0.1:8010/")
    assert "failed=0" in converge(units).stdout


def test_cti28_sigterm_reaches_the_program(host: Any) -> None:
    host.run_expect([0], "systemctl stop hello-shell")
    assert host.file("/var/lib/hello/said").content_string.endswith("\nbye\n")
    host.run_expect([0], "systemctl start hello-shell")
