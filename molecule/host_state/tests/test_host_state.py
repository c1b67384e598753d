"""What one call of host_state leaves on a host."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_what_was_no_longer_declared_is_gone(host: Any) -> None:
    """X-REQ-7: a unit and a file of the scope's earlier declaration, and the directory that they leave empty."""
    assert not host.file("/etc/probe/old").exists
    assert not host.file("/etc/systemd/system/probe-old.service").exists
    assert not host.service("probe-old").is_running
    assert not host.socket("tcp://127.0.0.1:8081").is_listening


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [
        ("/etc/probe/plain.conf", "root", 0o644),
        ("/etc/probe/env", "root", 0o600),
        ("/etc/probe/script.py", "root", 0o755),
        ("/var/lib/probe", "probe", 0o750),
        ("/etc/probe", "root", 0o755),
    ],
)
def test_owner_and_permissions(host: Any, path: str, owner: str, mode: int) -> None:
    file = host.file(path)
    assert (file.user, file.mode) == (owner, mode)


def test_content(host: Any) -> None:
    assert host.file("/etc/probe/plain.conf").content_string == "plain\n"
    assert host.check_output("/etc/probe/script.py || python3 /etc/probe/script.py") == "fine"
    assert host.file("/etc/probe/current").linked_to == "/etc/probe/plain.conf"
    assert not host.file("/etc/motd").exists


def test_a_seeded_file_stays_the_applications_own(host: Any) -> None:
    assert host.file("/etc/probe/seeded.conf").content_string == "the application's own\n"


def test_units(host: Any, platform: dict[str, Any]) -> None:
    assert host.service("probe").is_running
    assert host.service("probe").is_enabled
    assert host.socket("tcp://127.0.0.1:8080").is_listening
    assert not host.service(platform["timer"]).is_running
    assert not host.service(platform["timer"]).is_enabled


def test_user_cannot_log_in(host: Any) -> None:
    assert host.user("probe").shell == "/usr/sbin/nologin"
    assert host.user("probe").uid < 1000


def test_package_is_installed(host: Any) -> None:
    assert host.package("logrotate").is_installed


def test_manifest_names_what_is_owned_and_no_secret(host: Any) -> None:
    manifests = host.check_output("find /var/lib/steady-fleet/scopes -type f").splitlines()
    text = "\n".join(host.file(path).content_string for path in manifests)
    assert "/etc/probe/plain.conf" in text
    assert all(json.loads(host.file(path).content_string) for path in manifests)
    assert "canary-5d1c0a77e2" not in text
    assert "refused" not in text


def test_no_secret_in_the_hosts_logs(host: Any) -> None:
    assert "canary-5d1c0a77e2" not in host.check_output("journalctl --no-pager --boot")


def test_nothing_is_left_of_the_work(host: Any) -> None:
    assert host.check_output("find /etc /var/lib/probe -name '.*steady*' -o -name '*.steady-fleet*'") == ""
    assert "probe" not in host.check_output("systemctl --failed --no-legend --plain")
