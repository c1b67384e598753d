"""X-REQ-5, F10, F11: host_state's core is killed before each event of a run; one more run reaches the state of one that nobody disturbed.

STEADY_KILLS=all tries every event (`make kill`); else every third is tried, from a random one of the first three on.
"""

from __future__ import annotations

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kill_host import COLLECTIONS, SEED, Host

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("start", ["empty", "older", "drifted"])
def test_xreq5_one_more_run_finishes_a_run_that_was_killed_at_any_event(hosts: list[Host], start: str) -> None:
    stride = 1 if os.environ.get("STEADY_KILLS") == "all" else 3
    first = random.Random(f"{SEED} {start}").randrange(stride)
    print(f"STEADY_SEED={SEED}: every event from {first} on, in steps of {stride}")

    def part(number: int) -> dict[str, Any]:
        """Every event that is this host's."""
        numbers = first + number * stride, len(hosts) * stride
        said: dict[str, Any] = json.loads(hosts[number].run("python3", "/opt/kill_driver.py", COLLECTIONS, start, *map(str, numbers)))
        return said

    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        parts = list(pool.map(part, range(len(hosts))))
    failures = {event: wrong for done in parts for event, wrong in done["failures"].items()}
    assert not failures, json.dumps(failures, indent=1)
    assert min(done["events"] for done in parts) > 40, "the hook counts the run's events"
