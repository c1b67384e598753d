# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket policy: what is denied to everybody, whatever their own policies allow."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from .model import ARCHIVE, Bucket, Caller

DELETING = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
CONFIGURING = [
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
]


def arn(bucket: Bucket) -> str:
    """The bucket's ARN."""
    return f"arn:{_partition(bucket.region)}:s3:::{bucket.name}"


def document(bucket: Bucket) -> dict[str, Any]:
    """The policy of a declared bucket, in canonical form."""
    whole = arn(bucket)
    objects = f"{whole}/*"
    everybody_else = {"Condition": {"ArnNotLike": {"aws:PrincipalArn": list(bucket.admin_arns)}}} if bucket.admin_arns else {}
    statements = [_deny("DenyWithoutTls", "s3:*", [whole, objects], Condition={"Bool": {"aws:SecureTransport": "false"}})]
    if bucket.purpose == ARCHIVE:
        # S3 takes If-None-Match only where an object comes into being: PutObject and CompleteMultipartUpload, not the parts before it.
        conditional = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
        statements.append(_deny("DenyOverwriting", "s3:PutObject", objects, Condition=conditional))
        statements.append(_deny("DenyDeleting", DELETING, objects, **everybody_else))
    if bucket.admin_arns:
        statements.append(_deny("DenyConfiguring", CONFIGURING, whole, **everybody_else))
    canonical: dict[str, Any] = canonical_form({"Version": "2012-10-17", "Statement": statements})
    return canonical


def parse(text: str) -> Any:
    """A policy as S3 returned it, in canonical form."""
    return canonical_form(json.loads(text))


def canonical_form(value: Any) -> Any:
    """Equal for policies that mean the same: a list of one is its element, words are in order, statements by their Sid."""
    if value == {"AWS": "*"}:
        return "*"
    if isinstance(value, dict):
        made = {key: canonical_form(item) for key, item in sorted(value.items())}
        if isinstance(value.get("Statement"), (list, dict)):
            listed = value["Statement"] if isinstance(value["Statement"], list) else [value["Statement"]]
            made["Statement"] = sorted(map(canonical_form, listed), key=lambda one: (str(one.get("Sid", "")), json.dumps(one, sort_keys=True)))
        return made
    if isinstance(value, list):
        items = [canonical_form(item) for item in value]
        return items[0] if len(items) == 1 else sorted(items, key=json.dumps)
    return str(value).lower() if isinstance(value, bool) else value


def locks_out(bucket: Bucket, caller: Caller) -> str:
    """Why ``caller`` could not undo the policy; empty if it could."""
    if not bucket.admin_arns or any(_is(caller.arn, admin) for admin in bucket.admin_arns):
        return ""
    return (
        f"Bucket {bucket.name}: admin_arns names {', '.join(bucket.admin_arns)}, but these credentials are {caller.arn}: its policy would lock them out."
        f" Use an administrator's credentials, or add their role or user to admin_arns."
    )


def _is(caller: str, admin: str) -> bool:
    """A session is its role; STS leaves the role's path out."""
    prefix, assumed, session = caller.partition(":assumed-role/")
    if not assumed:
        return fnmatch.fnmatchcase(caller, admin)
    role_prefix, role, path = admin.partition(":role/")
    same_account = fnmatch.fnmatchcase(prefix.replace(":sts:", ":iam:"), role_prefix)
    return bool(role) and same_account and fnmatch.fnmatchcase(session.partition("/")[0], path.rpartition("/")[2])


def _deny(sid: str, action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **more}


def _partition(region: str) -> str:
    special = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    return next((partition for start, partition in special.items() if region.startswith(f"{start}-")), "aws")
