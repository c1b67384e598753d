"""The hosts that are converged: systemd containers with SSH on loopback ports, behind delaying proxies."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.converge.meters import CpuGroup, container_group
from benchmarks.converge.proxy import Proxy

IMAGE = "steady-lab/debian:12"
USER, USER_ID = "admin", 1000
FLAGS = (
    "--cap-add=SYS_ADMIN --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro"
    " --tmpfs=/run --tmpfs=/run/lock --tmpfs=/tmp --publish=127.0.0.1::22"
).split()
# VERBOSE has sshd log each session, which counts remote commands in the same way for every tool.
SSHD_DROP_IN = "LogLevel VERBOSE\n"
QUIET_UNITS = ("apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer", "e2scrub_all.timer")


def docker(*arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    """Run docker and return what it prints."""
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr.decode().strip()}")
    return done.stdout.decode()


@dataclass(frozen=True)
class Host:
    """One converged host."""

    name: str
    proxy: Proxy
    cpu: CpuGroup

    def run(self, *command: str, stdin: str = "") -> str:
        """Run a command in it as root, not over SSH."""
        return docker("exec", "-i", self.name, *command, stdin=stdin.encode())

    def copy(self, folder: str, other: Host) -> None:
        """Put a folder of this host in the same place on another, with owners and modes."""
        packed = subprocess.run(["docker", "cp", "--archive", f"{self.name}:{folder}", "-"], capture_output=True, check=True).stdout
        parent = folder.rpartition("/")[0]
        other.run("mkdir", "--parents", parent)
        docker("cp", "--archive", "-", f"{other.name}:{parent}", stdin=packed)

    def sessions(self) -> int:
        """Commands that came over SSH since boot."""
        return self.run("journalctl", "-q", "-t", "sshd", "-o", "cat").count("Starting session: ")

    def remove(self) -> None:
        """Remove the container."""
        docker("rm", "--force", "--volumes", self.name)


@dataclass(frozen=True)
class Keys:
    """Where the benchmark's own key pair and known hosts lie."""

    folder: Path

    @property
    def private(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def host_private(self) -> Path:
        return self.folder / "host_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def make(self) -> None:
        """Make both pairs. All hosts share one host key: they live for one benchmark."""
        for path in (self.private, self.host_private):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "benchmark", "-f", str(path)], check=True)

    def know(self, hosts: Sequence[Host]) -> None:
        """Pin the host key under every proxy's port."""
        key = self.host_private.with_suffix(".pub").read_text()
        self.known_hosts.write_text("".join(f"[127.0.0.1]:{host.proxy.port} {key}" for host in hosts))


def start(*, name: str, image: str, keys: Keys, core: int) -> Host:
    """Boot a host on one core and wait until it has booted and its SSH server answers to our key."""
    docker("create", "--pull=never", "--name", name, "--hostname", name, f"--cpuset-cpus={core}", *FLAGS, image)
    try:
        docker("cp", "-", f"{name}:/", stdin=_files(keys))
        docker("start", name)
        facts: dict[str, Any] = json.loads(docker("inspect", name))[0]
        port = int(facts["NetworkSettings"]["Ports"]["22/tcp"][0]["HostPort"])
        host = Host(name, Proxy(target=port), container_group(pid=facts["State"]["Pid"], container=facts["Id"]))
        _wait_until_booted(host)
        _prepare(host)
    except BaseException:
        docker("rm", "--force", "--volumes", name)
        raise
    return host


def _wait_until_booted(host: Host) -> None:
    until = time.monotonic() + 120
    while docker("exec", host.name, "systemctl", "is-system-running", check=False).strip() not in ("running", "degraded"):
        if time.monotonic() > until:
            raise RuntimeError(f"{host.name} did not boot within two minutes: docker exec {host.name} systemctl --failed")
        time.sleep(0.5)


def _prepare(host: Host) -> None:
    host.run("systemctl", "mask", "--now", *QUIET_UNITS)
    host.run("apt-get", "update", "-qq")


def _files(keys: Keys) -> bytes:
    """What a host needs before it boots, as a tar archive: its host key, our key, and sshd's setting."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, content, mode, owner in (
            ("etc/ssh/ssh_host_ed25519_key", keys.host_private.read_text(), 0o600, 0),
            ("etc/ssh/sshd_config.d/99-benchmark.conf", SSHD_DROP_IN, 0o644, 0),
            (f"home/{USER}/.ssh/authorized_keys", keys.private.with_suffix(".pub").read_text(), 0o600, USER_ID),
        ):
            item = tarfile.TarInfo(path)
            item.size, item.mode, item.uid, item.gid = len(content), mode, owner, owner
            tar.addfile(item, io.BytesIO(content.encode()))
    return stream.getvalue()
