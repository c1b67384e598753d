"""Every linter and formatter passes on the whole tree, without exceptions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SCRIPTS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("scripts", ".ci", "lab", "benchmarks")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/sh", b"# shellcheck shell="))
)
COMMANDS = {
    "ruff check": [BIN / "ruff", "check", "."],
    "ruff format": [BIN / "ruff", "format", "--check", "."],
    "yamllint": [BIN / "yamllint", "--strict", "."],
    "ansible-lint": [BIN / "ansible-lint", "--nocolor"],
    "antsibull-changelog": [BIN / "antsibull-changelog", "lint"],
} | {f"bash -n {script}": ["bash", "-n", script] for script in SCRIPTS}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_tree_is_clean(command: list[str]) -> None:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout[-8000:]}\n{result.stderr[-2000:]}"
