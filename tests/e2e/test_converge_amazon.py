"""Cat-Scan's host once more, on the Amazon Linux stand-in: the whole of site.yml over SSH as ec2-user, with packages from dnf (X-REQ-9, CS-2)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import checkout
import pytest

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]
PLATFORM = "amazon"
SITE = ("ansible-playbook", "-i", "inventories/lab.aws_ec2.yml", "site.yml", "-l", "catscan")


@pytest.fixture(scope="module")
def said(lab: dict[str, str]) -> str:
    return checkout.run("scripts/converge", **lab)


@pytest.fixture(scope="module")
def aws(said: str, lab: dict[str, str]) -> dict[str, str]:
    exports = checkout.run(Path(checkout.BIN, "python"), "-m", "lab", "env", **lab)
    return lab | dict(re.findall(r"^export (\w+)=(.*)$", exports, flags=re.MULTILINE))


def test_cs2_the_host_is_amazon_linux_and_its_login_is_ec2_user(aws: dict[str, str]) -> None:
    status: dict[str, Any] = json.loads(checkout.run(Path(checkout.BIN, "python"), "-m", "lab", "status", "--json", **aws))
    assert [row["user"] for row in status["instances"]] == ["ec2-user"]
    asked = ("ansible", "-i", "inventories/lab.aws_ec2.yml", "catscan", "--become", "-m", "ansible.builtin.command", "-a")
    assert "Amazon Linux release 2023" in checkout.run(*asked, "cat /etc/system-release", **aws)
    assert "amzn2023" in checkout.run(*asked, "rpm --query python3.11 cronie logrotate", **aws)


def test_cs41_health_answers(said: str) -> None:
    url = re.findall(r"(http://127\.0\.0\.1:\d+)/health", said)[-1]
    with urlopen(f"{url}/health", timeout=10) as answer:
        assert json.load(answer)["status"] == "healthy"


def test_cs16_a_second_run_changes_nothing_and_a_check_predicts_nothing(aws: dict[str, str]) -> None:
    for options in ((), ("--check", "--diff")):
        recaps = re.findall(r" changed=(\d+) +unreachable=(\d+) +failed=(\d+)", checkout.run(*SITE, *options, **aws))
        assert recaps
        assert set(recaps) == {("0", "0", "0")}
