"""The EC2 fleet and the databases as moto holds them in this process: what the bodies and the metadata service need, and nothing more.

Read in process and not through the API on purpose: it costs next to nothing, so that a body follows its instance within
a second, and it goes on working when a test switches moto's authorisation on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.rds.models import rds_backends
from moto.sts.models import sts_backends

from lab.database import Database
from lab.images import BY_AMI, MachineImage
from lab.instance import Credentials, Instance
from lab.patches.rds import ENGINE

SESSION_SECONDS = 3600


def instances() -> list[Instance]:
    """Every instance of every account and region, terminated ones too while moto remembers them."""
    return [_view(backend, raw) for backend in _backends() for raw in _raw_instances(backend)]


def databases() -> list[Database]:
    """Every RDS instance of every account and region that can have a body: a replica would need its source's rows."""
    backends = [backend for account in list(rds_backends.values()) for backend in list(account.values())]
    found = ((backend, raw) for backend in backends for raw in list(backend.databases.values()))
    return [_database(backend, raw) for backend, raw in found if raw.engine == ENGINE and not raw.is_replica]


def set_status(database: Database, status: str) -> None:
    """Say how far the database is, as long as it is there."""
    raw = rds_backends[database.account][database.region].databases.get(database.name)
    if raw is not None and raw.status == database.status:
        raw.status = status


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


def _database(backend: Any, raw: Any) -> Database:
    group = backend.db_parameter_groups.get(raw.db_parameter_group_name or "")
    force_ssl = group.parameters["rds.force_ssl"].get("ParameterValue", "1") if group and "rds.force_ssl" in group.parameters else "1"
    return Database(
        id=raw.dbi_resource_id,
        account=backend.account_id,
        region=backend.region_name,
        name=raw.db_instance_identifier,
        status=raw.status,
        version=raw.engine_version,
        endpoint=raw.address,
        port=int(raw.port),
        master=raw.master_username,
        password=_password(raw),
        database=raw.db_name or "",
        force_ssl=str(force_ssl) != "0",
    )


def _password(raw: Any) -> str:
    """The master user's: from the secret that RDS manages, or as it was given."""
    if not raw.manage_master_user_password:
        return str(raw._master_user_password)
    secret = raw.master_user_secret.secret
    return str(json.loads(secret.versions[secret.default_version_id]["secret_string"])["password"])


def _public_key(backend: Any, key_name: str | None) -> str:
    return next((pair.public_key.strip() for pair in list(backend.key_pairs.values()) if pair.key_name == key_name), "")


def _machine_image(backend: Any, ami_id: str) -> MachineImage | None:
    """The lab's image that ``ami_id`` is, or that the instance it was made from ran."""
    ami = backend.amis.get(ami_id)
    source = getattr(ami, "instance", None)
    return BY_AMI.get(ami_id) or (_machine_image(backend, source.image_id) if source else None)
