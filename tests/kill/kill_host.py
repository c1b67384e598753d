"""Hosts to kill: systemd containers with the flags of the lab."""

from __future__ import annotations

import os
import random
import subprocess
import uuid
from pathlib import Path

SEED = int(os.environ.get("STEADY_SEED", str(random.SystemRandom().randrange(10**6))))
"""Of every choice in these tests; STEADY_SEED repeats a run's."""
ROOT = Path(__file__).parents[2]
FLAGS = "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined".split()
MOUNTS = "-v /sys/fs/cgroup:/sys/fs/cgroup:ro --tmpfs /run --tmpfs /run/lock --tmpfs /tmp".split()
COLLECTIONS = "/opt/collections"
# They are most of what a daemon-reload costs, and have nothing to say here.
NO_GENERATORS = """
mkdir -p /etc/systemd/system-generators
for generator in /lib/systemd/system-generators/*; do ln -s /dev/null /etc/systemd/system-generators/$(basename $generator); done
"""


class Host:
    """One container."""

    def __init__(self) -> None:
        self.name = f"kill-{uuid.uuid4().hex[:8]}"

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *words], check=check, capture_output=True, text=True)

    def start(self) -> None:
        self.docker("run", "--detach", "--name", self.name, *FLAGS, *MOUNTS, "steady-lab/debian:12")
        self.wait()
        self.run("sh", "-c", NO_GENERATORS)
        self.run("mkdir", "-p", f"{COLLECTIONS}/ansible_collections/steady/fleet/plugins")
        self.docker("cp", f"{ROOT}/plugins/module_utils", f"{self.name}:{COLLECTIONS}/ansible_collections/steady/fleet/plugins/")
        for driver in ("kill_driver.py", "kill_gate_driver.py"):
            self.docker("cp", str(Path(__file__).with_name(driver)), f"{self.name}:/opt/{driver}")

    def wait(self) -> None:
        """Until the host has booted."""
        self.run("timeout", "120", "sh", "-c", "until systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.2; done")

    def run(self, *words: str) -> str:
        done = self.docker("exec", self.name, *words, check=False)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        return done.stdout

    def remove(self) -> None:
        self.docker("rm", "--force", self.name, check=False)
