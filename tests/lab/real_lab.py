"""A real lab for tests, beside any other: its command line in an environment of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

PROJECT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class Lab:
    """The lab's command line in an environment of its own, and its EC2."""

    environment: dict[str, str]

    @property
    def state(self) -> Path:
        return Path(self.environment["STEADY_LAB_STATE"])

    @property
    def network(self) -> str:
        return self.environment["STEADY_LAB_NETWORK"]

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "lab", *arguments]
        environment = os.environ | self.environment
        return subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    def __call__(self, *arguments: str) -> str:
        done = self.attempt(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self("status", "--json"))
        return status

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name="eu-central-1",
            aws_access_key_id="fake-key-that-opens-nothing",
            aws_secret_access_key="fake-key-that-opens-nothing",
        )

    @cached_property
    def endpoint(self) -> str:
        return str(self.status()["endpoint"])

    def row(self, instance_id: str) -> dict[str, Any] | None:
        return next((row for row in self.status()["instances"] if row["instance_id"] == instance_id), None)

    def ssh(self, instance_id: str, command: str, *, text: str = "") -> subprocess.CompletedProcess[str]:
        row = self.row(instance_id)
        assert row is not None
        options = {
            "UserKnownHostsFile": self.state / "known_hosts",
            "HostKeyAlias": instance_id,
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
        }
        flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        where = ["-F", "none", "-i", str(self.state / "id_ed25519"), "-p", str(row["ssh_port"]), f"{row['user']}@127.0.0.1"]
        return subprocess.run(["ssh", *flags, *where, command], input=text, capture_output=True, text=True, timeout=60, check=False)


def until(true: Callable[[], bool]) -> None:
    """Wait for what the lab does within a second or two; generous, as machines are busy."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.3)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def up(state: Path, *, ssh_port: int, tunnel_port: int) -> Iterator[Lab]:
    """A lab of its own that runs until the block ends."""
    lab = Lab(
        environment={
            "STEADY_LAB_STATE": str(state),
            "STEADY_LAB_NETWORK": f"steady-lab-test-{os.getpid()}",
            "STEADY_LAB_CIDR": f"10.{200 + os.getpid() % 30}.0.0/16",
            "STEADY_LAB_API_PORT": str(free_port()),
            "STEADY_LAB_IMDS_PORT": str(free_port()),
            "STEADY_LAB_SSH_PORT": str(ssh_port),
            "STEADY_LAB_TUNNEL_PORT": str(tunnel_port),
        }
    )
    try:
        lab("up")
        yield lab
    finally:
        lab.attempt("down")
