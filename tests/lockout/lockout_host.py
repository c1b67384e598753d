"""A host with a real SSH server and a firewall of its own, reached over SSH on a loopback port as a fleet's host is."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout

IMAGE = "steady-lab/debian:12"
FLAGS = (
    "--cap-add=SYS_ADMIN --cap-add=NET_ADMIN --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined"
    " --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro --tmpfs=/run --tmpfs=/run/lock --tmpfs=/tmp --publish=127.0.0.1::22"
).split()
CHANGE = "/var/lib/steady-fleet/guard/change.json"
HERE = Path(__file__).parent


def docker(*arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)
    assert not (check and done.returncode), f"docker {shlex.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode()


def wait(what: Callable[[], bool], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.2)


class Host:
    """The container, the key that opens it, and plays against it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"lockout-{os.getpid()}"
        self.key, self.host_key = folder / "id", folder / "host"
        for path in (self.key, self.host_key):
            checkout.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lockout", "-f", path)
        docker("create", "--pull=never", "--name", self.name, "--hostname", "lockout", *FLAGS, IMAGE)
        docker("cp", "-", f"{self.name}:/", stdin=self._files())
        self.start()

    def _files(self) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for path, content, owner in (
                ("etc/ssh/ssh_host_ed25519_key", self.host_key.read_text(), 0),
                ("home/admin/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text(), 1000),
            ):
                item = tarfile.TarInfo(path)
                item.size, item.mode, item.uid, item.gid = len(content), 0o600, owner, owner
                tar.addfile(item, io.BytesIO(content.encode()))
        return stream.getvalue()

    def start(self) -> None:
        """Boot, and learn the port, which is another one each time."""
        docker("start", self.name)
        wait(lambda: docker("exec", self.name, "systemctl", "is-system-running", check=False).strip() in ("running", "degraded"))
        facts: dict[str, Any] = json.loads(docker("inspect", self.name))[0]
        self.port = int(facts["NetworkSettings"]["Ports"]["22/tcp"][0]["HostPort"])
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {self.host_key.with_suffix('.pub').read_text()}")
        (self.folder / "hosts").write_text(
            f"lockout ansible_host=127.0.0.1 ansible_port={self.port} ansible_user=admin ansible_python_interpreter=/usr/bin/python3"
            f" ansible_ssh_private_key_file={self.key} ansible_ssh_common_args='-o UserKnownHostsFile={self.folder}/known'\n"
        )

    def cut_power(self) -> None:
        docker("kill", "--signal", "KILL", self.name)

    def run(self, command: str, *, check: bool = True) -> str:
        """A shell command on the host, not over SSH."""
        return docker("exec", self.name, "sh", "-c", command, check=check).strip()

    def logs_in(self) -> bool:
        """Whether a new SSH connection works and may become root."""
        options = f"-F none -i {self.key} -p {self.port} -o BatchMode=yes -o UserKnownHostsFile={self.folder}/known -o ConnectTimeout=5"
        return checkout.attempt("ssh", *options.split(), "admin@127.0.0.1", "sudo", "-n", "true").returncode == 0

    def waiting(self) -> bool:
        """Whether a change is in place and waits for its proof."""
        text = self.run(f"cat {CHANGE} 2>/dev/null", check=False)
        return bool(text) and json.loads(text)["placed"] > 0

    def sshd(self, keyword: str) -> list[str]:
        """What the SSH server says it does."""
        return [line.split(" ", 1)[1] for line in self.run("/usr/sbin/sshd -T").splitlines() if line.startswith(f"{keyword} ")]

    def leftovers(self) -> str:
        """What a guard may have left on the host."""
        return self.run(
            "ls /var/lib/steady-fleet/guard; find /etc -name '*steady-fleet-guard*' -o -name '*steady-guard~'; systemctl is-active steady-fleet-guard",
            check=False,
        )

    def command(self, playbook: str, *options: str, **variables: Any) -> list[str]:
        return [
            *(str(checkout.BIN / "ansible-playbook"), "--inventory", str(self.folder / "hosts"), "--extra-vars", json.dumps(variables)),
            *(*options, str(HERE / playbook)),
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"), "ANSIBLE_CACHE_PLUGIN": "memory", "ANSIBLE_TIMEOUT": "4"}

    def play(self, playbook: str, *options: str, environment: dict[str, str] | None = None, **variables: Any) -> subprocess.CompletedProcess[str]:
        return checkout.attempt(*self.command(playbook, *options, **variables), **self.environment, **(environment or {}))

    def start_play(self, playbook: str, *options: str, **variables: Any) -> subprocess.Popen[bytes]:
        """The same in the background, in a process group of its own."""
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        return subprocess.Popen(self.command(playbook, *options, **variables), cwd=checkout.ROOT, env=checkout.ENVIRONMENT | self.environment, **quiet)

    def remove(self) -> None:
        docker("rm", "--force", "--volumes", self.name)


def kill(play: subprocess.Popen[bytes]) -> None:
    """End a controller, and all that it has started, as a crash would."""
    family = [play.pid]
    for pid in family:  # grows: Ansible's workers are in sessions of their own, and would clean up
        family += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    play.wait()


def scope(text: str, *, path: str = "/etc/ssh/sshd_config.d/00-lockout.conf", seconds: int = 60, **options: Any) -> dict[str, Any]:
    """A declaration of one guarded file."""
    defaults: dict[str, Any] = {"path": path, "content": text, "mode": "0600", "proof": "connection"}
    if path.startswith("/etc/ssh/"):
        defaults |= {"reloads": ["ssh.service"], "validate": ["/usr/sbin/sshd", "-t", "-f", "%s"]}
    return {"scope": "lockout", "proof_seconds": seconds, "files": [{**defaults, **options}]}
