"""Units that are stopped for a restore, as systemctl is asked for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.services import Services
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import FleetDataError

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$ASKED"
case $* in
  show*) echo "app.socket other.socket nightly.timer" ;;
  *is-enabled*other.socket) exit 1 ;;
  *gone.service*) echo "Unit gone.service not loaded." >&2; exit 5 ;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a systemctl that has a word for each case was asked for."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def changes(asked: Path) -> list[str]:
    return [line for line in asked.read_text().splitlines() if line.startswith(("stop", "start"))]


def test_cs40_the_sockets_in_use_stop_with_their_service_and_start_with_it(asked: Path) -> None:
    services = Services(("app.service",))
    services.stop()
    services.start()
    assert changes(asked) == ["stop -- app.socket app.service", "start -- app.socket app.service"]


def test_cs40_what_systemd_refuses_is_said_and_what_was_stopped_is_started(asked: Path) -> None:
    with pytest.raises(FleetDataError, match=r"gone.service could not be started \(Unit gone.service not loaded.\)"):
        Services(("gone.service",)).stop()
    assert [line.split()[0] for line in changes(asked)] == ["stop", "start"]
