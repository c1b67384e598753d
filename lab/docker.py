"""What the lab asks of Docker, in its own words. Everything of one lab carries the label of that lab's network."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.command import attempt, run
from lab.errors import LabError
from lab.settings import Settings

NETWORK_LABEL = "steady-lab.network"
INSTANCE_LABEL = "steady-lab.instance"
PORT_LABEL = "steady-lab.ssh-port"


@dataclass(frozen=True, kw_only=True)
class Container:
    """A body as Docker sees it."""

    name: str
    instance_id: str
    state: str
    loopback_port: int


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What of the Docker Engine a body's options depend on."""

    version: str
    cgroup_version: int
    memory_limit: bool


def engine() -> Engine:
    """Ask the engine; raises :class:`LabError` when there is none or this user may not use it."""
    result = attempt(["docker", "info", "--format", "{{json .}}"], timeout=30)
    try:
        info = json.loads(result.stdout or b"{}")
    except ValueError:
        info = {}
    if result.returncode or not info.get("ServerVersion"):
        why = "; ".join(info.get("ServerErrors") or result.stderr.decode(errors="replace").strip().splitlines()[-1:])
        raise LabError(
            f"Docker Engine does not answer ({why}): start it (sudo systemctl start docker), "
            "or join the group docker (sudo usermod -aG docker $USER) and log in again."
        )
    return Engine(
        version=info["ServerVersion"],
        cgroup_version=int(info.get("CgroupVersion") or 1),
        memory_limit=bool(info.get("MemoryLimit")),
    )


def image_id(tag: str) -> str:
    """The image's id, or an empty string when there is no such image."""
    result = attempt(["docker", "image", "inspect", "--format", "{{.Id}}", tag])
    return result.stdout.decode().strip() if result.returncode == 0 else ""


def image_tags(pattern: str) -> list[str]:
    """Every tag that matches ``pattern``."""
    return run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", pattern).split()


def containers(network: str) -> dict[str, Container]:
    """Every body of the lab ``network``, running or not, by instance id."""
    form = "\t".join(["{{.Names}}", f'{{{{.Label "{INSTANCE_LABEL}"}}}}', "{{.State}}", f'{{{{.Label "{PORT_LABEL}"}}}}'])
    label = f"label={NETWORK_LABEL}={network}"
    lines = run("docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", form).splitlines()
    found = (line.split("\t") for line in lines)
    return {instance: Container(name=name, instance_id=instance, state=state, loopback_port=int(port)) for name, instance, state, port in found}


def start(name: str) -> None:
    run("docker", "start", name)


def stop(name: str) -> None:
    """Shut the body down as systemd does it."""
    run("docker", "stop", "--time", "15", name)


def remove_containers(names: list[str]) -> None:
    """Remove bodies with what they wrote."""
    if names:
        run("docker", "rm", "--force", "--volumes", *names)


def network_exists(name: str) -> bool:
    return attempt(["docker", "network", "inspect", name]).returncode == 0


def ensure_network(settings: Settings) -> bool:
    """Create the lab's network; return whether that was needed."""
    if network_exists(settings.network):
        _check_same_range(settings)
        return False
    _check_free(settings.cidr)
    # Instances have their own addresses; what Docker chooses, for databases, must lie where no default subnet does.
    addresses = ("--subnet", str(settings.cidr), "--gateway", str(settings.gateway), "--ip-range", f"{settings.cidr[-256]}/24")
    label = f"{NETWORK_LABEL}={settings.network}"
    result = attempt(["docker", "network", "create", "--label", label, *addresses, settings.network])
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip()
        raise _taken(settings.cidr, said) if "overlaps" in said else LabError(f"Docker made no network: {said}")
    return True


def remove_network(name: str) -> None:
    """Remove the lab's network if it is there."""
    if network_exists(name):
        run("docker", "network", "rm", name)


def check_ports(settings: Settings) -> None:
    """See that AWS and the metadata service can listen on the bridge's address of this machine."""
    for port, variable in ((settings.api_port, "STEADY_LAB_API_PORT"), (settings.imds_port, "STEADY_LAB_IMDS_PORT")):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((str(settings.gateway), port))
            except OSError as error:
                raise _cannot_listen(settings, port, variable, error) from error


def _cannot_listen(settings: Settings, port: int, variable: str, error: OSError) -> LabError:
    if error.strerror == "Address already in use":
        return LabError(f"Port {port} on {settings.gateway} is taken by another program: set {variable} to a free port.")
    return LabError(
        f"The lab network's address {settings.gateway} is not on this machine ({error.strerror}), as when Docker runs "
        "in a virtual machine (Docker Desktop): run the lab on Linux with Docker Engine, or inside that machine."
    )


def _check_same_range(settings: Settings) -> None:
    form = "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
    ranges = run("docker", "network", "inspect", "--format", form, settings.network).split()
    if ranges != [str(settings.cidr)]:
        raise LabError(
            f"The Docker network {settings.network} exists with the range {' '.join(ranges)}, not {settings.cidr}: "
            f"remove it (docker network rm {settings.network}) or set STEADY_LAB_NETWORK to another name."
        )


def _check_free(cidr: IPv4Network) -> None:
    """Docker looks at its own networks only; a range that the machine itself uses would cut the machine off."""
    table = Path("/proc/net/route")
    for line in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []:
        interface, destination, *_rest = line.split()
        mask = _rest[5]
        route = IPv4Network((_little_endian(destination), bin(int(mask, 16)).count("1")))
        if route.prefixlen and route.overlaps(cidr):
            raise _taken(cidr, f"{route} on {interface}")


def _little_endian(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]


def _taken(cidr: IPv4Network, by: str) -> LabError:
    return LabError(
        f"The network range {cidr} is already in use ({by}): remove that network, or set STEADY_LAB_CIDR to a free private /16 such as 10.231.0.0/16."
    )
