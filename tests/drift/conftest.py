"""Three hosts: one is converged by site.yml, and the others are its copies."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import drift_host
import pytest
from drift_catalogue import Declared, Drift, catalogue, idle_unit
from drift_host import Host, Json, Site
from test_drift import Bench, series
from test_drift_site import Whole, whole

HOSTS = int(os.environ.get("DRIFT_HOSTS", "3"))
DRIFTS = int(os.environ.get("DRIFT_COUNT", "210"))
SUMMARY: list[str] = []


@pytest.fixture(scope="session")
def seed() -> int:
    return int(os.environ.get("DRIFT_SEED", "954289139"))


@pytest.fixture(scope="session")
def summary() -> list[str]:
    return SUMMARY


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("drift"))


@pytest.fixture(scope="session")
def first_host() -> Iterator[Host]:
    """An empty host, as a cloud would hand it out."""
    host = drift_host.boot(f"steady-drift-{os.getpid()}-0", drift_host.IMAGE)
    try:
        drift_host.prepare(host)
        yield host
    finally:
        host.close()


@pytest.fixture(scope="session")
def first(first_host: Host, site: Site) -> Whole:
    """The first check and run of site.yml on the empty host."""
    return whole(first_host, site)


@pytest.fixture(scope="session")
def declared(first: Whole) -> Declared:
    """What all roles declare, and one scope with what they do not happen to use."""
    return Declared([*first.run.scopes, further_scope()])


def further_scope() -> Json:
    letter = {"sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "data": "eA=="}
    return {
        "scope": "drift",
        "files": [
            {"path": "/etc/drift/seed", "seed": True, **letter},
            {"path": "/etc/drift/reloads", "reloads": ["ssh.service"], **letter},
            {"path": "/etc/drift/deep/er/restarts", "mode": "0440", "group": "adm", "restarts": ["drift-idle.service", "cron.service"], **letter},
        ],
        "units": [
            idle_unit("drift-idle.service"),
            {**idle_unit("drift-rest.service"), "enabled": False, "state": "stopped"},
            {"name": "e2scrub_all.timer", "masked": True},
            {"name": "apt-daily-upgrade.timer", "enabled": False, "state": "stopped"},
        ],
        "absent": {"paths": ["/etc/drift/absent"], "units": ["drift-retired.service"]},
    }


@pytest.fixture(scope="session")
def benches(first_host: Host, declared: Declared) -> Iterator[list[Bench]]:
    """The converged host and copies of it, which were rebooted by that."""
    image = f"{first_host.name}-image"
    drift_host.docker("commit", first_host.name, image)
    hosts = [first_host]
    try:
        hosts += [drift_host.boot(f"{first_host.name[:-1]}{number}", image) for number in range(1, HOSTS)]
        benches = [Bench(host, declared) for host in hosts]
        for bench in benches:
            _make_older_releases(bench)
            bench.converge(check=False)
            assert bench.converge(check=True)["plan"] == []
        yield benches
    finally:
        for host in hosts[1:]:
            host.close()
        drift_host.docker("rmi", "--force", image, check=False)


def _make_older_releases(bench: Bench) -> None:
    for link in bench.declared.all("links"):
        if not link["target"].startswith("/"):
            folder = f"{link['path'].rpartition('/')[0]}/{link['target'].rpartition('/')[0]}"
            name = link["target"].rpartition("/")[2]
            bench.perform(["cp", "--archive", f"{folder}/{name}", f"{folder}/{'0' * len(name)}"])


@pytest.fixture(scope="session")
def trials(declared: Declared, seed: int) -> list[list[tuple[Drift, ...]]]:
    every = series(catalogue(declared, random=random.Random(seed)), length=DRIFTS, random=random.Random(seed))
    return [every[number::HOSTS] for number in range(HOSTS)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in SUMMARY:
        terminalreporter.write_line(f"check mode is an oracle: {line}")
