"""A drop folder and a database, both real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from catscan.generate import generate
from catscan.settings import Settings, load


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """What /etc/catscan/env says on a host."""
    (tmp_path / "imports").mkdir()
    return {
        "CATSCAN_DATABASE": str(tmp_path / "catscan.db"),
        "CATSCAN_IMPORTS": str(tmp_path / "imports"),
        "CATSCAN_API_TOKEN": "a token for tests only",
    }


@pytest.fixture
def settings(environment: Mapping[str, str]) -> Settings:
    return load(environment)


@pytest.fixture
def one_day(settings: Settings) -> date:
    """A day whose three reports, of 40 rows each, wait in the drop folder."""
    day = date(2026, 11, 20)
    generate(first=day, days=1, rows=40, seed=1, out=settings.imports)
    return day
