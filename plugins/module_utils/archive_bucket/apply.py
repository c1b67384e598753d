# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out, and look whether it took."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .model import ENFORCED, Bucket, BucketError, Caller, State
from .observe import observe
from .plan import BUCKET, Change, plan

TRIES = 8
PASSING = {"OperationAborted", "NoSuchBucket", "InternalError", "SlowDown", "ServiceUnavailable"}
"""What S3 answers while a bucket is new or another change of it is under way."""


def apply(*, client: Any, bucket: Bucket, caller: Caller, state: State, changes: Sequence[Change], sleep: Callable[[float], None]) -> None:
    """Apply ``changes`` and read the bucket again. Raises BucketError that names what S3 refused, or what did not take.

    S3 shows a change of a bucket within seconds, not at once: up to 8 looks, each twice as long after the last (a minute in all).
    """
    for change in changes:
        try:
            _patiently(client, partial(_put, client, bucket, caller, state, change), sleep)
        except client.exceptions.ClientError as error:
            said = error.response.get("Error", {})
            done = ", ".join(one.aspect for one in changes[: changes.index(change)]) or "nothing"
            raise BucketError(
                f"Bucket {bucket.name}, {change.aspect}: S3 refuses the change with {said.get('Code')}: {said.get('Message')} Changed so far: {done};"
                f" another run goes on from there."
            ) from None
    left: list[Change] = []
    for attempt in range(TRIES if changes else 0):
        left = plan(bucket=bucket, state=observe(client=client, bucket=bucket, caller=caller))
        if not left:
            return
        sleep(0.25 * 2**attempt)
    if left:
        shown = "; ".join(f"{one.aspect}: {', '.join(one.why)}" for one in left)
        raise BucketError(f"Bucket {bucket.name}: S3 took the changes but does not show them: {shown}. Look who else changes it, and run again.")


def _patiently(client: Any, call: Callable[[], Any], sleep: Callable[[float], None]) -> Any:
    for attempt in range(TRIES - 1):
        try:
            return call()
        except client.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") not in PASSING:
                raise
        sleep(0.25 * 2**attempt)
    return call()


def _put(client: Any, bucket: Bucket, caller: Caller, state: State, change: Change) -> None:
    if change.aspect == BUCKET:
        _create(client, bucket)
        return
    # S3 replaces all tags at once, and refuses to drop those that AWS keeps itself.
    value = {**state.system_tags, **change.after} if change.aspect == "tags" else change.after
    operation, arguments = PUTS[change.aspect](value)
    getattr(client, operation)(Bucket=bucket.name, ExpectedBucketOwner=caller.account, **arguments)


def _create(client: Any, bucket: Bucket) -> None:
    # us-east-1 is where a bucket goes that names no place; S3 takes it by no other way.
    place = {} if bucket.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": bucket.region}}
    lock = {"ObjectLockEnabledForBucket": True} if bucket.object_lock_days else {}
    with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):  # made by an earlier try whose answer got lost
        client.create_bucket(Bucket=bucket.name, ObjectOwnership=ENFORCED, **place, **lock)


def _encryption(value: Any) -> dict[str, Any]:
    default = {"SSEAlgorithm": value["algorithm"], **({"KMSMasterKeyID": value["kms_key"]} if "kms_key" in value else {})}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": value.get("bucket_key", False)}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def _tags(tags: Any) -> tuple[str, dict[str, Any]]:
    if not tags:
        return "delete_bucket_tagging", {}
    return "put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}}


def _lifecycle(rules: Any) -> tuple[str, dict[str, Any]]:
    if not rules:
        return "delete_bucket_lifecycle", {}
    return "put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": rules}}


PUTS: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "object_lock": lambda value: (
        "put_object_lock_configuration",
        {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": value}}},
    ),
    "public_access": lambda value: ("put_public_access_block", {"PublicAccessBlockConfiguration": value}),
    "acl": lambda _: ("put_bucket_acl", {"ACL": "private"}),
    "ownership": lambda value: ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": value}]}}),
    "versioning": lambda value: ("put_bucket_versioning", {"VersioningConfiguration": {"Status": value}}),
    "encryption": lambda value: ("put_bucket_encryption", _encryption(value)),
    "lifecycle": _lifecycle,
    "tags": _tags,
    "policy": lambda value: ("put_bucket_policy", {"Policy": json.dumps(value)}),
}
