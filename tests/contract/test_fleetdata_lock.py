"""The command fleetdata is installed with what its tests ran with, and with nothing unpinned (W-13)."""

from __future__ import annotations

import re

import checkout
import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import wheels

FOLDER = checkout.ROOT / "plugins/module_utils/fleetdata"
LOCK = (FOLDER / "requirements.txt").read_text()
WANTED = [line for line in (FOLDER / "requirements.in").read_text().splitlines() if line and not line.startswith("#")]


def test_w13_the_lock_pins_every_requirement_by_hash_and_names_no_address() -> None:
    pins = {pin.name for pin in wheels.parse_lock(LOCK, where="requirements.txt")}
    assert {*WANTED, "botocore"} <= pins
    assert "://" not in LOCK


@pytest.mark.parametrize("package", [*WANTED, "botocore", "s3transfer"])
def test_what_is_tested_here_is_what_hosts_get(package: str) -> None:
    tested = re.search(rf"^{package}==(\S+)", (checkout.ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert tested is not None
    assert f"{package}=={tested[1]}" in LOCK
