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


def test_there_is_host_code_to_look_at() -> None:
    assert len(HOST_CODE) > 10
    assert CORES
