"""What every scenario's tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="session")
def platforms() -> Path:
    return Path(__file__).parent / "shared" / "platforms"


@pytest.fixture
def platform(host: Any, platforms: Path) -> dict[str, Any]:
    """How the host's platform calls things: the variables of ``shared/platforms``, without their prefix."""
    names = {"amzn": "Amazon", "debian": "Debian"}
    table = yaml.safe_load((platforms / f"{names[host.system_info.distribution]}.yml").read_text())
    return {name.removeprefix("platform_"): value for name, value in table.items()}
