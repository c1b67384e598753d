"""X-REQ-5, F10: what a killed installation and a power cut leave of packages and accounts is completed by the next run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from kill_host import Host
from kill_site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]

PACKAGE = r"""
set -eu
mkdir -p /opt/repository/killpackage/DEBIAN && cd /opt/repository
printf 'Package: killpackage\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: dies while it is configured\n' > killpackage/DEBIAN/control
printf '#!/bin/sh\ntest -e /opt/repository/died || { touch /opt/repository/died; kill -9 $PPID; }\n' > killpackage/DEBIAN/postinst
chmod 755 killpackage/DEBIAN/postinst
dpkg-deb --build killpackage killpackage.deb
{ dpkg-deb --field killpackage.deb; echo Filename: ./killpackage.deb; echo Size: $(stat -c %s killpackage.deb); \
  echo SHA256: $(sha256sum killpackage.deb | cut -d' ' -f1); } > Packages
echo 'deb [trusted=yes] file:/opt/repository ./' > /etc/apt/sources.list.d/killpackage.list
apt-get update -o Dir::Etc::sourcelist=sources.list.d/killpackage.list -o Dir::Etc::sourceparts=-
"""


def test_xreq5_an_installation_that_was_killed_is_finished(hosts: list[Host], tmp_path: Path) -> None:
    host = hosts[0]
    host.run("sh", "-c", PACKAGE)
    site = Site(host, tmp_path, random.Random())
    for expected in (2, 0):
        run = site.play("1", "package.yml")
        said, _ = run.communicate()
        assert run.returncode == expected, said[-6000:]
    assert host.run("dpkg-query", "--show", "--showformat", "${db:Status-Status}", "killpackage") == "installed"


def test_xreq5_what_a_power_cut_leaves_of_an_account_is_completed(hosts: list[Host]) -> None:
    """useradd writes passwd before shadow, and its lock file carries a number that another process has after the boot."""
    host = hosts[0]
    host.run("sh", "-c", "groupadd --system halfmade && useradd --system --gid halfmade halfmade && sed -i /^halfmade/d /etc/shadow /etc/gshadow")
    host.run("sh", "-c", "echo 1 > /etc/passwd.lock && touch -d '-1 year' /etc/passwd.lock")
    driver = """
import sys
sys.argv = ["driver", "/opt/collections"]
sys.path.insert(0, "/opt")
import kill_driver
print(kill_driver.converge([{"scope": "halfmade", "users": [{"name": "halfmade"}]}]))
print(kill_driver.converge([{"scope": "halfmade", "users": [{"name": "halfmade"}]}]))
"""
    first, second = host.run("python3", "-c", driver).splitlines()
    assert "has no entry in /etc/shadow" in first
    assert "has no entry in /etc/gshadow" in first
    assert second == "[]"
    assert host.run("getent", "shadow", "halfmade").startswith("halfmade:!:")
