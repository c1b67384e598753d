"""Molecule scenarios run beside all other tests from the start, one at a time; two at a time once only they are left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LOGS = ROOT / ".cache" / "molecule"
IMAGES = {"debian": "steady-lab/debian:12", "amazon": "steady-lab/amazon:2023"}
Scenario = tuple[str, str]


def log_of(scenario: str, platform: str) -> Path:
    return LOGS / f"{scenario}-{platform}.log"


def run(scenario: str, platform: str) -> int:
    host = os.environ.get("MOLECULE_HOST", "steady-molecule")
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MOLECULE_COMMAND_BORDERS": "false",
        "MOLECULE_HOST": f"{host}-{platform}",
        "MOLECULE_IMAGE": IMAGES[platform],
        "MOLECULE_EPHEMERAL_DIRECTORY": str(LOGS / f"{scenario}-{platform}"),  # by default both platforms would share one
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }
    with log_of(scenario, platform).open("w") as log:
        command = [BIN / "molecule", "test", "--scenario-name", scenario]
        # A standard input of its own: one that is shared an ssh of another test makes non-blocking, which Ansible refuses.
        return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode


class Runs:
    """The chosen scenarios and how each ended."""

    def __init__(self, chosen: list[Scenario]) -> None:
        self.results: dict[Scenario, Future[int]] = {scenario: Future() for scenario in chosen}
        self._waiting = deque(chosen)

    def work(self) -> None:
        """Add a worker."""
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        with suppress(IndexError):  # none is left
            while True:
                scenario = self._waiting.popleft()
                try:
                    self.results[scenario].set_result(run(*scenario))
                except OSError as error:
                    self.results[scenario].set_exception(error)

    def end(self) -> None:
        """Begin no further scenario."""
        self._waiting.clear()
