"""S3: buckets, their policies and settings."""

from __future__ import annotations

import copy
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlparse

from moto.iam.access_control import PermissionResult
from moto.s3 import responses
from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

from lab.patches.iam import REQUEST, TLS
from lab.patches.seam import Patch, SetAttribute

SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
SETTINGS = {
    "encryption": "EncryptionConfiguration",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "ownershipControls": "BucketOwnershipControls",
    "object-lock": "BucketObjectLockConfiguration",
}
NOT_CREATING = {"acl", "tagging", "retention", "legal-hold", "partNumber"}


def names_of_actions(set_attribute: SetAttribute) -> None:
    """Each setting of a bucket has an action of its own; moto takes reading one for ListBucket and changing one for CreateBucket."""
    actions = copy.deepcopy(responses.ACTION_MAP)
    for query, name in SETTINGS.items():
        actions["BUCKET"]["GET"][query] = f"Get{name}"
        actions["BUCKET"]["PUT"][query] = f"Put{name}"
        actions["BUCKET"]["DELETE"][query] = f"Put{name}"
    actions["KEY"]["HEAD"]["versionId"] = "GetObjectVersion"
    set_attribute(responses, "ACTION_MAP", actions)


def bucket_policy_of_every_action(set_attribute: SetAttribute) -> None:
    """A bucket's policy is asked about the action itself, and knows the request's conditions; moto asks about the HTTP method of an object only."""
    setup, serve, authorize = S3Response.setup_class, S3Response._key_response, S3Response._authenticate_and_authorize_s3_action
    judge = FakeBucket.get_permission
    by_method: ContextVar[bool] = ContextVar("by_method", default=False)

    def setup_class(self: Any, *args: Any, **kwargs: Any) -> None:
        setup(self, *args, **kwargs)
        REQUEST.set(_conditions(self))

    def key_response(self: Any, *args: Any) -> Any:
        token = by_method.set(True)
        try:
            return serve(self, *args)
        finally:
            by_method.reset(token)

    def get_permission(self: Any, *args: Any) -> Any:
        permission = judge(self, *args)
        return PermissionResult.NEUTRAL if by_method.get() and permission == PermissionResult.DENIED else permission

    def authorize_action(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        authorize(self, bucket_name, key_name)
        bucket = self.backend.buckets.get(bucket_name)
        resource = f"arn:aws:s3:::{bucket_name}/{key_name}" if key_name else f"arn:aws:s3:::{bucket_name}"
        if bucket and judge(bucket, f"s3:{self._get_action()}", resource) == PermissionResult.DENIED:
            raise BucketAccessDeniedError(bucket=bucket_name)

    set_attribute(S3Response, "setup_class", setup_class)
    set_attribute(S3Response, "_key_response", key_response)
    set_attribute(FakeBucket, "get_permission", get_permission)
    set_attribute(S3Response, "_authenticate_and_authorize_s3_action", authorize_action)


def _conditions(response: Any) -> dict[str, str]:
    query = parse_qs(urlparse(response.uri).query, keep_blank_values=True)
    creates = (response.method == "PUT" and not NOT_CREATING & query.keys()) or (response.method == "POST" and "uploadId" in query)
    found = {**TLS, "s3:ObjectCreationOperation": str(creates).lower(), "aws:PrincipalArn": _principal(response)}
    conditional = response.headers.get("If-None-Match")
    return {**found, "s3:if-none-match": conditional} if conditional else found


def _principal(response: Any) -> str:
    """The ARN of the user, or of the role behind a session."""
    sts = sts_backends[response.current_account]["aws"]
    key = response.get_access_key()
    session = sts.get_assumed_role_from_access_key(key)
    return str(session.role_arn if session else sts.get_caller_identity(key, response.region)[1])


def expected_bucket_owner(set_attribute: SetAttribute) -> None:
    """A request that expects another owner than the bucket's is refused; moto does not look."""
    authorize = S3Response._authenticate_and_authorize_s3_action

    def authorize_action(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        authorize(self, bucket_name, key_name)
        expected = self.headers.get("x-amz-expected-bucket-owner")
        owner = s3_backends.bucket_accounts.get(bucket_name, (None, expected))[1]
        if expected and owner != expected:
            raise BucketAccessDeniedError(bucket=str(bucket_name))

    set_attribute(S3Response, "_authenticate_and_authorize_s3_action", authorize_action)


def sizes_of_lifecycle_filters(set_attribute: SetAttribute) -> None:
    """A lifecycle rule may concern objects of some size only; moto forgets the size, so that the rule comes back as one for all."""
    keep, show = FakeBucket.set_lifecycle, S3Response.get_bucket_lifecycle

    def set_lifecycle(self: Any, rules: list[dict[str, Any]]) -> None:
        keep(self, rules)
        for rule, said in zip(self.rules, rules, strict=True):
            rule.sizes = _sizes(said.get("Filter") or {})

    def get_bucket_lifecycle(self: Any) -> Any:
        rules = self.backend.get_bucket_lifecycle(self.bucket_name)
        if not rules:
            return show(self)
        serialize = self.serialized

        def with_sizes(answer: Any) -> Any:
            for shown, rule in zip(answer.result["Rules"], rules, strict=True):
                if rule.sizes:
                    shown["Filter"].get("And", shown["Filter"]).update(rule.sizes)
            return serialize(answer)

        self.serialized = with_sizes
        return show(self)

    set_attribute(FakeBucket, "set_lifecycle", set_lifecycle)
    set_attribute(S3Response, "get_bucket_lifecycle", get_bucket_lifecycle)


def _sizes(said: dict[str, Any]) -> dict[str, str]:
    place = said.get("And") or said
    return {size: place[size] for size in SIZES if size in place}


PATCHES: tuple[Patch, ...] = (names_of_actions, bucket_policy_of_every_action, expected_bucket_owner, sizes_of_lifecycle_filters)
