"""The hosts that these tests kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kill_host import Host


@pytest.fixture(scope="session")
def hosts() -> Iterator[list[Host]]:
    """Two hosts, one for each core."""
    made = [Host(), Host()]
    try:
        for host in made:
            host.start()
        yield made
    finally:
        for host in made:
            host.remove()
