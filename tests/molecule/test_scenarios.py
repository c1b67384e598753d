"""Every Molecule scenario, two at a time (a scenario keeps about one core busy). The logs are in ``.cache/molecule``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LOGS = ROOT / ".cache" / "molecule"
SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]


def run(scenario: str) -> int:
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MOLECULE_COMMAND_BORDERS": "false",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }
    with (LOGS / f"{scenario}.log").open("w") as log:
        command = [BIN / "molecule", "test", "--scenario-name", scenario]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False).returncode


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[int]]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    chosen = [item.callspec.params["scenario"] for item in request.session.items if "runs" in item.fixturenames]
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {scenario: pool.submit(run, scenario) for scenario in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, runs: dict[str, Future[int]]) -> None:
    if runs[scenario].result():
        log = LOGS / f"{scenario}.log"
        pytest.fail(f"{log} ends with:\n" + log.read_text()[-8000:], pytrace=False)
