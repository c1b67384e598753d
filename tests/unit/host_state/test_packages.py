"""Which packages a host has, asked of a package database that is played here; the real ones are Molecule's."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import packages

RPMS = {"chrony": ["chrony", "ntp-daemon"], "nginx": ["nginx", "webserver"]}
VERSIONS = {"nginx-1.24.0", "nginx-1.24.0-1.amzn2023"}
DEBS = {"cron": "installed", "half": "half-configured"}


class Database:
    """Answers as rpm and dpkg-query do, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, program: str, *arguments: str, check: bool) -> subprocess.CompletedProcess[str]:
        self.asked += 1
        names = [argument for argument in arguments if not argument.startswith(("-", "$"))]
        if program == "dpkg-query":
            return subprocess.CompletedProcess(names, 1, "".join(f"{name} {DEBS[name]}\n" for name in names if name in DEBS), "")
        known = {provided for all_of_it in RPMS.values() for provided in all_of_it} if "--whatprovides" in arguments else RPMS.keys() | VERSIONS
        return subprocess.CompletedProcess(names, sum(name not in known for name in names), "", "")


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    played = Database()
    monkeypatch.setattr(packages, "run", played)
    monkeypatch.setattr(packages, "manager", lambda: "dnf")
    return played


def test_rpm_is_asked_once_where_nothing_is_missing(database: Database) -> None:
    assert packages.installed(["chrony", "webserver"]) == {"chrony", "webserver"}
    assert database.asked == 1


def test_rpm_knows_names_versions_and_what_is_provided(database: Database) -> None:
    wanted = ["chrony", "ntp-daemon", "nginx-1.24.0", "nginx-1.25.0", "cronie"]
    assert packages.installed(wanted) == {"chrony", "ntp-daemon", "nginx-1.24.0"}


def test_dpkg_counts_only_what_is_whole(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "manager", lambda: "apt")
    assert packages.installed(["cron", "half", "cronie"]) == {"cron"}


def test_nothing_is_asked_for_nothing(database: Database) -> None:
    assert packages.installed([]) == set()
    assert database.asked == 0
