"""The EC2 fleet as moto holds it in this process: what the bodies and the metadata service need, and nothing more.

Read in process and not through the API on purpose: it costs next to nothing, so that a body follows its instance within
a second, and it goes on working when a test switches moto's authorisation on.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.sts.models import sts_backends

from lab.images import BY_AMI, MachineImage
from lab.instance import Credentials, Instance

SESSION_SECONDS = 3600


def instances() -> list[Instance]:
    """Every instance of every account and region, terminated ones too while moto remembers them."""
    return [_view(backend, raw) for backend in _backends() for raw in _raw_instances(backend)]


def tag(instance: Instance, tags: dict[str, str]) -> None:
    """Put ``tags`` on the instance."""
    ec2_backends[instance.account][instance.region].create_tags([instance.id], tags)


def assume_role(instance: Instance) -> Credentials:
    """Temporary keys of the instance profile's role, as EC2 gets them for an instance from STS."""
    role = sts_backends[instance.account]["aws"].assume_role(
        region_name=instance.region,
        role_session_name=instance.id,
        role_arn=instance.role_arn,
        policy=None,
        duration=SESSION_SECONDS,
        external_id=None,
    )
    return Credentials(
        access_key_id=role.access_key_id,
        secret_access_key=role.secret_access_key,
        session_token=role.session_token,
        expiration=role.expiration,
    )


def _backends() -> Iterator[Any]:
    for account in list(ec2_backends.values()):
        yield from list(account.values())


def _raw_instances(backend: Any) -> Iterator[Any]:
    for reservation in list(backend.reservations.values()):
        yield from list(reservation.instances)


def _view(backend: Any, raw: Any) -> Instance:
    association = backend.iam_instance_profile_associations.get(raw.id)
    profile = association.iam_instance_profile if association else None
    roles = profile.roles if profile else []
    metadata = raw.metadata_options
    return Instance(
        id=raw.id,
        account=backend.account_id,
        region=backend.region_name,
        zone=raw.availability_zone or "",
        state=raw.state,
        address=IPv4Address(raw.private_ip),
        public_address=raw.public_ip or "",
        image_id=raw.image_id,
        machine_image=_machine_image(backend, raw.image_id),
        instance_type=raw.instance_type,
        memory_mib=INSTANCE_TYPES.get(raw.instance_type, {}).get("MemoryInfo", {}).get("SizeInMiB", 0),
        public_key=_public_key(backend, raw.key_name),
        tags=dict(backend.tags.get(raw.id, {})),
        role_arn=roles[0].arn if roles else "",
        profile_arn=profile.arn if profile else "",
        tokens_required=metadata.http_tokens == "required",
        metadata_enabled=metadata.http_endpoint == "enabled",
        metadata_tags=metadata.instance_metadata_tags == "enabled",
    )


def _public_key(backend: Any, key_name: str | None) -> str:
    return next((pair.public_key.strip() for pair in list(backend.key_pairs.values()) if pair.key_name == key_name), "")


def _machine_image(backend: Any, ami_id: str) -> MachineImage | None:
    """The lab's image that ``ami_id`` is, or that the instance it was made from ran."""
    ami = backend.amis.get(ami_id)
    source = getattr(ami, "instance", None)
    return BY_AMI.get(ami_id) or (_machine_image(backend, source.image_id) if source else None)
