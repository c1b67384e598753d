"""The command: within this process, or as a host has it, the package ``fleetdata`` on its own in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli, config
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from s3_server import CREDENTIALS

PACKAGES = Path(__file__).parents[2] / "plugins" / "module_utils"
PROGRAM = [sys.executable, "-m", "fleetdata"]
CANARIES = [value for name, value in CREDENTIALS.items() if "KEY" in name]


@dataclass(frozen=True)
class Run:
    """How the command ended and what it wrote. No output ever holds credentials, or a traceback."""

    returncode: int
    stdout: str
    stderr: str

    def __post_init__(self) -> None:
        written = self.stdout + self.stderr
        assert not any(canary in written for canary in CANARIES)
        assert "Traceback" not in written, written


def environment() -> dict[str, str]:
    """The environment of the command; nothing of Ansible is to be found in it."""
    return {**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}


def process(*arguments: str | Path) -> Run:
    """Run the command as a host does."""
    run = subprocess.run([*PROGRAM, *map(str, arguments)], env=environment(), capture_output=True, text=True, check=False, timeout=120)
    return Run(run.returncode, run.stdout, run.stderr)


def fleetdata(*arguments: str | Path, **more: str) -> Run:
    """Run the command here. more: of its environment."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, more):
        code = cli.main([*map(str, arguments)], stdout=stdout, stderr=stderr)
    return Run(code, stdout.getvalue(), stderr.getvalue())


def answer(*arguments: str | Path, code: int = 0, **more: str) -> Any:
    """The JSON document that the command prints when it ends with ``code``."""
    run = fleetdata("--json", *arguments, **more)
    assert run.returncode == code, f"{run.stdout}\n{run.stderr}"
    assert run.stderr == ""
    return json.loads(run.stdout)


def declare(archive: Archive, folder: Path) -> Path:
    """Write the configuration of an archive."""
    path = folder / "fleetdata.json"
    path.write_text(json.dumps(config.to_data(archive)))
    return path
