"""An account with two systems, and what else is found in one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Without the project on the path, the package ``benchmarks`` would not be found from here.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.inventory.account import Account, Fleet, account

FLEETS = [
    Fleet(count=3, tags={"Name": "catscan-server", "System": "catscan", "Environment": "prod", "Role": "api"}),
    Fleet(count=1, tags={"Name": "catscan-old", "System": "catscan", "Environment": "prod"}, stopped=True),
    Fleet(count=40, tags={"Name": "shop", "System": "shopifly", "Environment": "staging"}),
    Fleet(count=1, tags={"Name": "zebra", "System": "zebra", "Environment": "prod", "Role": "api"}),
    Fleet(count=1, tags={"Name": "stray"}),
]


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("account"), FLEETS) as running:
        yield running
