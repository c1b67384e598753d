"""What the lab's tests share: the lab importable from this checkout, and moto with and without a patch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from probes import Probe

# Without the project on the path, this very folder would be taken for the package ``lab``.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# A migration into the lab's database uses the tables and the calls of the migrations' own tests.
sys.path.append(str(Path(__file__).resolve().parents[1] / "migrate"))


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None], Probe], tuple[Any, Any]]:
    """A function of a patch and a probe: what the probe sees of stock moto, and of moto with the patch."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "fake-key-that-opens-nothing",
        "AWS_SECRET_ACCESS_KEY": "fake-key-that-opens-nothing",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    def run(patch: Callable[..., None], probe: Probe) -> tuple[Any, Any]:
        with mock_aws():
            stock = probe()
        with monkeypatch.context() as patched:
            patch(partial(patched.setattr, raising=False))
            with mock_aws():
                return stock, probe()

    return run
