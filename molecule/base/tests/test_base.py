"""What a user sees on a host that the role base has converged."""

from __future__ import annotations

import shlex
from typing import Any

import pytest


def test_cs16_w14_no_package_was_upgraded(host: Any, platform: dict[str, Any]) -> None:
    before = dict(line.split("\t") for line in host.file("/root/packages-before").content_string.splitlines())
    after = dict(line.split("\t") for line in host.check_output(shlex.join(platform["list_packages"])).splitlines())
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("name", ["chrony", "logrotate", "ca-certificates", "python3"])
def test_packages_are_installed(host: Any, name: str) -> None:
    assert host.package(name).is_installed


def test_xreq10_the_host_runs_on_utc(host: Any) -> None:
    assert host.check_output("date +%Z%z") == "UTC+0000"
    assert host.file("/etc/localtime").linked_to == "/usr/share/zoneinfo/Etc/UTC"


def test_w15_journald_obeys_its_bound(host: Any) -> None:
    said = host.check_output("journalctl --unit systemd-journald --output cat --no-pager --boot")
    assert "max 64.0M" in said
    assert host.file("/var/log/journal").is_directory


def test_w15_f37_a_log_that_grows_is_rotated_within_the_hour(host: Any) -> None:
    assert "hourly" in host.check_output("systemctl show --property TimersCalendar logrotate.timer") or (
        "*:00:00" in host.check_output("systemctl show --property TimersCalendar logrotate.timer")
    )
    assert host.service("logrotate.timer").is_running
    host.run_expect([0], "systemctl start logrotate.service")


def test_shop15_logrotate_accepts_its_defaults_and_rotates_by_size(host: Any) -> None:
    log = "/var/log/steady-molecule.log"
    host.run_expect([0], f"truncate --size 101M {log}")
    host.run_expect([0], f"sh -c 'printf \"{log} {{}}\\n\" > /etc/logrotate.d/steady-molecule'")
    host.run_expect([0], "logrotate /etc/logrotate.conf")
    assert host.file(log).size == 0
    rotated = host.check_output(f"find /var/log -path '{log}[.-]*'")  # by number, or by date as Amazon Linux does
    assert host.file(rotated).size == 101 * 1024 * 1024
    host.run_expect([0], f"rm {log} {rotated} /etc/logrotate.d/steady-molecule")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("permitrootlogin", "no"),
        ("passwordauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("permitemptypasswords", "no"),
        ("pubkeyauthentication", "yes"),
        ("maxauthtries", "4"),
        ("x11forwarding", "no"),
    ],
)
def test_w20_sshd_runs_hardened(host: Any, setting: str, value: str) -> None:
    assert f"{setting} {value}" in host.check_output("/usr/sbin/sshd -T").splitlines()


def test_w20_a_key_still_logs_in_and_nothing_else_does(host: Any, platform: dict[str, Any]) -> None:
    login = platform["login"]
    host.run_expect([0], "rm -f /root/molecule-key /root/molecule-key.pub")
    host.run_expect([0], "ssh-keygen -q -t ed25519 -N '' -f /root/molecule-key")
    host.run_expect([0], f"install -o {login} -g {login} -m 0600 /root/molecule-key.pub /home/{login}/.ssh/authorized_keys")
    host.run_expect([0], "install -D -m 0600 /root/molecule-key.pub /root/.ssh/authorized_keys")
    common = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -i /root/molecule-key"
    assert host.check_output(f"ssh {common} {login}@127.0.0.1 id -un") == login
    refused = host.run(f"ssh {common} root@127.0.0.1 id -un")
    assert refused.rc == 255
    assert "Permission denied (publickey)" in refused.stderr


def test_kernel_settings_are_declared_for_the_next_boot(host: Any) -> None:
    assert "vm.swappiness = 10" in host.file("/etc/sysctl.d/90-steady-fleet.conf").content_string


def test_no_swap_where_memory_is_large(host: Any) -> None:
    assert int(host.check_output("grep MemTotal /proc/meminfo").split()[1]) < 2 * 1024**2 or (not host.file("/var/swap").exists)


def test_unattended_upgrades_are_left_alone(host: Any, platform: dict[str, Any]) -> None:
    assert all(host.service(unit).is_enabled for unit in platform["automatic_upgrades"])


def test_nothing_failed(host: Any) -> None:
    assert host.check_output("systemctl --failed --no-legend --plain") == ""


def test_f77_the_ssh_settings_were_proved_and_nothing_waits(host: Any) -> None:
    assert '"outcome": "kept"' in host.file("/run/steady-fleet-guard.json").content_string
    assert not host.file("/var/lib/steady-fleet/guard/change.json").exists
    assert not host.file("/etc/systemd/system/steady-fleet-guard-boot.service").exists
