"""From nothing to a converged Cat-Scan host with data in it, by the command that a newcomer types; again; and nothing left behind."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from urllib.request import urlopen

import checkout
import pytest

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]
RECAP = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


def recaps(output: str) -> list[tuple[int, int, int]]:
    return [(int(changed), int(unreachable), int(failed)) for changed, unreachable, failed in RECAP.findall(output)]


def get(url: str) -> dict[str, object]:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def first(lab: dict[str, str]) -> str:
    return checkout.run("make", "--no-print-directory", "converge", **lab)


@pytest.fixture(scope="module")
def url(first: str) -> str:
    """The last one that is printed; site.yml's own summary has the host's, which is of no use here."""
    return re.findall(r"(http://127\.0\.0\.1:\d+)/health", first)[-1]


def test_first_run_fails_nowhere(first: str) -> None:
    assert recaps(first)
    assert all((unreachable, failed) == (0, 0) for _, unreachable, failed in recaps(first))


def test_summary_says_what_runs_and_what_comes_next(first: str) -> None:
    assert "catscan-server_i-" in first
    assert "catscan-api" in first
    assert "catscan-gmail-import" in first
    assert re.search(r"The next import is at \d{4}-\d\d-\d\d.08:00", first)
    assert "What to try next" in first


def test_cs41_health_answers_on_a_loopback_port(url: str) -> None:
    assert get(f"{url}/health")["status"] == "healthy"


def test_cs43_history_shows_a_day_of_each_type(url: str) -> None:
    items = get(f"{url}/uploads/history")["items"]
    assert {item["report_type"] for item in items} == {"performance", "funnel-geo", "funnel-publishers"}
    assert {item["status"] for item in items} == {"imported"}
    assert all(item["rows"] > 0 for item in items)


def test_second_run_changes_nothing(first: str, lab: dict[str, str]) -> None:
    again = checkout.run("make", "--no-print-directory", "converge", **lab)
    assert [changed for changed, _, _ in recaps(again)] == [0] * len(recaps(again))
    assert "Installing" not in again


def test_check_predicts_nothing(first: str, lab: dict[str, str]) -> None:
    shown = checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "site.yml", "-l", "catscan", "--check", "--diff", **aws(lab))
    assert [changed for changed, _, _ in recaps(shown)] == [0] * len(recaps(shown))


def test_an_unchanged_host_costs_one_module_call_three_commands_and_few_tasks(first: str, lab: dict[str, str]) -> None:
    """What makes a re-run fast on any machine, as counts: each task is a fork on the controller, each module call a Python start on the host."""
    shown = checkout.run("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "site.yml", "-l", "catscan", "-vvv", **aws(lab))
    hosts = len(recaps(shown))
    assert shown.count("Using module file") == hosts, "host_state alone, and once"
    assert shown.count("SSH: EXEC") == 3 * hosts, "connect, glance at the release, host_state"
    assert len(re.findall(r"^TASK \[", shown, re.MULTILINE)) <= 10 + 1, "of which one is the summary"


def aws(lab: dict[str, str]) -> dict[str, str]:
    exports = checkout.run(Path(checkout.BIN, "python"), "-m", "lab", "env", **lab)
    return lab | dict(re.findall(r"^export (\w+)=(.*)$", exports, flags=re.MULTILINE))


def test_lab_down_leaves_nothing(first: str, lab: dict[str, str]) -> None:
    checkout.run("make", "--no-print-directory", "lab-down", **lab)
    assert not Path(lab["STEADY_LAB_STATE"]).exists()
    for kind, filters in (
        ("network", ["ls", "--filter", f"name={lab['STEADY_LAB_NETWORK']}"]),
        ("container", ["ls", "--all", "--filter", f"network={lab['STEADY_LAB_NETWORK']}"]),
    ):
        assert not subprocess.run(["docker", kind, *filters, "--quiet"], capture_output=True, text=True, check=True).stdout
    processes = subprocess.run(["pgrep", "--full", "--list-full", lab["STEADY_LAB_STATE"]], capture_output=True, text=True, check=False).stdout
    assert not processes
