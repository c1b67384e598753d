"""A host of one core and 1 GB with an application on it, and a load on that application."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator

import checkout
import pytest
import yaml
from deploy_host import HERE, IMAGE, NAME, PORT, RELEASES, VARIABLES, Host, Load, docker


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("deploy")
    for name, text in RELEASES.items():
        shutil.copytree(HERE / "app", folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / name / "shop" / "release.py").write_text(text)
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"shop-1": None}, "vars": VARIABLES}}))
    flags = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
    flags += ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:ro", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp"]
    docker("run", "--detach", "--name", NAME, "--cpus", "1", "--memory", "1g", *flags, IMAGE)
    try:
        while checkout.attempt("docker", "exec", NAME, "systemctl", "is-system-running").stdout.strip() not in ("running", "degraded"):
            time.sleep(0.5)
        yield Host(folder)
    finally:
        docker("rm", "--force", NAME)


@pytest.fixture
def load(host: Host) -> Iterator[Load]:
    """The clients are not limited with the host: they stand for other machines."""
    name = f"{NAME}-load"
    command = ["docker", "run", "--rm", "--interactive", "--name", name, "--network", f"container:{NAME}", "--entrypoint", "python3"]
    command += ["--volume", f"{HERE / 'load.py'}:/load.py:ro", IMAGE, "-u", "/load.py", str(PORT), "one", "two"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Load(process, {})
    finally:
        if process.poll() is None:
            docker("rm", "--force", name)
