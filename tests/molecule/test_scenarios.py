"""Every Molecule scenario on every platform, two at a time (a scenario keeps about one core busy). The logs are in ``.cache/molecule``."""

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
IMAGES = {"debian": "steady-lab/debian:12", "amazon": "steady-lab/amazon:2023"}
RUNS = [(path.parent.name, platform) for path in sorted((ROOT / "molecule").glob("*/molecule.yml")) for platform in IMAGES]

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]


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
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False).returncode


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[tuple[str, str], Future[int]]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    chosen = [(item.callspec.params["scenario"], item.callspec.params["platform"]) for item in request.session.items if "runs" in item.fixturenames]
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {one: pool.submit(run, *one) for one in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("scenario", "platform"), RUNS)
def test_scenario(scenario: str, platform: str, runs: dict[tuple[str, str], Future[int]]) -> None:
    if runs[scenario, platform].result():
        log = log_of(scenario, platform)
        pytest.fail(f"{log} ends with:\n" + log.read_text()[-8000:], pytrace=False)
