"""Who runs against whom: each contestant's command, and how its output says what changed."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.converge.hosts import USER, Host, Keys

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
DECLARATION: dict[str, Any] = yaml.safe_load((ROOT / "group_vars/catscan/main.yml").read_text())
# What a container lacks (swap, AWS) is switched off by the roles' own public variables; the token comes from no AWS here.
OVERRIDES: dict[str, Any] = {
    "catscan_source": {"directory": str(ROOT / "files/apps/catscan")},
    "python_app_environment": DECLARATION["python_app_environment"] | {"CATSCAN_API_TOKEN": secrets.token_hex(16)},
    "python_app_secrets": [],
    "base_manage_swap": False,
    "cloudwatch_agent_mode": "config_only",
    "catscan_archive_bucket": "benchmark-archive",
    "catscan_backup_bucket": "benchmark-backups",
    "s3_archive_check_hours": 0,
}


def changed_by_ansible(output: str) -> int:
    """The sum of the recap. Raises ValueError where a host failed or none was reached."""
    if re.search(r"(?:failed|unreachable)=[1-9]", output) or "changed=" not in output:
        raise ValueError("it failed")
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", output))


def changed_by_pyinfra(output: str) -> int:
    """The sum of the table of results. Raises ValueError where there is none or an operation failed."""
    total = re.search(r"Grand total +(\d+) +(\S+) +(-) ", output)  # hosts, changed, errors
    if total is None:
        raise ValueError("it failed, or reached no host")
    return int(total.group(2).replace("-", "0"))


@dataclass(frozen=True)
class Contestant:
    """One way to converge the host. ``command`` is run from the repository's root; ``calls`` says how to count module calls."""

    name: str
    command: Sequence[str]
    changed: Callable[[str], int]
    environment: Mapping[str, str] = field(default_factory=dict)
    counts_calls: bool = False


def ansible(name: str, playbook: Path, folder: Path, **environment: str) -> Contestant:
    """A playbook with the settings that ship, its caches in ``folder``."""
    settings = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [str(BIN / "ansible-playbook"), "-i", str(folder / "hosts.yml"), "-e", f"benchmark_state={folder / 'state.json'}", str(playbook)]
    return Contestant(name, command, changed_by_ansible, settings | environment, counts_calls=True)


def pyinfra(name: str, program: Sequence[str], folder: Path) -> Contestant:
    """pyinfra, stock or without its delays."""
    command = [*program, "-y", str(folder / "hosts.py"), str(HERE / "pyinfra_deploy.py")]
    return Contestant(name, command, changed_by_pyinfra, {"STATE": str(folder / "state.json")})


def contestants(folder: Path) -> list[Contestant]:
    """All of them, in the order of the table."""
    return [
        ansible("our roles", HERE / "ours.yml", folder),
        ansible("our site.yml", ROOT / "site.yml", folder),
        pyinfra("pyinfra", [str(BIN / "pyinfra")], folder),
        pyinfra("pyinfra, no delays", [sys.executable, str(HERE / "pyinfra_without_delays.py")], folder),
        ansible("plain tasks", HERE / "plain.yml", folder),
    ]


def write_inventories(*, folder: Path, hosts: Sequence[Host], keys: Keys) -> None:
    """The same hosts for Ansible, in the group that declares Cat-Scan, and for pyinfra."""
    (folder / "group_vars").symlink_to(ROOT / "group_vars")
    ssh = {
        "ansible_host": "127.0.0.1",
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(keys.private),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={keys.known_hosts}",
    }
    members = {host.name: {"ansible_port": host.proxy.port, **ssh, **OVERRIDES} for host in hosts}
    inventory = {"all": {"children": {"catscan": {"hosts": members}, "env_bench": {"hosts": dict.fromkeys(members)}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    entries = [(host.name, {"ssh_port": host.proxy.port}) for host in hosts]
    common = {
        "ssh_hostname": "127.0.0.1",
        "ssh_user": USER,
        "ssh_key": str(keys.private),
        "ssh_known_hosts_file": str(keys.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "_sudo": True,
    }
    (folder / "hosts.py").write_text(f"hosts = ({entries!r}, {common!r})\n")


def environment(contestant: Contestant, *, control_path: Path) -> dict[str, str]:
    """The environment of one run: no live SSH connection is inherited, and nothing of the caller's Ansible."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    return {**kept, "LANG": "C.UTF-8", "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control_path), **contestant.environment}
