"""An empty AWS account on loopback, and the real playbook run against it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from listening import wait_for

PROJECT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
BUCKET = f"rtbcat-csv-archive-frankfurt-{ACCOUNT}"
BACKUPS = f"rtbcat-backups-frankfurt-{ACCOUNT}"
# Ansible masks secret values wherever they occur, so they are long and plainly no keys.
CREDENTIALS = {"access_key": "lab-access-key-for-the-local-endpoint", "secret_key": "lab-secret-key-for-the-local-endpoint"}
# The lab's AWS without its bodies. moto reads its environment when it is imported.
SERVE = """
import ipaddress, json, os, pathlib, sys
from lab.images import ACCOUNT, MACHINE_IMAGES
amis = pathlib.Path(sys.argv[2])
amis.write_text(json.dumps([image.moto(ACCOUNT) for image in MACHINE_IMAGES]))
os.environ |= {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_AMIS_PATH": str(amis)}
from lab import aws
from lab.settings import Settings
aws.server(Settings(cidr=ipaddress.IPv4Network("127.0.0.0/16"), api_port=int(sys.argv[1]))).serve_forever()
"""


@dataclass(frozen=True)
class Run:
    """One run of the playbook."""

    status: int
    output: str

    @property
    def text(self) -> str:
        """The output in one line, for sentences that Ansible wraps."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something or, in check mode, would."""
        tasks = re.split(r"^TASK \[(.*?)\] \*+$", self.output, flags=re.MULTILINE)[1:]
        return [name for name, body in zip(tasks[::2], tasks[1::2], strict=True) if re.search("^changed:", body, re.MULTILINE)]


@dataclass(frozen=True)
class Account:
    """An AWS account, the files that a site brings along, and the playbook."""

    endpoint: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_key"],
            # The default inventory, with a cache of its own that a slow machine does not outlive.
            "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(self.folder / "inventory"),
            "ANSIBLE_INVENTORY_CACHE_TIMEOUT": "3600",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "ANSIBLE_NOCOLOR": "true",
        }

    def client(self, service: str, **keys: str) -> Any:
        """A boto3 client, as the administrator unless other keys are given."""
        keys = keys or {
            "aws_access_key_id": CREDENTIALS["access_key"],
            "aws_secret_access_key": CREDENTIALS["secret_key"],
        }
        make: Any = boto3.client
        return make(service, region_name="eu-central-1", endpoint_url=self.endpoint, **keys)

    def provision(self, *arguments: str, **variables: Any) -> Run:
        """Run ``playbooks/provision.yml`` for Cat-Scan."""
        site = {
            "system": "catscan",
            "provision_admin_cidrs": ["203.0.113.7/32"],
            "provision_public_key_file": str(self.folder / "key.pub"),
        }
        return self.run("ansible-playbook", "playbooks/provision.yml", *arguments, "-e", json.dumps(site | variables))

    def run(self, *command: str) -> Run:
        """Run one of Ansible's commands from the root of the project."""
        finished = subprocess.run(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            cwd=PROJECT,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(status=finished.returncode, output=finished.stdout)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An empty account, served for the whole session."""
    folder = tmp_path_factory.mktemp("account")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "aws.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port), str(folder / "amis.json")],
            cwd=PROJECT,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(port, server, folder / "aws.log")
            yield Account(endpoint=f"http://127.0.0.1:{port}", folder=folder)
        finally:
            server.terminate()
            server.wait()
