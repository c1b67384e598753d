"""The lab's images: which AMI ids exist, which container image is the body of each, and who logs in; and the bodies of databases.

This is the one place to add a platform or a version of PostgreSQL: an entry here and a folder under ``lab/image/``.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.errors import LabError


@dataclass(frozen=True, kw_only=True)
class MachineImage:
    """One AMI of the lab."""

    platform: str
    """The name that a person types."""
    ami_id: str
    name: str
    description: str
    body: str
    login: str
    root_device: str
    parameters: tuple[str, ...]
    """Public SSM parameters that AWS or the distribution keeps at the newest AMI id."""

    def moto(self, owner: str) -> dict[str, object]:
        """The entry of moto's AMI file."""
        return {
            "ami_id": self.ami_id,
            "name": self.name,
            "description": self.description,
            "owner_id": owner,
            "public": True,
            "virtualization_type": "hvm",
            "architecture": "x86_64",
            "state": "available",
            "image_type": "machine",
            "image_location": f"amazon/{self.name}",
            "hypervisor": "xen",
            "root_device_type": "ebs",
            "root_device_name": self.root_device,
            "creation_date": "2026-01-01T00:00:00.000Z",
            "sriov": "simple",
        }


ACCOUNT = "123456789012"
DEBIAN_12 = MachineImage(
    platform="debian",
    ami_id="ami-00000000000deb012",
    name="debian-12-amd64-lab",
    description="Debian 12 (bookworm), the lab's",
    body="steady-lab/debian:12",
    login="admin",
    root_device="/dev/xvda",
    parameters=("/aws/service/debian/release/12/latest/amd64",),
)
AMAZON_2023 = MachineImage(
    platform="amazon",
    ami_id="ami-000000000000a2023",
    name="al2023-ami-2023-lab-kernel-6.1-x86_64",
    description="Amazon Linux 2023, the lab's",
    body="steady-lab/amazon:2023",
    login="ec2-user",
    root_device="/dev/xvda",
    parameters=(
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64",
    ),
)
MACHINE_IMAGES = (DEBIAN_12, AMAZON_2023)
BY_PLATFORM = {image.platform: image for image in MACHINE_IMAGES}
BY_AMI = {image.ami_id: image for image in MACHINE_IMAGES}
POSTGRES = {version: f"steady-lab/postgres:{version}" for version in ("15", "17")}
"""The image of an RDS instance, by the major version of its engine."""
BODIES = {image.platform: image.body for image in MACHINE_IMAGES} | {f"postgres-{version}": body for version, body in POSTGRES.items()}
"""Every container image, by the name that a person types after ``python -m lab image``."""


def machine_image(platform: str) -> MachineImage:
    """The image of ``platform``; raises :class:`LabError` that names those there are."""
    if platform not in BY_PLATFORM:
        raise LabError(f"{platform!r} is no platform of the lab: give {' or '.join(BY_PLATFORM)} (STEADY_LAB_PLATFORM).")
    return BY_PLATFORM[platform]


def body_of(name: str) -> str:
    """The container image that a person calls ``name``; raises :class:`LabError` that names those there are."""
    if name not in BODIES:
        raise LabError(f"{name!r} is no image of the lab: give {' or '.join(BODIES)}.")
    return BODIES[name]
