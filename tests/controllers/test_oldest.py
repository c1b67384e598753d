"""The oldest controller that we support, ansible-core 2.19 on Python 3.11, beside the newest, which runs all other tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import checkout
import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# What touches Ansible's own interfaces; the rest of tests/unit is plain Python.
UNIT = ["unit/aws", "unit/cloudwatch_agent", "unit/cron_jobs/test_cron.py", "unit/inventory", "unit/systemd_service", "unit/catscan/test_site.py"]
INVENTORY = [
    "inventory/test_inventory.py::test_xreq1_one_system_is_one_request_for_that_system",
    "inventory/test_inventory.py::test_xreq1_stopped_and_untagged_instances_are_reported",
]


@pytest.fixture(scope="module")
def oldest() -> Path:
    """The programs of the oldest controller, made when first asked for."""
    checkout.run("scripts/bootstrap", "3.11")
    return checkout.ROOT / ".cache" / "python-3.11" / "bin"


def run(oldest: Path, *command: str | Path, **environment: str) -> str:
    return checkout.run(oldest / command[0], *command[1:], PATH=f"{oldest}:{os.environ['PATH']}", **environment)


def test_it_is_the_oldest_that_the_collection_allows(oldest: Path) -> None:
    required = yaml.safe_load((checkout.ROOT / "meta" / "runtime.yml").read_text())["requires_ansible"]
    assert f"[core {required.removeprefix('>=').rpartition('.')[0]}." in run(oldest, "ansible", "--version")


def test_every_playbook_is_understood(oldest: Path) -> None:
    run(oldest, "ansible-playbook", "--syntax-check", "-i", "localhost,", "site.yml", *sorted(map(str, checkout.ROOT.glob("playbooks/*.yml"))))


def test_the_plugins_pass_their_tests(oldest: Path) -> None:
    run(oldest, "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{path}" for path in UNIT + INVENTORY))


@pytest.mark.docker
def test_a_whole_host_converges(oldest: Path) -> None:
    """Check on the empty host, converge, again without a change, check, and look at the host."""
    run(oldest, "molecule", "test", "--scenario-name", "site", MOLECULE_HOST=f"steady-oldest-{os.getpid()}")


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("", "No Python 3.11 or later was found on the PATH or in ~/.pyenv. Install it"),
        ("3.11", "No Python 3.11 was found on the PATH or in ~/.pyenv. Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv"),
        ("2.7", "takes nothing or a version of Python (3.11 or later), not '2.7'"),
    ],
)
def test_without_a_python_bootstrap_says_which(tmp_path: Path, version: str, sentence: str) -> None:
    said = bootstrap(tmp_path, version=version)
    assert said.startswith("error: ")
    assert sentence in said


def test_bootstrap_takes_the_newest_python_there_is(tmp_path: Path) -> None:
    """Each stands in for a Python, and says which one was asked to make an environment."""
    for version in ("3.11", "3.12"):
        program = tmp_path / "bin" / f"python{version}"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\ncase "$1 $2" in "-m venv") echo chose {version} >&2; exit 1;; esac\n')
        program.chmod(0o755)
    assert "chose 3.12" in bootstrap(tmp_path)
    (tmp_path / "bin" / "python3.12").unlink()
    assert "chose 3.11" in bootstrap(tmp_path)


def bootstrap(folder: Path, *, version: str = "") -> str:
    """What scripts/bootstrap says in a copy of the project whose PATH has nothing but the programs that it needs and ``folder/bin``."""
    project, programs = folder / "project", folder / "bin"
    programs.mkdir(exist_ok=True)
    if not project.exists():
        (project / "scripts").mkdir(parents=True)
        for name in ("scripts/bootstrap", "scripts/common.sh", "constraints.txt"):
            shutil.copy(checkout.ROOT / name, project / name)
        for name in ("bash", "cat", "cksum", "dirname", "env", "grep"):
            (programs / name).symlink_to(str(shutil.which(name)))
    done = checkout.attempt(project / "scripts" / "bootstrap", *version.split(), PATH=str(programs), HOME=str(folder))
    assert done.returncode != 0
    return done.stderr
