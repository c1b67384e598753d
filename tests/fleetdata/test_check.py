"""W-2: what credentials can really do is tried, on an object that is nobody's data; what they lack is named with the statement to add."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import check, keys
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from s3_server import enforced, s3

OBJECTS = ("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:AbortMultipartUpload")
WHOLE = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
SETTINGS = ("s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicy", "s3:GetLifecycleConfiguration")
NEVER_OVER = {"Null": {"s3:if-none-match": "true"}}
Look = Callable[..., list[check.Finding]]


def make_private(endpoint: str, bucket: str) -> None:
    """Set the bucket up as the role aws_archive_bucket does."""
    client = s3(endpoint)
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    tls = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    over = {"Sid": "Over", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": everything[1], "Condition": NEVER_OVER}
    client.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True),
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls, over]}))


@pytest.fixture
def look(endpoint: str, archive: Archive) -> Iterator[Look]:
    """The check with credentials that may do these actions with the objects, and those with the bucket."""
    iam: Any = boto3.client("iam", endpoint_url=endpoint)
    make: Any = boto3.client
    user = f"archiver-of-{archive.bucket}"
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    client = make("s3", endpoint_url=endpoint, aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])

    def look(objects: tuple[str, ...], whole: tuple[str, ...], *, use: str = check.ARCHIVE, dry_run: bool = False) -> list[check.Finding]:
        resources = (f"arn:aws:s3:::{archive.bucket}/*", f"arn:aws:s3:::{archive.bucket}")
        statements = [{"Effect": "Allow", "Action": actions, "Resource": resource} for actions, resource in zip((objects, whole), resources)]
        iam.put_user_policy(UserName=user, PolicyName="archive", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        with enforced(endpoint):
            return check.check(client=client, archive=archive, use=use, dry_run=dry_run)

    yield look
    iam.delete_access_key(UserName=user, AccessKeyId=made["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="archive")
    iam.delete_user(UserName=user)


def by_status(findings: list[check.Finding], status: str) -> list[tuple[str, str]]:
    return [(finding.what, finding.found) for finding in findings if finding.status == status]


def versions(endpoint: str, bucket: str) -> list[tuple[str, str]]:
    listed = s3(endpoint).list_object_versions(Bucket=bucket)
    return sorted((one["Key"], one["VersionId"]) for name in ("Versions", "DeleteMarkers") for one in listed.get(name, []))


def test_w2_credentials_that_can_do_exactly_what_archiving_needs_are_good(endpoint: str, archive: Archive, look: Look) -> None:
    make_private(endpoint, archive.bucket)
    findings = look(OBJECTS, (*WHOLE, *SETTINGS))
    assert {finding.status for finding in findings} == {check.GOOD}, findings
    assert len(findings) == 11 * len(archive.reports) + 5
    before = versions(endpoint, archive.bucket)
    assert [key for key, _ in before] == sorted(keys.probe_key(archive, report=report) for report in archive.reports)
    assert look(OBJECTS, (*WHOLE, *SETTINGS)) == findings
    assert versions(endpoint, archive.bucket) == before


def test_w2_a_dry_run_writes_nothing(endpoint: str, archive: Archive, look: Look) -> None:
    make_private(endpoint, archive.bucket)
    findings = look(OBJECTS, (*WHOLE, *SETTINGS), dry_run=True)
    assert {finding.status for finding in findings} == {check.GOOD}
    assert versions(endpoint, archive.bucket) == []


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("s3:PutObject", "write"),
        ("s3:GetObject", "read"),
        ("s3:GetObjectVersion", "read a version"),
        ("s3:AbortMultipartUpload", "abort an upload"),
        ("s3:ListBucket", "list objects"),
        ("s3:ListBucketMultipartUploads", "list uploads"),
    ],
)
def test_w2_what_is_missing_is_named_with_its_statement(endpoint: str, archive: Archive, look: Look, missing: str, what: str) -> None:
    make_private(endpoint, archive.bucket)
    objects, whole = (tuple(action for action in actions if action != missing) for actions in (OBJECTS, (*WHOLE, *SETTINGS)))
    findings = look(objects, whole)
    wrong = [finding for finding in findings if finding.status == check.WRONG]
    assert (what, "refused") in by_status(findings, check.WRONG)
    assert all(f'"Action": "{missing}"' in finding.advice for finding in wrong), wrong


def test_w2_what_can_be_overwritten_or_deleted_is_told_and_only_the_probe_pays(endpoint: str, archive: Archive, look: Look) -> None:
    kept = keys.object_key(archive, report="performance", day="2026-01-31")
    s3(endpoint).put_object(Bucket=archive.bucket, Key=kept, Body=b"data")
    findings = look(("s3:*",), ("s3:*",))
    wrong = set(by_status(findings, check.WRONG))
    assert {("overwrite", "allowed"), ("delete", "allowed"), ("delete a version", "allowed")} <= wrong
    assert ("TLS only", "no statement of the bucket's policy denies requests without TLS") in wrong
    assert any(what == "public access" and found.startswith("is not blocked: BlockPublicAcls") for what, found in wrong)
    assert s3(endpoint).get_object(Bucket=archive.bucket, Key=kept)["Body"].read() == b"data"
    assert all(key == kept or key.endswith(keys.PROBE) for key, _ in versions(endpoint, archive.bucket))


def test_w2_credentials_for_restoring_write_nothing_and_see_versions(endpoint: str, archive: Archive, look: Look) -> None:
    make_private(endpoint, archive.bucket)
    reading = ("s3:GetObject", "s3:GetObjectVersion")
    good = look(reading, ("s3:ListBucket", "s3:ListBucketVersions"), use=check.RESTORE)
    assert by_status(good, check.WRONG) == []
    assert {(finding.what, finding.found) for finding in good if finding.where.endswith("*")} == {
        ("list objects", "allowed"),
        ("list versions", "allowed"),
        ("read", "allowed"),
        ("write", "refused"),
        ("delete", "refused"),
    }
    wrong = look((*reading, "s3:PutObject"), ("s3:ListBucket",), use=check.RESTORE)
    assert set(by_status(wrong, check.WRONG)) == {("list versions", "refused"), ("write", "allowed")}


def test_w22_what_the_bucket_lacks_is_told(endpoint: str, archive: Archive) -> None:
    client = s3(endpoint)
    client.put_bucket_versioning(Bucket=archive.bucket, VersioningConfiguration={"Status": "Suspended"})
    rule = {"ID": "month", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    client.put_bucket_lifecycle_configuration(Bucket=archive.bucket, LifecycleConfiguration={"Rules": [rule]})
    wrong = dict(by_status(check.check(client=client, archive=archive, dry_run=True), check.WRONG))
    assert wrong["versioning"] == "is not enabled: what is overwritten or deleted is lost"
    assert wrong["lifecycle"] == "rule 'month' deletes objects"


def test_w2_what_may_not_be_read_is_no_fault_and_the_probe_shows_some_of_it(endpoint: str, archive: Archive, look: Look) -> None:
    make_private(endpoint, archive.bucket)
    findings = look(OBJECTS, WHOLE)
    assert by_status(findings, check.WRONG) == []
    assert ("versioning", "on, as the probe shows") in by_status(findings, check.GOOD)
    assert ("TLS only", "not readable") in by_status(findings, check.UNKNOWN)


def test_what_no_check_can_tell_is_an_error(endpoint: str, archive: Archive) -> None:
    s3(endpoint).delete_bucket(Bucket=archive.bucket)
    with pytest.raises(StoreError, match="there is no such bucket"):
        check.check(client=s3(endpoint), archive=archive)


def test_a_probe_is_no_report(archive: Archive) -> None:
    key = keys.probe_key(archive, report="performance")
    assert key == "performance/_fleetdata-probe.json"
    assert keys.read_key(archive, key) is None
