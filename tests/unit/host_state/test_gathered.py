"""Declarations that wait for one call at the end of a play."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import systemd
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from ansible_collections.steady.fleet.plugins.plugin_utils import gathered


def test_they_come_back_in_order_for_their_own_host_and_once(tmp_path: Path) -> None:
    gathered.add(folder=str(tmp_path), host="a", scopes=[{"scope": "base"}], contents={"/etc/x": b"\x00x"})
    gathered.add(folder=str(tmp_path), host="b", scopes=[{"scope": "other"}], contents={})
    gathered.add(folder=str(tmp_path), host="a", scopes=[{"scope": "cron_jobs"}], contents={"/etc/y": b"y"})
    gathered.add(folder=str(tmp_path), host="a", gates=[{"name": "shop"}])
    taken = gathered.Gathered([{"scope": "base"}, {"scope": "cron_jobs"}], {"/etc/x": b"\x00x", "/etc/y": b"y"}, [{"name": "shop"}])
    assert gathered.take(folder=str(tmp_path), host="a") == taken
    assert gathered.take(folder=str(tmp_path), host="a") == gathered.Gathered()


def test_w7_only_this_user_can_read_them(tmp_path: Path) -> None:
    gathered.add(folder=str(tmp_path), host="../a", scopes=[], contents={"/etc/env": b"TOKEN=x"})
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


UNIT = b"[Service]\nExecStart=/opt/app/current/venv/bin/python -m app\n"


@pytest.mark.parametrize("arriving", [["/opt/app/current"], ["/opt/app/current/venv/bin/python"]])
def test_a_program_that_the_same_plan_brings_is_not_missing(arriving: list[str]) -> None:
    systemd.verify([("app.service", UNIT)], check_programs=True, arriving=arriving)


@pytest.mark.parametrize("arriving", [[], ["/opt/app/curr"]])
def test_a_program_that_nothing_brings_is_refused(arriving: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = "app.service: Command /opt/app/current/venv/bin/python is not executable: No such file or directory\n"
    monkeypatch.setattr(systemd.shutil, "which", lambda name: name)
    monkeypatch.setattr(systemd, "run", lambda *command, check: systemd.subprocess.CompletedProcess(command, 1, "", said))
    with pytest.raises(StateError, match="is not executable"):
        systemd.verify([("app.service", UNIT)], check_programs=True, arriving=arriving)
