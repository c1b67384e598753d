"""The gaps of moto that the AWS modules fall into, closed one by one.

Each patch says what AWS does; ``tests/lab/test_patches_*.py`` shows for each that stock moto still does otherwise, so
that the day upstream closes a gap its test fails and the patch goes.
"""

from __future__ import annotations

from lab.patches import (
    acm,
    autoscaling,
    backup,
    cloudformation,
    dynamodb,
    ec2,
    ecs,
    elasticache,
    iam,
    rds,
    s3,
    s3_bucket,
    ssm,
    wafv2,
    xray,
)
from lab.patches.seam import Patch, SetAttribute

SERVICES = (acm, autoscaling, backup, cloudformation, dynamodb, ec2, ecs, elasticache, iam, rds, s3, s3_bucket, ssm, wafv2, xray)
ALL: tuple[Patch, ...] = tuple(patch for service in SERVICES for patch in service.PATCHES)


def apply(set_attribute: SetAttribute, *, default_vpc: str) -> None:
    """Apply every patch; ``default_vpc`` is the range of the account's default VPC."""
    for patch in ALL:
        patch(set_attribute)
    ec2.default_vpc_range(set_attribute, default_vpc)
