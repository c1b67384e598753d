"""Each patch of S3's buckets: stock moto still has the gap, and the patch closes it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto.core.authorization import enable_iam_authentication
from probes import Compare, error_of

from lab.patches import iam, s3_bucket
from lab.patches.seam import SetAttribute

PLACE: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
NEW = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}


def bucket(**policy: Any) -> Any:
    """A client and the bucket, whose policy denies what is said."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="reports", **PLACE)
    statement = {"Effect": "Deny", "Principal": "*", "Resource": ["arn:aws:s3:::reports", "arn:aws:s3:::reports/*"], **policy}
    client.put_bucket_policy(Bucket="reports", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return client


def policies(set_attribute: SetAttribute) -> None:
    """The bucket's policy needs the conditions, as in the lab."""
    iam.request_conditions(set_attribute)
    s3_bucket.bucket_policy_of_every_action(set_attribute)


def test_names_of_actions(compare: Compare) -> None:
    def probe() -> list[str]:
        user = boto3.client("iam")
        user.create_user(UserName="u")
        allowed = {"Effect": "Allow", "Action": ["s3:GetEncryptionConfiguration"], "Resource": "*"}
        user.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
        key = user.create_access_key(UserName="u")["AccessKey"]
        admin = boto3.client("s3")
        admin.create_bucket(Bucket="reports", **PLACE)
        client = boto3.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        with enable_iam_authentication():
            return [
                error_of(lambda: client.get_bucket_encryption(Bucket="reports")),
                error_of(lambda: client.get_public_access_block(Bucket="reports")),
            ]

    stock, patched = compare(s3_bucket.names_of_actions, probe)
    assert stock == ["AccessDenied", "AccessDenied"]
    assert patched == ["ServerSideEncryptionConfigurationNotFoundError", "AccessDenied"]


DENIED = {"s3:PutLifecycleConfiguration": "lifecycle", "s3:DeleteObjectVersion": "version", "s3:DeleteObject": "object", "s3:AbortMultipartUpload": "upload"}


@pytest.mark.parametrize("action", DENIED)
def test_bucket_policy_of_every_action(action: str, compare: Compare) -> None:
    def probe() -> list[str]:
        client = bucket(Action=action)
        client.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})
        named = {"Bucket": "reports", "Key": "k"}
        version = client.put_object(**named, Body=b"")["VersionId"]
        upload = client.create_multipart_upload(**named)["UploadId"]
        rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
        tried = {
            "lifecycle": error_of(lambda: client.put_bucket_lifecycle_configuration(Bucket="reports", LifecycleConfiguration={"Rules": [rule]})),
            "upload": error_of(lambda: client.abort_multipart_upload(**named, UploadId=upload)),
            "version": error_of(lambda: client.delete_object(**named, VersionId=version)),
            "object": error_of(lambda: client.delete_object(**named)),
        }
        return [what for what, error in tried.items() if error]

    stock, patched = compare(policies, probe)
    assert stock != patched
    assert patched == [DENIED[action]]


def test_w2_a_policy_can_ask_for_if_none_match(compare: Compare) -> None:
    """As AWS documents it: PutObject and CompleteMultipartUpload need the header, the requests before the latter need none."""

    def probe() -> list[str]:
        client = bucket(Action="s3:PutObject", Condition=NEW)
        if error_of(lambda: client.put_object(Bucket="reports", Key="new", Body=b"", IfNoneMatch="*")):
            return ["everybody is denied"]
        upload = client.create_multipart_upload(Bucket="reports", Key="large")
        named = {"Bucket": "reports", "Key": "large", "UploadId": upload["UploadId"]}
        part = client.upload_part(**named, PartNumber=1, Body=b"x")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        return [
            error_of(lambda: client.put_object(Bucket="reports", Key="other", Body=b"")),
            error_of(lambda: client.put_object(Bucket="reports", Key="new", Body=b"", IfNoneMatch="*")),
            error_of(lambda: client.complete_multipart_upload(**named, MultipartUpload=parts)),
            error_of(lambda: client.complete_multipart_upload(**named, MultipartUpload=parts, IfNoneMatch="*")),
        ]

    assert compare(policies, probe) == (["everybody is denied"], ["AccessDenied", "PreconditionFailed", "AccessDenied", ""])


def test_expected_bucket_owner(compare: Compare) -> None:
    def probe() -> list[str]:
        client = boto3.client("s3")
        client.create_bucket(Bucket="reports", **PLACE)
        owners = ("123456789012", "210987654321")
        return [error_of(lambda owner=owner: client.get_bucket_versioning(Bucket="reports", ExpectedBucketOwner=owner)) for owner in owners]  # type: ignore[misc]

    assert compare(s3_bucket.expected_bucket_owner, probe) == (["", ""], ["", "AccessDenied"])


def test_sizes_of_lifecycle_filters(compare: Compare) -> None:
    filters: list[dict[str, Any]] = [{"ObjectSizeGreaterThan": 131072}, {"And": {"Prefix": "a/", "ObjectSizeLessThan": 5}}, {"Prefix": ""}]
    rules = [{"ID": str(number), "Status": "Enabled", "Filter": one, "Expiration": {"Days": 9}} for number, one in enumerate(filters)]

    def probe() -> list[Any]:
        client = boto3.client("s3")
        client.create_bucket(Bucket="reports", **PLACE)
        assert error_of(lambda: client.get_bucket_lifecycle_configuration(Bucket="reports")) == "NoSuchLifecycleConfiguration"
        client.put_bucket_lifecycle_configuration(Bucket="reports", LifecycleConfiguration={"Rules": rules})
        return [rule["Filter"] for rule in client.get_bucket_lifecycle_configuration(Bucket="reports")["Rules"]]

    assert compare(s3_bucket.sizes_of_lifecycle_filters, probe) == ([{}, {"And": {"Prefix": "a/"}}, {"Prefix": ""}], filters)
