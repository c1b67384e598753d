"""What sshd makes of its files, in the order of their Include lines (W-20)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import sshd


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config").write_text(f"Include {tmp_path}/sshd_config.d/*.conf\nX11Forwarding yes\n")
    return tmp_path


def overruled(etc: Path, text: str, name: str = "00-steady-fleet.conf") -> str:
    return sshd.overruled(path=str(etc / "sshd_config.d" / name), text=text, root=str(etc / "sshd_config"))


def test_w20_the_first_file_wins_over_those_of_cloud_init(etc: Path) -> None:
    (etc / "sshd_config.d/50-cloud-init.conf").write_text("PasswordAuthentication yes\n")
    assert overruled(etc, "PasswordAuthentication no\nX11Forwarding no\n") == ""
    said = overruled(etc, "PasswordAuthentication no\n", name="60-late.conf")
    assert "'passwordauthentication yes' of" in said
    assert "50-cloud-init.conf line 1" in said


def test_w20_a_line_above_include_wins_over_every_file(etc: Path) -> None:
    (etc / "sshd_config").write_text(f"# first\nPermitRootLogin=yes\nInclude {etc}/sshd_config.d/*.conf\n")
    assert "sshd_config line 2" in overruled(etc, "PermitRootLogin no\n")


def test_w20_a_file_that_is_never_read_hardens_nothing(etc: Path) -> None:
    (etc / "sshd_config").write_text("UsePAM yes\n")
    assert "no Include line" in overruled(etc, "PermitRootLogin no\n")
    (etc / "sshd_config").write_text(f"Match User a\nInclude {etc}/sshd_config.d/*.conf\n")
    assert "no Include line" in overruled(etc, "PermitRootLogin no\n")


@pytest.mark.parametrize("other", ["permitrootlogin NO", "Match User a\nPermitRootLogin yes", "AllowUsers b", "# PermitRootLogin yes", 'PermitRootLogin "no"'])
def test_w20_what_does_not_overrule(etc: Path, other: str) -> None:
    (etc / "sshd_config.d/00-a.conf").write_text(f"{other}\n")
    assert overruled(etc, "PermitRootLogin no\nAllowUsers a\n") == ""


def test_w20_a_file_that_goes_in_the_same_run_overrules_nothing(etc: Path) -> None:
    (etc / "sshd_config.d/00-a.conf").write_text("PermitRootLogin yes\n")
    others = {str(etc / "sshd_config.d/00-a.conf"): ""}
    assert sshd.overruled(path=str(etc / "sshd_config.d/90-b.conf"), text="PermitRootLogin no\n", root=str(etc / "sshd_config"), others=others) == ""
