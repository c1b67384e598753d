"""What the tests of this folder do to their host and its load."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import checkout
import yaml

HERE = Path(__file__).parent
IMAGE = "steady-lab/debian:12"
NAME = f"steady-deploy-{os.getpid()}"
PORT = 8100
RELEASES = {
    "one": 'NAME = "one"\nHEALTH = "ok"\nSTATUS = 200\n',
    "two": 'NAME = "two"\nHEALTH = "ok"\nSTATUS = 200\n',
    # Importable, as the build tries it, but it ends when it is started with its environment.
    "dead": 'import os\n\nif "SHOP_MODE" in os.environ:\n    raise SystemExit("no disk left")\nNAME = HEALTH = "dead"\nSTATUS = 200\n',
}
VARIABLES = {
    "ansible_connection": "community.docker.docker",
    "ansible_host": NAME,
    "ansible_pipelining": True,
    "ansible_python_interpreter": "/usr/bin/python3",
    "python_app_name": "shop",
    "python_app_imports": ["shop.api"],
    "python_app_environment": {"SHOP_MODE": "test"},
    "python_app_units": ["shop.service"],
    "python_app_health": {"url": f"http://127.0.0.1:{PORT}/health", "json": {"status": "ok"}, "timeout": 3, "retries": 8, "delay": 0.5},
    "python_app_keep": 5,
    "systemd_service_units": [
        {
            "name": "shop",
            "kind": "uvicorn",
            "user": "shop",
            "venv": "/opt/shop/current/venv",
            "application": "shop.api:app",
            "port": PORT,
            "environment_file": "/etc/shop/env",
            "memory_max": "300M",
        }
    ],
}


def docker(*words: str, **options: Any) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, **options).stdout.strip()


@dataclass(frozen=True)
class Host:
    """The host, and the ways to it that its users have."""

    folder: Path

    def play(self, playbook: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return checkout.attempt("ansible-playbook", "--inventory", self.folder / "hosts.yml", *options, playbook)

    def deploy(self, *releases: str, retry: bool = False) -> subprocess.CompletedProcess[str]:
        """Deploy one release after the other, in one run of Ansible."""
        (play,) = yaml.safe_load((HERE / "deploy.yml").read_text())
        playbook = self.folder / "deploy.yml"
        plays = [play | {"gather_facts": number == 0, "vars": play["vars"] | {"deploy_release": release}} for number, release in enumerate(releases)]
        playbook.write_text(yaml.safe_dump(plays))
        return self.play(playbook, "--extra-vars", json.dumps({"deploy_folder": str(self.folder), "python_app_retry": retry}))

    def roll_back(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.play(checkout.ROOT / "playbooks" / "rollback.yml", *options)

    def run(self, *words: str) -> str:
        return docker("exec", NAME, *words)

    def serving(self) -> str:
        return str(json.loads(self.run("curl", "--silent", "--max-time", "10", f"http://127.0.0.1:{PORT}/"))["release"])


@dataclass
class Load:
    process: subprocess.Popen[str]
    seen: dict[str, Any]

    def end(self) -> dict[str, Any]:
        output, errors = self.process.communicate("", timeout=120)
        assert self.process.returncode == 0, errors
        self.seen.update(json.loads(output))
        return self.seen
