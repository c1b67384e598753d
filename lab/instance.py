"""An EC2 instance as the lab sees it, apart from moto: the command line must not wait for moto's import."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address

from lab.images import MachineImage


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One EC2 instance at this moment."""

    id: str
    account: str
    region: str
    zone: str
    state: str
    address: IPv4Address
    public_address: str
    image_id: str
    machine_image: MachineImage | None
    instance_type: str
    memory_mib: int
    public_key: str
    tags: dict[str, str] = field(hash=False)
    role_arn: str = ""
    profile_arn: str = ""
    tokens_required: bool = False
    metadata_enabled: bool = True
    metadata_tags: bool = False

    @property
    def name(self) -> str:
        return self.tags.get("Name", self.id)

    @property
    def hostname(self) -> str:
        """AWS's private host name, without its domain."""
        return "ip-" + str(self.address).replace(".", "-")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A role's temporary keys; ``expiration`` is in UTC."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime
