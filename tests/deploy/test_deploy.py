"""Deploys, roll-backs and bad releases under load, by the real roles, on a host of one core and 1 GB: no request fails."""

from __future__ import annotations

import subprocess
from itertools import cycle, islice

import pytest
from deploy_host import Host, Load

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]
BY_ITSELF, IN_A_ROW, ROLL_BACKS = 10, 36, 4


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def expect_well(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.fixture(scope="module", autouse=True)
def _first_deploys(host: Host) -> None:
    expect_well(host.deploy("two", "one"))


def test_cs22_w12_mrpt1_vdb25_fifty_deploys_and_roll_backs_lose_no_request(host: Host, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    for release in islice(cycle(("two", "one")), BY_ITSELF):
        expect_well(host.deploy(release))
    expect_well(host.deploy(*islice(cycle(("two", "one")), IN_A_ROW)))
    for _ in range(ROLL_BACKS):
        before = host.serving()
        done = host.roll_back()
        expect_well(done)
        assert host.serving() != before
        assert "shop-1: went back from release" in said(done)
        expect_well(host.deploy(before, retry=True))
    seen = load.end()
    deploys = BY_ITSELF + IN_A_ROW + 2 * ROLL_BACKS
    with capsys.disabled():
        print(f"\n{deploys} deploys and roll-backs, {seen}")
    assert seen["failed"] == 0, seen["failures"]
    assert set(seen["answers"]) == {"one", "two"}
    assert min(seen["kinds"].values()) > deploys


def test_vdb25_what_was_rolled_back_stays_back_until_it_is_asked_for(host: Host) -> None:
    expect_well(host.deploy("one", "two"))
    shown = host.roll_back("--check", "--diff")
    expect_well(shown)
    assert "would go back from release" in said(shown)
    assert host.serving() == "two"
    expect_well(host.roll_back("--limit", "shop-1"))
    kept = host.deploy("two")
    expect_well(kept)
    assert host.serving() == "one"
    refused = host.roll_back()
    assert refused.returncode != 0
    assert "there is no way back from release" in said(refused)
    expect_well(host.deploy("two", retry=True))
    assert host.serving() == "two"


def test_f18_what_failed_before_does_not_block_the_fix(host: Host) -> None:
    """The service lies dead, and was started too often to be started again."""
    expect_well(host.deploy("two"))
    host.run("mv", "/opt/shop/current/app/shop/api.py", "/root/api.py")
    for _ in range(12):
        host.run("sh", "-c", "systemctl restart shop.service || true")
    host.run("sh", "-c", "systemctl kill --signal KILL shop.service || true; sleep 1; systemctl is-failed shop.service || true")
    expect_well(host.deploy("one"))
    assert host.serving() == "one"
    two = host.run("sh", "-c", "dirname $(grep -l NAME.*two /opt/shop/releases/*/app/shop/release.py)")
    host.run("mv", "/root/api.py", f"{two}/api.py")


def test_cs22_requests_wait_while_a_release_that_dies_is_taken_back(host: Host, load: Load) -> None:
    expect_well(host.deploy("two", "one"))
    bad = host.deploy("dead")
    assert bad.returncode != 0
    assert "no disk left" in said(bad)
    again = host.deploy("dead")
    assert again.returncode != 0
    assert "failed its gate at" in said(again)
    assert "python_app_retry=true" in said(again)
    expect_well(host.deploy("two"))
    seen = load.end()
    assert seen["failed"] == 0, seen["failures"]
    assert seen["answers"]["one"] > 0
