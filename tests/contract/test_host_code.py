"""Code that runs on hosts: Python 3.9, the standard library alone, and cores that know nothing of Ansible."""

from __future__ import annotations

import ast
import shutil
import sys
from pathlib import Path

import checkout
import pytest

HOST_CODE = [
    path
    for path in checkout.files()
    if path.suffix == ".py" and (path.parts[:2] in {("plugins", "modules"), ("plugins", "module_utils")} or path.parts[0] in {"files", "roles"})
]
CORES = [
    ".".join(("ansible_collections", "steady", "fleet", *path.with_suffix("").parts)).removesuffix(".__init__")
    for path in checkout.files()
    if path.suffix == ".py" and path.parts[:2] == ("plugins", "module_utils")
]
# Amazon Linux 2023's Python, where this machine has it; a pyenv shim may lead nowhere.
OLD = next(map(str, (Path.home() / ".pyenv/versions").glob("3.9.*/bin/python")), None) or shutil.which("python3.9")


@pytest.mark.parametrize("path", HOST_CODE, ids=str)
def test_syntax_is_that_of_python_3_9(path: Path) -> None:
    ast.parse((checkout.ROOT / path).read_text(), filename=str(path), feature_version=(3, 9))


@pytest.mark.parametrize("python", [python for python in (sys.executable, OLD) if python])
def test_cores_import_with_the_standard_library_alone(python: str) -> None:
    """``-S`` leaves out every installed package, Ansible included."""
    program = f"import sys, importlib; sys.path.insert(0, {str(checkout.ROOT / 'collections')!r}); [importlib.import_module(name) for name in {CORES!r}]"
    checkout.run(python, "-I", "-S", "-c", program)


@pytest.mark.parametrize("python", [python for python in (sys.executable, OLD) if python])
def test_what_cron_calls_runs_with_the_standard_library_alone(python: str, tmp_path: Path) -> None:
    said = checkout.run(python, "-I", "-S", str(checkout.ROOT / "roles/cron_jobs/files/job.py"), "--root", str(tmp_path), "tick")
    assert '"jobs": 0' in said


@pytest.mark.parametrize("python", [python for python in (sys.executable, OLD) if python])
def test_the_command_fleetdata_is_a_package_of_its_own(python: str) -> None:
    """As on a host: nothing of Ansible is there. Without boto3 and isal it still says what is wrong with what it was told."""
    program = f"import sys; sys.path.insert(0, {str(checkout.ROOT / 'plugins/module_utils')!r}); from fleetdata import cli; cli.run()"
    said = checkout.attempt(python, "-I", "-S", "-c", program, "ls", "--config", "/none.json")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("fleetdata: /none.json: there is no such file; ")


def stands_alone(test: Path) -> bool:
    """Whether a unit test needs nothing but pytest, hypothesis and the collection's host code."""
    imports = [node for node in ast.walk(ast.parse(test.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in imports if isinstance(node, ast.ImportFrom)]
    known = sys.stdlib_module_names | {"pytest", "hypothesis"}
    return all(name.partition(".")[0] in known or name.startswith("ansible_collections.steady.fleet.plugins.module_utils") for name in names)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("python", [OLD or sys.executable])
def test_host_state_works_on_python_3_9(python: str) -> None:
    """The unit tests of the core once more, in an environment of that Python which holds pytest and no Ansible."""
    tests = [str(path) for path in sorted((checkout.ROOT / "tests/unit/host_state").glob("test_*.py")) if stands_alone(path)]
    assert len(tests) > 2
    environment = ("uv", "run", "--quiet", "--no-project", "--isolated", "--python", python, "--with", "pytest", "--with", "hypothesis", "python")
    alone = ("--noconftest", "-c", "/dev/null", "--rootdir", "/", "-p", "no:cacheprovider")
    checkout.run(*environment, "-m", "pytest", "-q", *alone, *tests, PYTHONPATH=str(checkout.ROOT / "collections"))


def test_there_is_host_code_to_look_at() -> None:
    assert len(HOST_CODE) > 10
    assert CORES
