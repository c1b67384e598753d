"""X-REQ-5, W-12, F10, F11: a whole run (release, converge, gate) is killed at random moments, with its controller or with its host.

One more run reaches what an undisturbed one reaches, and the process runs what lies on the disk.
"""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kill_host import SEED, Host
from kill_site import Site

KILLS = 12 if os.environ.get("STEADY_KILLS") == "all" else 3

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(3600)]


def disturb(site: Site) -> list[str]:
    site.converge("1.0")
    undisturbed, began = site.manifests("1.0"), time.monotonic()
    site.converge("1.1")
    longest = time.monotonic() - began
    for number in range(KILLS):
        version = f"2.{number}"
        site.kill(version, longest=longest)
        site.converge(version)
        faults = site.faults(version)
        if site.manifests(version) != undisturbed:
            faults.append(f"the manifests are {site.manifests(version)}, not {undisturbed}")
        if faults:
            return [*site.story, *faults]
    return []


def test_xreq5_w12_one_more_run_finishes_a_run_killed_at_a_random_moment(hosts: list[Host], tmp_path: Path) -> None:
    print(f"STEADY_SEED={SEED}: {KILLS} kills of each of {len(hosts)} hosts")
    sites = [Site(host, tmp_path, random.Random(SEED + number)) for number, host in enumerate(hosts)]
    with ThreadPoolExecutor(max_workers=len(sites)) as pool:
        faults = list(pool.map(disturb, sites))
    assert faults == [[] for _ in sites], f"seed {SEED}"
