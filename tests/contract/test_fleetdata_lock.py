"""The command fleetdata is installed with what its tests ran with, and with nothing unpinned (W-13)."""

from __future__ import annotations

import re

import checkout
import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import wheels

FOLDER = checkout.ROOT / "plugins/module_utils/fleetdata"
LOCKS = {lock: (FOLDER / f"{lock}.txt").read_text() for lock in ("requirements", "requirements-migrate")}


def wanted(lock: str) -> list[str]:
    """The packages that a lock is made of, those of the files that it includes, too."""
    lines = [line for line in (FOLDER / f"{lock}.in").read_text().splitlines() if line and not line.startswith("#")]
    included = [name for line in lines if line.startswith("-r ") for name in wanted(line[3:].removesuffix(".in"))]
    return included + [re.split(r"[\[;]", line)[0] for line in lines if not line.startswith("-r ")]


@pytest.mark.parametrize("lock", LOCKS)
def test_w13_the_lock_pins_every_requirement_by_hash_and_names_no_address(lock: str) -> None:
    pins = {pin.name for pin in wheels.parse_lock(LOCKS[lock], where=f"{lock}.txt")}
    assert {*wanted(lock), "botocore"} <= pins
    assert "://" not in LOCKS[lock]


@pytest.mark.parametrize(
    ("lock", "package"),
    [(lock, package) for lock in LOCKS for package in (*wanted(lock), "botocore", "s3transfer", *(["psycopg-binary"] if "migrate" in lock else []))],
)
def test_what_is_tested_here_is_what_hosts_get(lock: str, package: str) -> None:
    tested = re.search(rf"^{package}==(\S+)", (checkout.ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert tested is not None
    assert re.search(rf"^{package}=={re.escape(tested[1])}[ \\]", LOCKS[lock], re.MULTILINE)


def test_a_host_that_migrates_has_all_else_as_the_others_have_it() -> None:
    plain, more = (
        {pin.name: (pin.version, pin.hashes) for pin in wheels.parse_lock(LOCKS[lock], where=lock)} for lock in ("requirements", "requirements-migrate")
    )
    assert plain.items() <= more.items()
