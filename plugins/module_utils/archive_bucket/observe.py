# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there: every aspect of a bucket, in the form in which it is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import lifecycle, policy
from .model import ENFORCED, Bucket, BucketError, Caller, State

ABSENT = {
    "NoSuchBucket",  # for a moment after its creation
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
}


def whose(sts: Any) -> Caller:
    """Whose credentials these are. ``sts``: a boto3 client; every identity may ask this."""
    said = sts.get_caller_identity()
    return Caller(account=said["Account"], arn=said["Arn"])


def observe(*, client: Any, bucket: Bucket, caller: Caller) -> State:
    """Read the bucket. ``client``: boto3's of S3. Raises BucketError where it is another's, in another region or not readable."""
    whole = {"Bucket": bucket.name, "ExpectedBucketOwner": caller.account}
    if not _exists(client, bucket, caller):
        return State(exists=False)

    def ask(name: str) -> dict[str, Any]:
        try:
            said: dict[str, Any] = getattr(client, name)(**whole)
        except client.exceptions.ClientError as error:
            if _code(error) in ABSENT:
                return {}
            raise BucketError(f"Bucket {bucket.name}: S3 answers {_code(error)} to {name}. These credentials ({caller.arn}) need to be allowed that.") from None
        return said

    tags = {tag["Key"]: tag["Value"] for tag in ask("get_bucket_tagging").get("TagSet", [])}
    aspects = {aspect: read(ask) for aspect, read in READERS.items()}
    aspects["tags"] = {key: value for key, value in tags.items() if not key.startswith("aws:")}
    if bucket.object_lock_days:
        aspects["object_lock"] = _object_lock(ask)
    if aspects["ownership"] != ENFORCED:  # where it is enforced, ACLs have no effect
        aspects["acl"] = _acl(ask)
    return State(exists=True, aspects=aspects, system_tags={key: value for key, value in tags.items() if key.startswith("aws:")})


def _exists(client: Any, bucket: Bucket, caller: Caller) -> bool:
    try:
        said = client.head_bucket(Bucket=bucket.name, ExpectedBucketOwner=caller.account)
    except client.exceptions.ClientError as error:
        if _code(error) in {"404", "NoSuchBucket"}:
            return False
        if _code(error) in {"403", "AccessDenied"}:
            raise BucketError(
                f"Bucket {bucket.name} belongs to another account than {caller.account}, or {caller.arn} may not list it. Bucket names are unique in"
                f" the whole of AWS: choose another name, or use the owner's credentials."
            ) from None
        if _region(error.response) in {"", bucket.region}:
            raise BucketError(f"Bucket {bucket.name}: S3 answers {_code(error)} when asked whether it exists.") from None
        said = error.response  # S3 says where to ask
    region = _region(said)
    if region not in {"", bucket.region}:
        raise BucketError(
            f"Bucket {bucket.name} is in region {region}, but declared for {bucket.region}. A bucket cannot move: declare {region}, or choose another name."
        )
    return True


def _region(said: Mapping[str, Any]) -> str:
    """The region that S3 names in an answer or an error, empty if it names none."""
    headers = said.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(said.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))


Ask = Callable[[str], Mapping[str, Any]]


def _encryption(ask: Ask) -> dict[str, Any]:
    rules = ask("get_bucket_encryption").get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    rule = rules[0] if rules else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return encryption(default.get("SSEAlgorithm", "none"), default.get("KMSMasterKeyID", ""), bool(rule.get("BucketKeyEnabled")))


def encryption(algorithm: str, key: str = "", bucket_key: bool = False) -> dict[str, Any]:
    """The aspect's value. Keys are KMS's: AES256 has none to declare."""
    return {"algorithm": algorithm, "kms_key": key, "bucket_key": bucket_key} if algorithm.startswith("aws:kms") else {"algorithm": algorithm}


def _ownership(ask: Ask) -> str:
    rules = ask("get_bucket_ownership_controls").get("OwnershipControls", {}).get("Rules", [])
    return str(rules[0]["ObjectOwnership"]) if rules else "ObjectWriter"


def _object_lock(ask: Ask) -> dict[str, Any] | None:
    found = ask("get_object_lock_configuration").get("ObjectLockConfiguration", {})
    if found.get("ObjectLockEnabled") != "Enabled":
        return None
    return {key: value for key, value in found.get("Rule", {}).get("DefaultRetention", {}).items() if value}


def _acl(ask: Ask) -> list[str]:
    """Who but the owner has a grant."""
    said = ask("get_bucket_acl")
    owner = said.get("Owner", {}).get("ID")
    grants = [(grant["Grantee"], grant["Permission"]) for grant in said.get("Grants", [])]
    return sorted(f"{permission} for {grantee.get('URI') or grantee.get('ID')}" for grantee, permission in grants if grantee.get("ID") != owner)


def _policy(ask: Ask) -> Any:
    text = ask("get_bucket_policy").get("Policy")
    return policy.parse(text) if text else None


READERS: dict[str, Callable[[Ask], Any]] = {
    "public_access": lambda ask: dict(sorted(ask("get_public_access_block").get("PublicAccessBlockConfiguration", {}).items())),
    "ownership": _ownership,
    "versioning": lambda ask: ask("get_bucket_versioning").get("Status", "Off"),
    "encryption": _encryption,
    "lifecycle": lambda ask: lifecycle.canonical(ask("get_bucket_lifecycle_configuration").get("Rules", [])),
    "policy": _policy,
}
