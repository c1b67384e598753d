"""Where one lab lives. Every value has an environment variable, so that a second lab can run beside the first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.errors import LabError
from lab.images import DEBIAN_12, machine_image

PROJECT = Path(__file__).resolve().parents[1]
REGION = "eu-central-1"

# Long and plainly fake: Ansible masks the values of secret keys wherever they occur, and short ones occur everywhere.
NOT_A_KEY = "steady-lab-fake-key-that-opens-nothing"
DEFAULT_VPC = IPv4Network("172.31.0.0/16")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Addresses, ports and paths of one lab."""

    state: Path = PROJECT / ".lab"
    network: str = "steady-lab"
    cidr: IPv4Network = DEFAULT_VPC
    api_port: int = 5080
    imds_port: int = 5081
    ssh_ports: range = range(22000, 23000)
    tunnel_port: int = 18000
    region: str = REGION
    platform: str = DEBIAN_12.platform
    """Whose image the lab builds and its provisioning chooses; an instance may come from any image that is built."""

    @property
    def gateway(self) -> IPv4Address:
        """The bridge's own address, where AWS and the metadata service listen."""
        return self.cidr[1]

    @property
    def endpoint(self) -> str:
        return f"http://{self.gateway}:{self.api_port}"

    @property
    def imds(self) -> str:
        return f"http://{self.gateway}:{self.imds_port}"

    @property
    def private_key(self) -> Path:
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def database_authority(self) -> Path:
        """What RDS's bundle of certificates is in AWS."""
        return self.state / "rds-ca.pem"

    @property
    def database_authority_key(self) -> Path:
        return self.state / "rds-ca.key"

    @property
    def log(self) -> Path:
        return self.state / "lab.log"

    def client_environment(self) -> dict[str, str]:
        """What an AWS client on this machine needs to speak to the lab and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": NOT_A_KEY,
            "AWS_SECRET_ACCESS_KEY": NOT_A_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "STEADY_LAB_STATE": str(self.state),
        }

    def body_environment(self) -> dict[str, str]:
        """What a host in the lab knows: where AWS is, and no key."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.imds,
            "AWS_REGION": self.region,
        }


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read ``STEADY_LAB_*``; raises :class:`LabError` that names the variable and the value it cannot read."""
    base = Settings()
    first = _number(environment, "STEADY_LAB_SSH_PORT", base.ssh_ports.start)
    return Settings(
        state=Path(environment.get("STEADY_LAB_STATE", base.state)).absolute(),
        network=environment.get("STEADY_LAB_NETWORK", base.network),
        cidr=_network(environment.get("STEADY_LAB_CIDR", str(base.cidr))),
        api_port=_number(environment, "STEADY_LAB_API_PORT", base.api_port),
        imds_port=_number(environment, "STEADY_LAB_IMDS_PORT", base.imds_port),
        ssh_ports=range(first, min(first + len(base.ssh_ports), 65536)),
        tunnel_port=_number(environment, "STEADY_LAB_TUNNEL_PORT", base.tunnel_port),
        platform=machine_image(environment.get("STEADY_LAB_PLATFORM", base.platform)).platform,
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise LabError(f"{name}={text!r} is not a port: give a number from 1024 to 65535.")
    return int(text)


def _network(text: str) -> IPv4Network:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise LabError(f"STEADY_LAB_CIDR={text!r} is not an IPv4 network ({error}): give one such as 10.231.0.0/16.") from error
    if network.prefixlen != 16 or not network.is_private:
        raise LabError(f"STEADY_LAB_CIDR={text} must be a private /16, as AWS's default VPC is: for example 10.231.0.0/16.")
    return network
