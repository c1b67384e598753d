"""Every Molecule scenario on every platform. The logs are in ``.cache/molecule``."""

from __future__ import annotations

import pytest
from molecule_runs import IMAGES, ROOT, Runs, log_of

SCENARIOS = [(path.parent.name, platform) for path in sorted((ROOT / "molecule").glob("*/molecule.yml")) for platform in IMAGES]

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(("scenario", "platform"), SCENARIOS)
def test_scenario(scenario: str, platform: str, runs: Runs) -> None:
    if runs.results[scenario, platform].result():
        log = log_of(scenario, platform)
        pytest.fail(f"{log} ends with:\n" + log.read_text()[-8000:], pytrace=False)
