"""A lab of its own beside whatever lab this machine runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import checkout
import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a second lab, whose hosts are of the module's ``PLATFORM``; whatever is left of it is removed at the end."""
    environment = {
        "STEADY_LAB_PLATFORM": getattr(request.module, "PLATFORM", "debian"),
        "STEADY_LAB_STATE": str(tmp_path_factory.mktemp("lab") / "state"),
        "STEADY_LAB_NETWORK": f"steady-e2e-{os.getpid()}",
        "STEADY_LAB_CIDR": "10.231.0.0/16",
        "STEADY_LAB_API_PORT": str(free_port()),
        "STEADY_LAB_IMDS_PORT": str(free_port()),
        "STEADY_LAB_SSH_PORT": "24000",
        "STEADY_LAB_TUNNEL_PORT": "28000",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path_factory.mktemp("facts")),
    }
    yield environment
    checkout.attempt(Path(checkout.BIN, "python"), "-m", "lab", "down", **environment)
