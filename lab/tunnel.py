"""SSH tunnels from a fixed loopback port to an application that listens on its own host's loopback only."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab import state
from lab.body import LOOPBACK
from lab.command import attempt
from lab.errors import LabError
from lab.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """``local_port`` of this machine leads to ``remote_port`` of the instance's loopback."""

    instance_id: str
    local_port: int
    remote_port: int


def known(settings: Settings) -> list[Tunnel]:
    """Every tunnel that was asked for."""
    return [Tunnel(**row) for row in state.read_json(_file(settings), [])]


def is_open(tunnel: Tunnel, settings: Settings) -> bool:
    """Whether the tunnel's ssh runs."""
    return attempt(["ssh", "-F", "none", "-S", str(_socket(tunnel, settings)), "-O", "check", "lab"]).returncode == 0


def open_one(instance: dict[str, Any], *, remote_port: int, settings: Settings) -> Tunnel:
    """Open the tunnel to ``instance`` (a row of the status), on the port that it had before if it had one."""
    tunnels = known(settings)
    same = (t for t in tunnels if (t.instance_id, t.remote_port) == (instance["instance_id"], remote_port))
    taken = {tunnel.local_port for tunnel in tunnels}
    free = next(port for port in range(settings.tunnel_port, 65536) if port not in taken)
    tunnel = next(same, Tunnel(instance_id=instance["instance_id"], local_port=free, remote_port=remote_port))
    if not is_open(tunnel, settings):
        _ssh(tunnel, instance, settings)
    if tunnel not in tunnels:
        state.write_json(_file(settings), [asdict(t) for t in [*tunnels, tunnel]])
    return tunnel


def reopen(instances: list[dict[str, Any]], settings: Settings) -> list[Tunnel]:
    """Open again what was open for the instances that are ready; forget the tunnels of those that are gone."""
    by_id = {row["instance_id"]: row for row in instances}
    kept = [tunnel for tunnel in known(settings) if tunnel.instance_id in by_id]
    state.write_json(_file(settings), [asdict(tunnel) for tunnel in kept])
    ready = [tunnel for tunnel in kept if by_id[tunnel.instance_id]["ready"]]
    return [open_one(by_id[t.instance_id], remote_port=t.remote_port, settings=settings) for t in ready]


def close_all(settings: Settings) -> None:
    """Close every tunnel's ssh."""
    for tunnel in known(settings):
        attempt(["ssh", "-F", "none", "-S", str(_socket(tunnel, settings)), "-O", "exit", "lab"])


def ssh_options(instance: dict[str, Any], settings: Settings) -> list[str]:
    """How ssh reaches a body: the lab's key, and the pinned host key and no other."""
    options = {
        "UserKnownHostsFile": settings.known_hosts,
        "HostKeyAlias": instance["instance_id"],
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": 10,
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return ["-F", "none", "-i", str(settings.private_key), "-p", str(instance["ssh_port"]), *flags]


def _ssh(tunnel: Tunnel, instance: dict[str, Any], settings: Settings) -> None:
    control = _socket(tunnel, settings)
    control.unlink(missing_ok=True)
    forward = f"{LOOPBACK}:{tunnel.local_port}:{LOOPBACK}:{tunnel.remote_port}"
    argv = ["ssh", *ssh_options(instance, settings), "-f", "-N", "-M", "-S", str(control)]
    argv += ["-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=15", "-L", forward]
    log = settings.state / "tunnel.log"
    # ssh stays in the background with these streams, so they must not be pipes that somebody waits for.
    with log.open("wb") as stream:
        target = f"{instance['user']}@{LOOPBACK}"
        done = subprocess.run([*argv, target], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False)
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
        raise LabError(
            f"No tunnel from port {tunnel.local_port} to {tunnel.instance_id}: {said[-1]} If the port is taken, set STEADY_LAB_TUNNEL_PORT to a free one."
        )


def _file(settings: Settings) -> Path:
    return settings.state / "tunnels.json"


def _socket(tunnel: Tunnel, settings: Settings) -> Path:
    return settings.state / f"tunnel-{tunnel.local_port}.sock"
