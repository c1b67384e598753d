"""One host for all tests of what could lock everybody out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from lockout_host import Host


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="lockout-") as folder:  # short: a control socket's path has a limit
        machine = Host(Path(folder))
        try:
            yield machine
        finally:
            machine.remove()
