# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bucket is declared to be, and what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ARCHIVE, BACKUPS = "archive", "backups"
"""Purposes: nothing is ever overwritten, deleted or expired; or copies that may be replaced and go after their time."""

IA_LEAST_DAYS = 30
"""S3 moves no object to STANDARD_IA before."""

NONCURRENT_DAYS = {ARCHIVE: 0, BACKUPS: 30}
"""How long a version is kept after it was overwritten or deleted, unless that is said: for ever, or for as long as a mistake takes to be noticed."""

ASPECTS = ("object_lock", "public_access", "acl", "ownership", "versioning", "encryption", "lifecycle", "tags", "policy")
"""In the order of their application: what may delete or show objects goes first; the policy, which may refuse what comes after it, last."""

BLOCKED = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
ENFORCED = "BucketOwnerEnforced"


class BucketError(Exception):
    """A sentence for a person. Nothing was changed, unless it says so."""


@dataclass(frozen=True)
class Bucket:
    """A declared bucket. Days: 0 says never.

    admin_arns: who alone may delete and reconfigure (IAM ARNs, * and ? allowed); empty: anybody whose own policy allows it may reconfigure.
    kms_key: ARN of a key, empty for AES256. object_lock_days: how long governance mode keeps every object version.
    """

    name: str
    region: str
    purpose: str = ARCHIVE
    infrequent_access_days: int = 30
    expire_days: int = 0
    noncurrent_days: int = 0
    abort_multipart_days: int = 7
    kms_key: str = ""
    admin_arns: tuple[str, ...] = ()
    object_lock_days: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are: account number and ARN, as STS says."""

    account: str
    arn: str


@dataclass(frozen=True)
class State:
    """What was found. aspects: the value of each of ASPECTS in the form of ``wanted``; empty where there is no bucket.
    system_tags: tags that AWS itself keeps; they cannot be removed."""

    exists: bool
    aspects: Mapping[str, Any] = field(default_factory=dict)
    system_tags: Mapping[str, str] = field(default_factory=dict)


def faults(bucket: Bucket) -> list[str]:
    """A sentence for everything about the declaration that S3 would refuse or that contradicts its purpose."""
    return [f"Bucket {bucket.name}: {fault}" for fault in (*_name_faults(bucket), *_day_faults(bucket), *_arn_faults(bucket))]


def _name_faults(bucket: Bucket) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket.name):
        yield "S3 takes names of 3 to 63 lower case letters, digits, dots and hyphens, with a letter or digit at both ends."


def _day_faults(bucket: Bucket) -> Iterator[str]:
    fields: Sequence[str] = ("infrequent_access_days", "expire_days", "noncurrent_days", "abort_multipart_days", "object_lock_days")
    for name in fields:
        if getattr(bucket, name) < 0:
            yield f"{name} is {getattr(bucket, name)}; give a number of days, or 0 for never."
    if 0 < bucket.infrequent_access_days < IA_LEAST_DAYS:
        yield f"infrequent_access_days is {bucket.infrequent_access_days}; S3 moves objects to STANDARD_IA after {IA_LEAST_DAYS} days at the earliest."
    if not bucket.expire_days:
        return
    if bucket.purpose == ARCHIVE:
        yield f"an archive keeps its objects for ever, but expire_days is {bucket.expire_days}. Leave it out, or declare the purpose {BACKUPS}."
    if bucket.infrequent_access_days >= bucket.expire_days:
        yield (
            f"objects would go after {bucket.expire_days} days, before or as they move to STANDARD_IA after {bucket.infrequent_access_days}."
            f" Say infrequent_access_days: 0."
        )


def _arn_faults(bucket: Bucket) -> Iterator[str]:
    for arn in bucket.admin_arns:
        if not re.fullmatch(r"arn:[a-z-]+:(iam|sts)::\d{12}:\S+", arn):
            yield f"{arn!r} in admin_arns is not an ARN of a role or user, such as arn:aws:iam::123456789012:role/fleet-admin."
    if bucket.kms_key and not re.fullmatch(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/\S+", bucket.kms_key):
        yield f"kms_key {bucket.kms_key!r} is not a key's ARN, such as arn:aws:kms:eu-central-1:123456789012:key/<id>."
