"""What AWS allows a host's role, tried with the role's own credentials in an account that enforces policies: exactly what its work needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from empty_account import ACCOUNT, BACKUPS, BUCKET, Account
from provisioned import Provisioned

# Three whole runs of the playbook stand behind the first test that asks for them.
pytestmark = pytest.mark.timeout(1200)


EXPIRING = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}


@pytest.fixture(scope="module")
def others(provisioned: Provisioned) -> None:
    """Somebody else's bucket in the same account."""
    region = {"LocationConstraint": "eu-central-1"}
    provisioned.account.client("s3").create_bucket(Bucket="someone-elses", CreateBucketConfiguration=region)


@contextlib.contextmanager
def session(account: Account, role: str) -> Iterator[Callable[[str], Any]]:
    """Clients with the credentials of ``role``, in an account that enforces policies."""
    granted = account.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="i-0123456789abcdef0")["Credentials"]
    keys = {
        "aws_access_key_id": granted["AccessKeyId"],
        "aws_secret_access_key": granted["SecretAccessKey"],
        "aws_session_token": granted["SessionToken"],
    }
    requests.post(f"{account.endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    try:
        yield lambda service: account.client(service, **keys)
    finally:
        requests.post(f"{account.endpoint}/moto-api/reset-auth", data="inf", timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def reports(provisioned: Provisioned, others: None) -> dict[str, str]:
    """What an object and an unfinished upload are called that an administrator has put below a prefix."""
    s3, where = provisioned.account.client("s3"), {"Bucket": BUCKET, "Key": "performance/2025/12/21/catscan-performance-2025-12-21.csv.gz"}
    s3.put_object(Bucket=BUCKET, Key="other/x", Body=b"", IfNoneMatch="*")
    return {
        "VersionId": s3.put_object(**where, Body=b"day,impressions\n", IfNoneMatch="*")["VersionId"],
        "UploadId": s3.create_multipart_upload(**where)["UploadId"],
        "Key": where["Key"],
    }


Attempt = Callable[[Any, dict[str, str]], object]
BY_PREFIX: dict[str, Attempt] = {
    "put": lambda s3, o: s3.put_object(Bucket=BUCKET, Key=f"{o['Key']}.r2", Body=b"x", IfNoneMatch="*"),
    "put without If-None-Match": lambda s3, o: s3.put_object(Bucket=BUCKET, Key=o["Key"], Body=b"x"),
    "get": lambda s3, o: s3.get_object(Bucket=BUCKET, Key=o["Key"]),
    "get a version": lambda s3, o: s3.get_object(Bucket=BUCKET, Key=o["Key"], VersionId=o["VersionId"]),
    "head a version": lambda s3, o: s3.head_object(Bucket=BUCKET, Key=o["Key"], VersionId=o["VersionId"]),
    "list parts": lambda s3, o: s3.list_parts(Bucket=BUCKET, Key=o["Key"], UploadId=o["UploadId"]),
    "abort an upload": lambda s3, o: s3.abort_multipart_upload(Bucket=BUCKET, Key=o["Key"], UploadId=o["UploadId"]),
    "put rows": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="_rows/catscan/rtb_daily/x", Body=b"", IfNoneMatch="*"),
    "put another database's rows": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="_rows/other/rtb_daily/x", Body=b"", IfNoneMatch="*"),
    "delete": lambda s3, o: s3.delete_object(Bucket=BUCKET, Key=o["Key"]),
    "delete a version": lambda s3, o: s3.delete_object(Bucket=BUCKET, Key=o["Key"], VersionId=o["VersionId"]),
    "tag": lambda s3, o: s3.put_object_tagging(Bucket=BUCKET, Key=o["Key"], Tagging={"TagSet": []}),
    "change the ACL": lambda s3, o: s3.put_object_acl(Bucket=BUCKET, Key=o["Key"], ACL="public-read"),
    "get outside its prefixes": lambda s3, _: s3.get_object(Bucket=BUCKET, Key="other/x"),
    "put outside its prefixes": lambda s3, _: s3.put_object(Bucket=BUCKET, Key="other/y", Body=b"", IfNoneMatch="*"),
    "put into another bucket": lambda s3, _: s3.put_object(Bucket="someone-elses", Key="performance/x", Body=b"", IfNoneMatch="*"),
}
BY_BUCKET: dict[str, Attempt] = {
    "list": lambda s3, _: s3.list_objects_v2(Bucket=BUCKET, Prefix="performance/"),
    "list versions": lambda s3, _: s3.list_object_versions(Bucket=BUCKET, Prefix="performance/"),
    "list uploads": lambda s3, _: s3.list_multipart_uploads(Bucket=BUCKET, Prefix="performance/"),
    "list another bucket": lambda s3, _: s3.list_objects_v2(Bucket="someone-elses"),
    "list all buckets": lambda s3, _: s3.list_buckets(),
    "read versioning": lambda s3, _: s3.get_bucket_versioning(Bucket=BUCKET),
    "read encryption": lambda s3, _: s3.get_bucket_encryption(Bucket=BUCKET),
    "read public access": lambda s3, _: s3.get_public_access_block(Bucket=BUCKET),
    "read policy": lambda s3, _: s3.get_bucket_policy(Bucket=BUCKET),
    "read lifecycle": lambda s3, _: s3.get_bucket_lifecycle_configuration(Bucket=BUCKET),
    "suspend versioning": lambda s3, _: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
    "change public access": lambda s3, _: s3.delete_public_access_block(Bucket=BUCKET),
    "change encryption": lambda s3, _: s3.delete_bucket_encryption(Bucket=BUCKET),
    "change ownership": lambda s3, _: s3.delete_bucket_ownership_controls(Bucket=BUCKET),
    "change policy": lambda s3, _: s3.delete_bucket_policy(Bucket=BUCKET),
    "change lifecycle": lambda s3, _: s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [EXPIRING]}),
    "change tags": lambda s3, _: s3.delete_bucket_tagging(Bucket=BUCKET),
    "delete the bucket": lambda s3, _: s3.delete_bucket(Bucket=BUCKET),
}
READ = {"get", "get a version", "head a version", "list"}
SETTINGS = {"read versioning", "read encryption", "read public access", "read policy", "read lifecycle"}
NEEDED = {
    "catscan-ec2-role": READ | {"put", "put rows", "list parts", "abort an upload", "list uploads"} | SETTINGS,
    "catscan-restore-role": READ | {"list versions"},
}


@pytest.fixture(scope="module")
def backups(provisioned: Provisioned, others: None) -> dict[str, str]:
    """What a backup and an unfinished upload are called that an administrator has put below the prefix."""
    s3, where = provisioned.account.client("s3"), {"Bucket": BACKUPS, "Key": "catscan/backup.db.gz"}
    s3.put_object(Bucket=BACKUPS, Key="other/x", Body=b"")
    return {
        "VersionId": s3.put_object(**where, Body=b"a backup")["VersionId"],
        "UploadId": s3.create_multipart_upload(**where)["UploadId"],
        "Key": where["Key"],
    }


ON_BACKUPS: dict[str, Attempt] = {
    "put": lambda s3, o: s3.put_object(Bucket=BACKUPS, Key=f"{o['Key']}.new", Body=b"x", IfNoneMatch="*"),
    "get": lambda s3, o: s3.get_object(Bucket=BACKUPS, Key=o["Key"]),
    "get a version": lambda s3, o: s3.get_object(Bucket=BACKUPS, Key=o["Key"], VersionId=o["VersionId"]),
    "list parts": lambda s3, o: s3.list_parts(Bucket=BACKUPS, Key=o["Key"], UploadId=o["UploadId"]),
    "abort an upload": lambda s3, o: s3.abort_multipart_upload(Bucket=BACKUPS, Key=o["Key"], UploadId=o["UploadId"]),
    "list": lambda s3, _: s3.list_objects_v2(Bucket=BACKUPS, Prefix="catscan/"),
    "list versions": lambda s3, _: s3.list_object_versions(Bucket=BACKUPS, Prefix="catscan/"),
    "list uploads": lambda s3, _: s3.list_multipart_uploads(Bucket=BACKUPS, Prefix="catscan/"),
    "delete for good": lambda s3, o: s3.delete_object(Bucket=BACKUPS, Key=o["Key"], VersionId=o["VersionId"]),
    "delete": lambda s3, o: s3.delete_object(Bucket=BACKUPS, Key=o["Key"]),
    "delete outside its prefixes": lambda s3, _: s3.delete_object(Bucket=BACKUPS, Key="other/x"),
    "get outside its prefixes": lambda s3, _: s3.get_object(Bucket=BACKUPS, Key="other/x"),
    "put outside its prefixes": lambda s3, _: s3.put_object(Bucket=BACKUPS, Key="other/y", Body=b""),
    "tag": lambda s3, o: s3.put_object_tagging(Bucket=BACKUPS, Key=o["Key"], Tagging={"TagSet": []}),
    "suspend versioning": lambda s3, _: s3.put_bucket_versioning(Bucket=BACKUPS, VersioningConfiguration={"Status": "Suspended"}),
    "change policy": lambda s3, _: s3.delete_bucket_policy(Bucket=BACKUPS),
    "change lifecycle": lambda s3, _: s3.put_bucket_lifecycle_configuration(Bucket=BACKUPS, LifecycleConfiguration={"Rules": [EXPIRING]}),
    "delete the bucket": lambda s3, _: s3.delete_bucket(Bucket=BACKUPS),
}
NEEDED_OF_BACKUPS = {
    "catscan-restore-role": {"get", "get a version", "list", "list versions"},
    "catscan-ec2-role": {"put", "get", "get a version", "list", "list parts", "abort an upload", "list uploads", "delete"},
}


@pytest.mark.parametrize("role", NEEDED_OF_BACKUPS)
def test_w2_w27_a_host_backs_up_and_prunes_but_deletes_nothing_for_good(role: str, provisioned: Provisioned, backups: dict[str, str]) -> None:
    assert what_it_may(role, provisioned, ON_BACKUPS, backups) == NEEDED_OF_BACKUPS[role]
    versions = provisioned.account.client("s3").list_object_versions(Bucket=BACKUPS, Prefix=backups["Key"])["Versions"]
    assert backups["VersionId"] in [version["VersionId"] for version in versions]


@pytest.mark.parametrize("role", NEEDED)
def test_cs11_w2_what_s3_allows_a_host_is_what_it_needs(role: str, provisioned: Provisioned, reports: dict[str, str]) -> None:
    assert what_it_may(role, provisioned, BY_PREFIX | BY_BUCKET, reports) == NEEDED[role]


def what_it_may(role: str, provisioned: Provisioned, attempts: dict[str, Attempt], there: dict[str, str]) -> set[str]:
    """The attempts that S3 does not refuse."""

    def allowed(attempt: Attempt) -> bool:
        try:
            attempt(s3, there)
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
            return False
        return True

    with session(provisioned.account, role) as client:
        s3 = client("s3")
        return {name for name, attempt in attempts.items() if allowed(attempt)}


@pytest.fixture
def host(provisioned: Provisioned, others: None) -> Iterator[Callable[[str], Any]]:
    """Clients with the credentials of the server's role, in an account that enforces policies."""
    with session(provisioned.account, "catscan-ec2-role") as client:
        yield client


DENIED: dict[str, Callable[[Callable[[str], Any]], object]] = {
    "see instances": lambda host: host("ec2").describe_instances(),
    "change a secret": lambda host: host("secretsmanager").put_secret_value(SecretId="catscan/prod/app", SecretString="{}"),
    "grant itself more": lambda host: host("iam").attach_role_policy(RoleName="catscan-ec2-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
}


@pytest.mark.parametrize("attempt", DENIED.values(), ids=DENIED)
def test_cs11_w2_the_role_may_do_nothing_elsewhere(host: Callable[[str], Any], attempt: Callable[..., object]) -> None:
    with pytest.raises(ClientError) as refused:
        attempt(host)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
