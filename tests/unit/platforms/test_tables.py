"""What each role calls things on each platform, against a reference that was written down from the distributions, not from the roles (X-REQ-9, CS-2, CS-16)."""

from __future__ import annotations

from typing import Any

import checkout
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.steady.fleet.plugins.plugin_utils import platform_python

# As ansible.builtin.setup reports them; /etc/os-release of each release.
FACTS: dict[str, dict[str, Any]] = {
    "amazon-2023": {"distribution": "Amazon", "os_family": "RedHat", "distribution_version": "2023", "distribution_major_version": "2023"},
    "debian-12": {"distribution": "Debian", "os_family": "Debian", "distribution_version": "12", "distribution_major_version": "12"},
    "ubuntu-22.04": {"distribution": "Ubuntu", "os_family": "Debian", "distribution_version": "22.04", "distribution_major_version": "22"},
    "ubuntu-24.04": {"distribution": "Ubuntu", "os_family": "Debian", "distribution_version": "24.04", "distribution_major_version": "24"},
}

DEBIAN_BASE = {
    "packages": ["ca-certificates", "chrony", "logrotate", "python3", "tzdata"],
    "timezone_file": "/etc/timezone",  # tzdata's
    "cron_unit": "cron.service",
    "sshd_unit": "ssh.service",
    "sshd_socket": "",
    "sshd_directories": [{"path": "/run/sshd", "keep": True}],
    "automatic_upgrade_units": [{"name": "apt-daily-upgrade.timer"}],  # apt's
    "logrotate_settings": [],
}
# Ubuntu's rsyslog gives /var/log to the group syslog; its own /etc/logrotate.conf says the same. Since 22.10 ssh.socket listens and starts
# ssh.service (Ubuntu's discourse, topic 30189); 22.04 has that socket, disabled.
UBUNTU_BASE = DEBIAN_BASE | {"logrotate_settings": ["su root adm"], "sshd_socket": "ssh.socket"}
DEBIAN_CRON = {"packages": ["cron", "logrotate"], "daemon": "cron.service", "crontab_head": []}  # crontab(5) there: no CRON_TZ
DEBIAN_PYTHON = ("python3", ["python3-venv"])  # 3.11, 3.10, 3.12; ensurepip is split off

REFERENCE: dict[str, dict[str, dict[str, Any]]] = {
    "base": {
        # The AL2023 User Guide: Fedora's names; chrony and openssh-server are in the machine image, dnf-automatic is not.
        "amazon-2023": {
            "packages": ["ca-certificates", "chrony", "logrotate", "python3", "tzdata"],
            "timezone_file": "",
            "cron_unit": "crond.service",
            "sshd_unit": "sshd.service",
            "sshd_socket": "",
            "sshd_directories": [],
            "automatic_upgrade_units": [],
            "logrotate_settings": ["dateext"],  # Fedora's /etc/logrotate.conf
        },
        "debian-12": DEBIAN_BASE,
        "ubuntu-22.04": UBUNTU_BASE,
        "ubuntu-24.04": UBUNTU_BASE,
    },
    "cloudwatch_agent": {
        # The CloudWatch User Guide: in Amazon Linux's own repository; elsewhere in the bucket, by the name of the distribution.
        "amazon-2023": {"packages": ["amazon-cloudwatch-agent"], "bucket_folder": ""},
        "debian-12": {"packages": [], "bucket_folder": "debian"},
        "ubuntu-22.04": {"packages": [], "bucket_folder": "ubuntu"},
        "ubuntu-24.04": {"packages": [], "bucket_folder": "ubuntu"},
    },
    "cron_jobs": {
        # The AL2023 User Guide: cronie is not in the machine image; crontab(5) of cronie knows CRON_TZ.
        "amazon-2023": {"packages": ["cronie", "logrotate"], "daemon": "crond.service", "crontab_head": ["CRON_TZ=UTC"], "daemon_files": []},
        "debian-12": DEBIAN_CRON,
        "ubuntu-22.04": DEBIAN_CRON,
        "ubuntu-24.04": DEBIAN_CRON,
    },
}
# The module python_release knows which Python it builds with.
PYTHON: dict[str, tuple[str, list[str]]] = {
    # The AL2023 User Guide: the system's Python is 3.9 and stays so; python3.11 is a package beside it, which brings ensurepip.
    "amazon-2023": ("python3.11", ["python3.11"]),
    "debian-12": DEBIAN_PYTHON,
    "ubuntu-22.04": DEBIAN_PYTHON,
    "ubuntu-24.04": DEBIAN_PYTHON,
}
WITHOUT_TABLE = {
    "python_app",
    "fleetdata",
    "s3_archive",
    "file_retention",
    "sqlite_backup",
    "sqlite_retention",
    "recovery_drill",
    "postgres_migration",
    "systemd_service",
}  # name nothing of a distribution
ROLES = sorted(path.name for path in (checkout.ROOT / "roles").iterdir() if path.is_dir() and not path.name.startswith("aws_"))


def load(role: str, path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = DataLoader().load_from_file(str(checkout.ROOT / "roles" / role / path), trusted_as_template=True) or {}
    return loaded


def table(role: str, platform: str) -> dict[str, Any]:
    """The role's table as a host of this platform sees it, every expression in it evaluated."""
    variables = load(role, "defaults/main.yml") | load(role, "vars/main.yml") | {"ansible_facts": FACTS[platform]}
    rendered: dict[str, Any] = Templar(DataLoader(), variables=variables).template(trust_as_template(f"{{{{ __{role}_platform }}}}"))
    return rendered


@pytest.mark.parametrize("platform", FACTS)
@pytest.mark.parametrize("role", REFERENCE)
def test_cs16_every_name_is_the_distributions_own(role: str, platform: str) -> None:
    expected = REFERENCE[role][platform]
    found = table(role, platform)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("platform", FACTS)
def test_cs16_releases_get_the_distributions_python(platform: str) -> None:
    assert platform_python.choose(python="", facts=FACTS[platform]) == PYTHON[platform]


def test_another_python_brings_its_own_package() -> None:
    assert platform_python.choose(python="python3.12", facts=FACTS["amazon-2023"]) == ("python3.12", ["python3.12"])
    assert platform_python.choose(python="python3.12", facts=FACTS["debian-12"]) == ("python3.12", ["python3.12-venv"])
    assert platform_python.choose(python="", facts={}) == ("python3", [])


def test_cs2_xreq9_every_role_is_looked_at_on_every_platform() -> None:
    assert set(ROLES) == REFERENCE.keys() | WITHOUT_TABLE
    assert all(expected.keys() == FACTS.keys() for expected in REFERENCE.values())
    for role in WITHOUT_TABLE:
        assert "_platforms" not in (checkout.ROOT / "roles" / role / "tasks" / "main.yml").read_text()


@pytest.mark.parametrize("role", REFERENCE)
def test_no_platform_lacks_a_name_that_another_has(role: str) -> None:
    names = {platform: set(table(role, platform)) for platform in FACTS}
    assert all(names[platform] == names["amazon-2023"] for platform in FACTS)


@pytest.mark.parametrize("role", REFERENCE)
def test_a_distribution_without_a_table_gets_its_familys(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FACTS, "other", FACTS["debian-12"] | {"distribution": "Raspbian"})
    assert table(role, "other") == table(role, "debian-12")
