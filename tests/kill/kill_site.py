"""A small site on a host under test: runs of it, kills of it, and what of it is not as it should be."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kill_host import ROOT, Host

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


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout.split()]
    return children + [below for child in children for below in _descendants(child)]


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
            for process in [run.pid, *_descendants(run.pid)]:  # a worker has a session of its own
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            run.communicate()
        if victim == "controller":  # the module goes on alone; whoever comes too early is told who has the host
            self.host.run("flock", "/run/steady-fleet.lock", "true")
        if victim == "host":
            self.host.docker("start", self.host.name)
            self.host.wait()

    def faults(self, version: str) -> list[str]:
        """What is not as an undisturbed run leaves it."""
        seen = self.host.run("timeout", "60", "sh", "-c", "until test -s /run/killapp/seen; do sleep 0.1; done; cat /run/killapp/seen").split()
        files = self.host.run("sh", "-c", "cat /opt/killapp/current/app/killapp/__main__.py; ls /etc/killapp")
        faults = self.host.run("sh", "-c", LEFTOVERS).splitlines()
        if seen != [version] * 4:
            faults.append(f"the process runs {seen}, not {version}")
        if f'VERSION = "{version}"' not in files or files.split()[-3:] != [version, "conf", "env"]:
            faults.append(f"on the disk lies {files}")
        return faults

    def manifests(self, version: str) -> str:
        return self.host.run("sh", "-c", "tail -n +1 /var/lib/steady-fleet/scopes/*").replace(version, "VERSION")
