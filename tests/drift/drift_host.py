"""Hosts to drift: containers with systemd, converged by the whole site.yml, each with a driver inside."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible.module_utils
import checkout
from ansible_collections.steady.fleet.plugins.action import host_state as action
from ansible_collections.steady.fleet.plugins.plugin_utils import gathered

HERE = Path(__file__).parent
IMAGE = os.environ.get("MOLECULE_IMAGE", "steady-lab/debian:12")
FLAGS = (
    "--cap-add=SYS_ADMIN --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro"
    " --tmpfs=/run --tmpfs=/run/lock --tmpfs=/tmp"
).split()
CORE = "ansible_collections/steady/fleet/plugins"
Json = dict[str, Any]


def docker(*arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], input=stdin, capture_output=True, check=False)
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


@dataclass
class Host:
    """One container; ``ask`` speaks to the driver in it."""

    name: str
    driver: subprocess.Popen[str] | None = field(default=None, repr=False)

    def run(self, *command: str) -> str:
        return docker("exec", self.name, *command)

    def ask(self, command: str, **arguments: Any) -> Any:
        if self.driver is None:
            argv = ["docker", "exec", "-i", "-e", "PYTHONPATH=/root/.drift", self.name, "python3", "-u", "/root/.drift/drift_driver.py"]
            self.driver = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.driver.stdin and self.driver.stdout
        self.driver.stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
        self.driver.stdin.flush()
        line = self.driver.stdout.readline()
        assert line, f"the driver on {self.name} ended"
        reply: Json = json.loads(line)
        assert "error" not in reply, f"{self.name}: {command} {json.dumps(arguments)[:300]}: {reply['error']}"
        return reply["answer"]

    def close(self) -> None:
        if self.driver is not None:
            self.driver.terminate()
            self.driver.wait()
        docker("rm", "--force", "--volumes", self.name)


def boot(name: str, image: str) -> Host:
    """Start a container and wait until systemd is up."""
    docker("run", "--detach", "--pull=never", "--name", name, "--hostname", name, *FLAGS, image)
    until = time.monotonic() + 120
    while docker("exec", name, "systemctl", "is-system-running", check=False) not in ("running", "degraded"):
        assert time.monotonic() < until, f"{name} does not boot"
        time.sleep(0.3)
    return Host(name)


def prepare(host: Host) -> None:
    """What every real host has, and the driver."""
    docker("cp", "-", f"{host.name}:/root", stdin=_driver_archive())
    host.run("apt-get", "update", "-qq")
    host.run("ssh-keygen", "-A")
    host.run("systemctl", "reset-failed")
    host.run("systemctl", "start", "ssh.service")


def _driver_archive() -> bytes:
    """The driver, the core as it is shipped to hosts, and Ansible's own part for modules."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in ("drift_driver.py", "drift_observer.py"):
            tar.add(HERE / name, f".drift/{name}")
        tar.add(checkout.ROOT / "plugins/module_utils", f".drift/{CORE}/module_utils")
        tar.add(checkout.ROOT / "plugins/modules/host_state.py", f".drift/{CORE}/modules/host_state.py")
        tar.add(Path(ansible.module_utils.__path__[0]), ".drift/ansible/module_utils")
        tar.addfile(tarfile.TarInfo(".drift/ansible/__init__.py"))
    return stream.getvalue()


@dataclass(frozen=True)
class Run:
    """One ansible-playbook site.yml: what its tasks said, and what the roles declared."""

    tasks: list[Json]
    scopes: list[Json]
    output: str

    @property
    def plan(self) -> list[Json]:
        return [change for task in self.tasks for change in task.get("plan", ())]

    def changed(self) -> list[str]:
        return [task["task"] for task in self.tasks if task["changed"]]

    def with_status(self, status: str) -> list[str]:
        return [task["task"] for task in self.tasks if task["status"] == status]


@dataclass
class Site:
    """Runs the repository's site.yml on a host, as its group would describe it."""

    folder: Path
    runs: int = 0

    def run(self, host: Host, *options: str) -> Run:
        self.runs += 1
        records = self.folder / f"run-{self.runs}"
        records.mkdir()
        done = checkout.attempt(
            "ansible-playbook",
            "--diff",
            *options,
            f"--inventory={self._inventory(host)}",
            checkout.ROOT / "molecule/site/converge.yml",
            MOLECULE_PROJECT_DIRECTORY=str(checkout.ROOT),
            DRIFT_RECORDS=str(records),
            ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="oracle",
            ANSIBLE_CACHE_PLUGIN_CONNECTION=str(self.folder / "facts"),
            PYTHONUNBUFFERED="1",
        )
        tasks = [json.loads(line) for line in (records / "tasks.jsonl").read_text().splitlines()]
        run = Run([task for task in tasks if task["host"] == host.name], _declared(records), done.stdout + done.stderr)
        assert done.returncode == 0, run.output[-12000:]
        return run

    def _inventory(self, host: Host) -> Path:
        folder = self.folder / "inventory"
        folder.mkdir(exist_ok=True)
        if not (folder / "group_vars").exists():
            (folder / "group_vars").symlink_to(checkout.ROOT / "group_vars")
        variables = {
            "ansible_connection": "community.docker.docker",
            "ansible_host": host.name,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        hosts = {"hosts": {host.name: variables}}
        (folder / "hosts.json").write_text(json.dumps({"all": {"children": {"catscan": hosts, "env_test": hosts}}}))
        (folder / "hosts.json").rename(folder / "hosts.yml")
        return folder / "hosts.yml"


def _declared(records: Path) -> list[Json]:
    """The scopes that the roles left for the last call, with every content, as the action plugin would send them."""
    scopes: list[Json] = []
    for path in records.glob("host-state-*.json"):
        left = gathered._read(str(path))
        scopes += action._with_data({"scopes": left.scopes}, left.contents, list(left.contents))["scopes"]
    return scopes


def names(scopes: Sequence[Json], kind: str, key: str) -> list[str]:
    return [item[key] for scope in scopes for item in scope.get(kind) or ()]
