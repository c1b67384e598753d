"""W-12, X-REQ-5: a return to the last good release that is killed between the switch and the restart."""

from __future__ import annotations

import pytest
from kill_host import COLLECTIONS, Host

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


def test_w12_the_process_ends_up_running_what_current_says(hosts: list[Host]) -> None:
    *faults, events = hosts[1].run("python3", "/opt/kill_gate_driver.py", COLLECTIONS).splitlines()
    assert faults == []
    assert int(events.split()[1]) > 8, "the hook counts the events"
