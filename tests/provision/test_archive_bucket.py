"""Buckets converged over HTTP: made, adopted, repaired aspect by aspect, and what their policies then refuse."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket import apply, observe, plan, policy
from ansible_collections.steady.fleet.plugins.module_utils.archive_bucket.model import Bucket, BucketError, Caller
from botocore.exceptions import ClientError
from empty_account import ACCOUNT, Account, Run

ARCHIVE = Bucket(name="reports", region="eu-central-1", tags={"System": "catscan"})
MRPT6 = replace(ARCHIVE, purpose="backups", noncurrent_days=90)
VDB8 = replace(ARCHIVE, purpose="backups", infrequent_access_days=0, expire_days=30, noncurrent_days=7)
PLACE = {"LocationConstraint": "eu-central-1"}
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/fleet-admin"
NAMES = (f"bucket-{number}" for number in itertools.count())


class Site:
    """Someone who converges buckets."""

    def __init__(self, account: Account, **keys: str) -> None:
        self.client = account.client("s3", **keys)
        self.caller: Caller = observe.whose(account.client("sts", **keys))
        self.slept: list[float] = []

    def plan(self, bucket: Bucket) -> list[plan.Change]:
        return plan.plan(bucket=bucket, state=observe.observe(client=self.client, bucket=bucket, caller=self.caller))

    def converge(self, bucket: Bucket, client: Any = None) -> list[str]:
        """The aspects that changed, as planned before."""
        state = observe.observe(client=self.client, bucket=bucket, caller=self.caller)
        changes = plan.plan(bucket=bucket, state=state)
        apply.apply(client=client or self.client, bucket=bucket, caller=self.caller, state=state, changes=changes, sleep=self.slept.append)
        return [change.aspect for change in changes]


def role(account: Account, arn: str) -> dict[str, str]:
    """Keys of a session of the role ``arn``, in whatever account it is."""
    granted = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="anna")["Credentials"]
    return {"aws_access_key_id": granted["AccessKeyId"], "aws_secret_access_key": granted["SecretAccessKey"], "aws_session_token": granted["SessionToken"]}


@pytest.fixture
def site(account: Account) -> Site:
    return Site(account)


@pytest.fixture
def name() -> str:
    return next(NAMES)


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


KINDS = {
    "archive": ARCHIVE,
    "MRPT-6": MRPT6,
    "VDB-8": VDB8,
    "with a key": replace(ARCHIVE, kms_key=f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0f3b"),
    "locked": replace(ARCHIVE, object_lock_days=30),
    "no lifecycle, no tags": replace(ARCHIVE, infrequent_access_days=0, abort_multipart_days=0, tags={}),
}


@pytest.mark.parametrize("bucket", KINDS.values(), ids=KINDS)
def test_cs12_mrpt6_vdb8_a_bucket_is_made_and_then_left_alone(bucket: Bucket, site: Site, name: str) -> None:
    bucket = replace(bucket, name=name)
    predicted = [change.aspect for change in site.plan(bucket)]
    assert refusal(site.client.head_bucket, Bucket=name) == "404"
    assert site.converge(bucket) == predicted
    assert site.plan(bucket) == []
    assert site.converge(bucket) == []
    assert site.slept == []


def test_cs12_a_bucket_of_the_console_is_adopted_and_what_its_objects_are_stays(site: Site, name: str) -> None:
    site.client.create_bucket(Bucket=name, CreateBucketConfiguration=PLACE)
    site.client.put_object(Bucket=name, Key="k", Body=b"kept")
    changed = site.converge(replace(ARCHIVE, name=name))
    assert changed == ["public_access", "ownership", "versioning", "encryption", "lifecycle", "tags", "policy"]
    assert site.client.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"


EXPIRING = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "performance/"}, "Expiration": {"Days": 400}}
LOOSE = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}}
AES = {"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}}
DRIFT: dict[str, tuple[str, dict[str, Any]]] = {
    "versioning": ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    "lifecycle": ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [EXPIRING]}}),
    "no lifecycle": ("delete_bucket_lifecycle", {}),
    "policy": ("put_bucket_policy", {"Policy": json.dumps(LOOSE)}),
    "no policy": ("delete_bucket_policy", {}),
    "public_access": ("put_public_access_block", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
    "no public_access": ("delete_public_access_block", {}),
    "ownership": ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}),
    "encryption": ("put_bucket_encryption", AES),
    "tags": ("put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "System", "Value": "other"}]}}),
    "no tags": ("delete_bucket_tagging", {}),
}
READS = ["versioning", "lifecycle_configuration", "policy", "ownership_controls", "encryption", "tagging"]


def settings(client: Any, name: str) -> dict[str, Any]:
    """Everything that S3 says of the bucket."""
    said = {read: getattr(client, f"get_bucket_{read}")(Bucket=name) for read in READS}
    said["public"] = client.get_public_access_block(Bucket=name)
    return {read: {key: value for key, value in answer.items() if key != "ResponseMetadata"} for read, answer in said.items()}


@pytest.fixture(scope="module")
def archive(account: Account) -> Bucket:
    bucket = replace(ARCHIVE, name="drifting")
    Site(account).converge(bucket)
    return bucket


@pytest.mark.parametrize("what", DRIFT)
def test_cs13_w2_w22_drift_of_one_aspect_is_predicted_and_repaired_alone(what: str, archive: Bucket, site: Site) -> None:
    before = settings(site.client, archive.name)
    operation, arguments = DRIFT[what]
    getattr(site.client, operation)(Bucket=archive.name, **arguments)
    assert [change.aspect for change in site.plan(archive)] == [what.removeprefix("no ")]
    assert site.converge(archive) == [what.removeprefix("no ")]
    assert settings(site.client, archive.name) == before


def test_a_grant_to_everybody_goes_with_the_drift_that_let_it_work(archive: Bucket, site: Site) -> None:
    operation, arguments = DRIFT["ownership"]
    getattr(site.client, operation)(Bucket=archive.name, **arguments)
    site.client.put_bucket_acl(Bucket=archive.name, ACL="public-read")
    changes = {change.aspect: change for change in site.plan(archive)}
    assert [*changes] == ["acl", "ownership"]
    assert changes["acl"].why == ("a grant goes: READ for http://acs.amazonaws.com/groups/global/AllUsers",)
    assert site.converge(archive) == ["acl", "ownership"]


class Stack:
    """S3, for a bucket that CloudFormation made: a tag of AWS's own has to be in every set that is put, unchanged."""

    SYSTEM: ClassVar = {"Key": "aws:cloudformation:stack-name", "Value": "legacy"}

    def __init__(self, client: Any) -> None:
        self.client = client

    def get_bucket_tagging(self, **arguments: Any) -> Any:
        return {"TagSet": [*self.client.get_bucket_tagging(**arguments)["TagSet"], self.SYSTEM]}

    def put_bucket_tagging(self, Tagging: dict[str, Any], **arguments: Any) -> Any:
        Tagging["TagSet"].remove(self.SYSTEM)
        return self.client.put_bucket_tagging(Tagging=Tagging, **arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_tags_of_aws_itself_stay(archive: Bucket, site: Site) -> None:
    site.client = Stack(site.client)
    assert site.plan(archive) == []
    assert site.converge(replace(archive, tags={"System": "other"})) == ["tags"]
    assert site.converge(archive) == ["tags"]


class Killed(BaseException):
    """No error that anybody handles."""


class Failing:
    """A client whose ``after``-th change of a bucket never comes back."""

    def __init__(self, client: Any, after: int) -> None:
        self.client, self.left = client, after

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("put_", "create_")):
            self.left -= 1
            if self.left < 0:
                raise Killed
        return getattr(self.client, name)


@pytest.mark.parametrize("after", range(9))
def test_killed_after_any_change_the_next_run_does_the_rest(after: int, site: Site, name: str) -> None:
    bucket = replace(ARCHIVE, name=name, object_lock_days=30)
    whole = [change.aspect for change in site.plan(bucket)]
    with pytest.raises(Killed):
        site.converge(bucket, Failing(site.client, after))
    assert not {*site.converge(bucket)} & {*whole[:after]}
    assert site.plan(bucket) == []


class Slow:
    """S3 as it may be: what was changed shows after some looks only, and a first try meets another change under way."""

    def __init__(self, client: Any, looks: int) -> None:
        self.client, self.looks, self.busy, self.exceptions = client, looks, True, client.exceptions

    def put_bucket_versioning(self, **arguments: Any) -> Any:
        if self.busy:
            self.busy = False
            raise self.client.exceptions.ClientError({"Error": {"Code": "OperationAborted"}}, "PutBucketVersioning")
        return self.client.put_bucket_versioning(**arguments)

    def get_bucket_versioning(self, **arguments: Any) -> Any:
        self.looks -= 1
        return {} if self.looks >= 0 else self.client.get_bucket_versioning(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_a_change_that_shows_late_is_waited_for(site: Site, name: str) -> None:
    site.converge(replace(ARCHIVE, name=name), Slow(site.client, looks=2))
    assert site.slept == [0.25, 0.25, 0.5]


def test_a_change_that_never_shows_is_an_error(site: Site, name: str) -> None:
    with pytest.raises(BucketError, match="took the changes but does not show them: versioning: is Off, is to be Enabled"):
        site.converge(replace(ARCHIVE, name=name), Slow(site.client, looks=100))
    assert 30 < sum(site.slept) < 70


def test_a_bucket_of_another_account_is_an_error(account: Account, site: Site, name: str) -> None:
    other = account.client("s3", **role(account, "arn:aws:iam::210987654321:role/other"))
    other.create_bucket(Bucket=name, CreateBucketConfiguration=PLACE)
    with pytest.raises(BucketError, match=f"{name} belongs to another account than {ACCOUNT}.* choose another name"):
        site.converge(replace(ARCHIVE, name=name))


def test_a_bucket_in_another_region_is_an_error(site: Site, name: str) -> None:
    site.client.create_bucket(Bucket=name, CreateBucketConfiguration=PLACE)
    with pytest.raises(BucketError, match=f"{name} is in region eu-central-1, but declared for us-east-1"):
        site.plan(replace(ARCHIVE, name=name, region="us-east-1"))


def test_object_lock_on_a_bucket_without_it_is_an_error(archive: Bucket, site: Site) -> None:
    with pytest.raises(BucketError, match="has no Object Lock"):
        site.converge(replace(archive, object_lock_days=30))
    assert site.plan(archive) == []


def test_w2_in_an_archive_nothing_is_overwritten_or_deleted(archive: Bucket, site: Site) -> None:
    s3, where = site.client, {"Bucket": archive.name, "Key": "performance/day"}
    assert refusal(s3.put_object, **where, Body=b"") == "AccessDenied"
    version = s3.put_object(**where, Body=b"first", IfNoneMatch="*")["VersionId"]
    assert refusal(s3.put_object, **where, Body=b"second", IfNoneMatch="*") == "PreconditionFailed"
    assert refusal(s3.copy_object, **where, CopySource=f"{archive.name}/performance/day") == "AccessDenied"
    assert refusal(s3.delete_object, **where) == "AccessDenied"
    assert refusal(s3.delete_object, **where, VersionId=version) == "AccessDenied"
    assert s3.get_object(**where)["Body"].read() == b"first"


def test_w2_a_multipart_upload_into_an_archive_must_not_overwrite_either(archive: Bucket, site: Site) -> None:
    where = {"Bucket": archive.name, "Key": "performance/large"}
    upload = where | {"UploadId": site.client.create_multipart_upload(**where)["UploadId"]}
    part = site.client.upload_part(**upload, PartNumber=1, Body=b"x")
    parts = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    assert refusal(site.client.complete_multipart_upload, **upload, **parts) == "AccessDenied"
    assert refusal(site.client.complete_multipart_upload, **upload, **parts, IfNoneMatch="*") == ""


def test_vdb8_backups_may_be_replaced_and_deleted(site: Site, name: str) -> None:
    site.converge(replace(VDB8, name=name))
    for content in (b"first", b"second"):
        assert refusal(site.client.put_object, Bucket=name, Key="backup", Body=content) == ""
    assert refusal(site.client.delete_object, Bucket=name, Key="backup") == ""


@pytest.fixture
def admin(account: Account) -> Iterator[Site]:
    yield Site(account, **role(account, ADMIN))


def test_w2_only_a_declared_administrator_deletes_and_reconfigures(admin: Site, site: Site, name: str) -> None:
    bucket = replace(ARCHIVE, name=name, admin_arns=(ADMIN,))
    assert policy.locks_out(bucket, admin.caller) == ""
    assert "lock them out" in policy.locks_out(bucket, site.caller)
    admin.converge(bucket)
    admin.client.put_object(Bucket=name, Key="k", Body=b"", IfNoneMatch="*")
    for operation in ("versioning", "lifecycle", "policy", "public_access", "ownership", "encryption"):
        call, arguments = DRIFT[operation]
        assert refusal(getattr(site.client, call), Bucket=name, **arguments) == "AccessDenied", operation
    assert refusal(site.client.delete_object, Bucket=name, Key="k") == "AccessDenied"
    assert site.plan(bucket) == []
    assert refusal(admin.client.delete_object, Bucket=name, Key="k") == ""


def test_a_change_that_s3_refuses_is_named_with_what_was_done(admin: Site, site: Site, name: str) -> None:
    bucket = replace(ARCHIVE, name=name, admin_arns=(ADMIN,))
    admin.converge(bucket)
    with pytest.raises(BucketError, match=r"lifecycle: S3 refuses the change with AccessDenied: .* Changed so far: nothing; another run"):
        site.converge(replace(bucket, infrequent_access_days=60))


def module(account: Account, *options: str, **arguments: Any) -> Run:
    """A run of the module by itself."""
    command = ["-m", "steady.fleet.s3_archive_bucket", "-a", json.dumps(arguments), "-e", f"ansible_python_interpreter={sys.executable}"]
    return account.run("ansible", "localhost", *command, *options)


def test_w2_a_policy_that_locks_out_who_applies_it_is_refused_by_a_run_and_announced_by_a_check(account: Account, site: Site, name: str) -> None:
    asked = {"name": name, "region": "eu-central-1", "admin_arns": [ADMIN]}
    check, run = module(account, "--check", **asked), module(account, **asked)
    assert (check.status, run.status != 0) == (0, True)
    assert all("its policy would lock them out" in said.text for said in (check, run))
    assert refusal(site.client.head_bucket, Bucket=name) == "404"


def test_an_unreachable_aws_is_a_sentence(account: Account, name: str) -> None:
    run = module(account, name=name, region="eu-central-1", endpoint_url="http://127.0.0.1:9")
    assert run.status != 0
    assert f"Bucket {name}: AWS cannot be asked" in run.text
    assert "Traceback" not in run.output
