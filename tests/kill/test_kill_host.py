"""X-REQ-5, W-12, F10, F11: a whole run (release, converge, gate) is killed at random moments, with its controller or with its host.

One more run reaches what an undisturbed one reaches, and the process runs what lies on the disk.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kill_host import ROOT, SEED, Host

KILLS = 12 if os.environ.get("STEADY_KILLS") == "all" else 3
PLAY = Path(__file__).with_name("play")
APPLICATION = """
import os, pathlib, time
VERSION = "{version}"
if __name__ == "__main__":
    conf = pathlib.Path("/etc/killapp/conf").read_text().strip()
    said = pathlib.Path("/run/killapp/seen")
    said.write_text(" ".join([VERSION, conf, os.environ["VERSION"], os.environ["UNIT"]]))
    while True:
        time.sleep(60)
"""
LEFTOVERS = """
set -eu
find /etc /opt /srv /var/lib/steady-fleet -name '*.steady~' -o -path /var/lib/steady-fleet/scopes/journal
for release in /opt/killapp/releases/*; do test -e $release/release.json || echo unfinished $release; done
systemctl show --property NeedDaemonReload killapp.service | grep -v =no || :
"""

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(3600)]


@dataclass
class Site:
    """One host, the application's versions, and what was done to it."""

    host: Host
    folder: Path
    chance: random.Random
    story: list[str] = field(default_factory=list)

    def source(self, version: str) -> Path:
        tree = self.folder / f"source-{self.host.name}"
        (tree / "killapp").mkdir(parents=True, exist_ok=True)
        (tree / "killapp" / "__init__.py").write_text("")
        (tree / "killapp" / "__main__.py").write_text(APPLICATION.format(version=version))
        return tree

    def play(self, version: str, name: str = "site.yml") -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", f"{self.host.name},", "-c", "community.docker.docker", PLAY / name]
        variables = {"version": version, "source": str(self.source(version))}
        environment = os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        return subprocess.Popen(
            [*command, "-e", json.dumps(variables)], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True
        )  # fmt: skip

    def converge(self, version: str) -> None:
        run = self.play(version)
        said, _ = run.communicate()
        assert run.returncode == 0, "\n".join([*self.story, said[-6000:]])

    def kill(self, version: str, *, longest: float) -> None:
        """Start a run, and end it or its host at a random moment."""
        run = self.play(version)
        moment, victim = self.chance.uniform(0.1, longest), self.chance.choice(["controller", "host"])
        try:
            run.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            self.story.append(f"version {version}: the {victim} was killed after {moment:.1f} s")
        if victim == "host":
            self.host.docker("kill", self.host.name)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        if victim == "host":
            self.host.docker("start", self.host.name)
            self.host.wait()

    def faults(self, version: str) -> list[str]:
        """What is not as an undisturbed run leaves it."""
        seen = self.host.run("cat", "/run/killapp/seen").split()
        files = self.host.run("sh", "-c", "cat /opt/killapp/current/app/killapp/__main__.py; ls /etc/killapp")
        faults = self.host.run("sh", "-c", LEFTOVERS).splitlines()
        if seen != [version] * 4:
            faults.append(f"the process runs {seen}, not {version}")
        if f'VERSION = "{version}"' not in files or files.split()[-3:] != [version, "conf", "env"]:
            faults.append(f"on the disk lies {files}")
        return faults

    def manifests(self, version: str) -> str:
        return self.host.run("sh", "-c", "tail -n +1 /var/lib/steady-fleet/scopes/*").replace(version, "VERSION")


def disturb(site: Site) -> list[str]:
    site.converge("1.0")
    undisturbed, began = site.manifests("1.0"), time.monotonic()
    site.converge("1.1")
    longest = time.monotonic() - began
    for number in range(KILLS):
        version = f"2.{number}"
        site.kill(version, longest=longest)
        site.converge(version)
        faults = site.faults(version)
        if site.manifests(version) != undisturbed:
            faults.append(f"the manifests are {site.manifests(version)}, not {undisturbed}")
        if faults:
            return [*site.story, *faults]
    return []


def test_xreq5_w12_one_more_run_finishes_a_run_killed_at_a_random_moment(hosts: list[Host], tmp_path: Path) -> None:
    print(f"STEADY_SEED={SEED}: {KILLS} kills of each of {len(hosts)} hosts")
    sites = [Site(host, tmp_path, random.Random(SEED + number)) for number, host in enumerate(hosts)]
    with ThreadPoolExecutor(max_workers=len(sites)) as pool:
        faults = list(pool.map(disturb, sites))
    assert faults == [[] for _ in sites], f"seed {SEED}"


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
