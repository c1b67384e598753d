"""What ``playbooks/provision.yml`` makes of an empty account, and what it refuses. Real runs over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from empty_account import ACCOUNT, BUCKET, Account, Run

# Three whole runs of the playbook stand behind the first test that asks for them.
pytestmark = pytest.mark.timeout(1200)

PARAMETER = "/example/server-image"
LIFECYCLE = [
    {
        "ID": "keep-for-ever",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
]


@dataclass(frozen=True)
class Provisioned:
    """One account after: check mode on nothing, a run, a newer AMI, a run."""

    account: Account
    image: str
    check: Run
    first: Run
    hosts: Run
    token: str
    second: Run

    def instance(self) -> dict[str, Any]:
        answer = self.account.client("ec2").describe_instances()
        (found,) = [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]
        return dict(found)


@pytest.fixture(scope="module")
def provisioned(account: Account) -> Provisioned:
    ssm = account.client("ssm")
    image, newer_image, *_ = (found["ImageId"] for found in account.client("ec2").describe_images()["Images"])
    ssm.put_parameter(Name=PARAMETER, Type="String", Value=image)
    check = account.provision("--check", catscan_image_parameter=PARAMETER)
    first = account.provision("-vvv", catscan_image_parameter=PARAMETER)
    hosts = account.run("ansible", "catscan", "--list-hosts")
    token = account.client("secretsmanager").get_secret_value(SecretId="catscan/prod/app")["SecretString"]
    ssm.put_parameter(Name=PARAMETER, Type="String", Value=newer_image, Overwrite=True)
    second = account.provision("--diff", catscan_image_parameter=PARAMETER)
    return Provisioned(account, image, check, first, hosts, token, second)


def without_bucket(tasks: list[str]) -> list[str]:
    """S3's modules have no check mode: one prediction stands for their tasks."""
    return [name for name in tasks if "archive_bucket" not in name]


def test_check_mode_on_an_empty_account_names_everything_that_would_be_made(provisioned: Provisioned) -> None:
    assert provisioned.check.status == 0, provisioned.check.output
    assert f"Bucket {BUCKET} would be created." in provisioned.check.text
    # Without an instance there is nothing yet to give an address to.
    made = [name for name in without_bucket(provisioned.first.changed) if "lasting address" not in name]
    assert without_bucket(provisioned.check.changed) == made


def test_the_first_run_makes_it_and_says_what_there_is(provisioned: Provisioned) -> None:
    assert provisioned.first.status == 0, provisioned.first.output
    instance = provisioned.instance()
    for word in (instance["InstanceId"], instance["PublicIpAddress"], BUCKET):
        assert word in provisioned.second.text


def test_the_next_playbook_finds_the_server_although_the_inventory_is_cached(provisioned: Provisioned) -> None:
    assert f"catscan-server_{provisioned.instance()['InstanceId']}" in provisioned.hosts.output


def test_a_second_run_changes_nothing(provisioned: Provisioned) -> None:
    assert provisioned.second.status == 0, provisioned.second.output
    assert provisioned.second.changed == []


def test_cs1_a_newer_ami_starts_no_second_server(provisioned: Provisioned) -> None:
    assert provisioned.instance()["ImageId"] == provisioned.image


def test_cs1_cs3_w20_the_server(provisioned: Provisioned) -> None:
    ec2 = provisioned.account.client("ec2")
    instance = provisioned.instance()
    assert instance["State"]["Name"] == "running"
    assert instance["InstanceType"] == "t3.micro"
    assert instance["KeyName"] == "catscan-frankfurt-key"
    assert instance["IamInstanceProfile"]["Arn"].endswith(":instance-profile/catscan-ec2-role")
    assert [group["GroupName"] for group in instance["SecurityGroups"]] == ["catscan-sg"]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags == {"Name": "catscan-server", "System": "catscan", "Environment": "prod", "Role": "api"}
    metadata = instance["MetadataOptions"]
    assert (metadata["HttpTokens"], metadata["HttpPutResponseHopLimit"]) == ("required", 1)
    (mapping,) = instance["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/xvda"
    (volume,) = ec2.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (30, "gp3", True)
    protected = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="disableApiTermination")
    assert protected["DisableApiTermination"] == {"Value": True}


def test_cs9_its_address_outlives_a_stop(provisioned: Provisioned) -> None:
    (address,) = provisioned.account.client("ec2").describe_addresses()["Addresses"]
    assert address["InstanceId"] == provisioned.instance()["InstanceId"]


def test_cs4_the_key_pair_holds_the_public_key(provisioned: Provisioned) -> None:
    (pair,) = provisioned.account.client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert pair["KeyName"] == "catscan-frankfurt-key"
    assert pair["PublicKey"].split()[:2] == (provisioned.account.folder / "key.pub").read_text().split()[:2]


def rules(account: Account) -> list[tuple[int, list[str]]]:
    (group,) = account.client("ec2").describe_security_groups(GroupNames=["catscan-sg"])["SecurityGroups"]
    return [(rule["FromPort"], [source["CidrIp"] for source in rule["IpRanges"]]) for rule in group["IpPermissions"]]


def test_cs6_w1_only_ssh_is_open_and_only_to_named_ranges(provisioned: Provisioned) -> None:
    assert rules(provisioned.account) == [(22, ["203.0.113.7/32"])]


def test_w1_ssh_for_the_world_is_refused_and_nothing_changes(provisioned: Provisioned) -> None:
    run = provisioned.account.provision(provision_admin_cidrs=["0.0.0.0/0"])
    assert run.status != 0
    assert "tcp port 22 would be open to the whole internet" in run.text
    assert run.changed == []
    assert rules(provisioned.account) == [(22, ["203.0.113.7/32"])]


def test_cs12_w22_the_archive_is_private_versioned_and_encrypted(provisioned: Provisioned) -> None:
    s3 = provisioned.account.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (encryption,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    (ownership,) = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert ownership["ObjectOwnership"] == "BucketOwnerEnforced"
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def lifecycle(account: Account) -> Any:
    return account.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]


def test_cs13_w22_the_lifecycle_document_is_exactly_the_declared_one(provisioned: Provisioned) -> None:
    assert lifecycle(provisioned.account) == LIFECYCLE


def test_w2_the_role_holds_its_own_policy_only(provisioned: Provisioned) -> None:
    attached = provisioned.account.client("iam").list_attached_role_policies(RoleName="catscan-ec2-role")
    assert [policy["PolicyName"] for policy in attached["AttachedPolicies"]] == ["catscan-ec2-role-policy"]


def test_w2_the_policy_is_exactly_what_the_host_needs(provisioned: Provisioned) -> None:
    """moto enforces it for S3 only (below): elsewhere it knows no resources, or other action names."""
    iam = provisioned.account.client("iam")
    arn = f"arn:aws:iam::{ACCOUNT}:policy/catscan-ec2-role-policy"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    logs = ["CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents", "PutRetentionPolicy"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{prefix}/*" for prefix in ("performance", "funnel-geo", "funnel-publishers")],
        },
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": [f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:catscan/prod/*"],
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": ["CatScan/Prod"]}},
        },
        {
            "Effect": "Allow",
            "Action": [f"logs:{action}" for action in logs],
            "Resource": [f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:/aws/ec2/catscan/prod/*:*"],
        },
        {
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:*",
        },
    ]


def test_the_generated_secret_is_random_kept_and_never_shown(provisioned: Provisioned) -> None:
    value = json.loads(provisioned.token)["api_token"]
    assert len(value) == 40
    now = provisioned.account.client("secretsmanager").get_secret_value(SecretId="catscan/prod/app")["SecretString"]
    assert now == provisioned.token
    for run in (provisioned.check, provisioned.first, provisioned.second):
        assert value not in run.output


def test_a_hand_made_account_is_adopted_and_tightened(provisioned: Provisioned) -> None:
    """The runbook's account: an expiring rule, port 8000 open, AmazonS3FullAccess, a stopped server, a secret to be set."""
    account = provisioned.account
    ec2, iam = account.client("ec2"), account.client("iam")
    expiring = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "performance/"}, "Expiration": {"Days": 400}}
    account.client("s3").put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [*LIFECYCLE, expiring]})
    ec2.authorize_security_group_ingress(GroupName="catscan-sg", IpProtocol="tcp", FromPort=8000, ToPort=8000, CidrIp="0.0.0.0/0")
    iam.attach_role_policy(RoleName="catscan-ec2-role", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    ec2.stop_instances(InstanceIds=[provisioned.instance()["InstanceId"]])

    secret = {"name": "catscan/prod/gmail", "description": "Gmail", "keys": ["oauth_client", "token"]}
    check = account.provision("--check", catscan_image_parameter=PARAMETER, aws_secret_secrets=[secret])
    run = account.provision(catscan_image_parameter=PARAMETER, aws_secret_secrets=[secret])

    assert (check.status, run.status) == (0, 0), check.output + run.output
    assert f"Bucket {BUCKET} would change: bucket_lifecycle_configuration" in check.text
    assert without_bucket(check.changed) == without_bucket(run.changed)
    assert lifecycle(account) == LIFECYCLE
    assert rules(account) == [(22, ["203.0.113.7/32"])]
    test_w2_the_role_holds_its_own_policy_only(provisioned)
    assert provisioned.instance()["State"]["Name"] == "running"
    assert "Secret catscan/prod/gmail is missing. Write its keys (oauth_client, token)" in run.text
    assert "--region eu-central-1 --name catscan/prod/gmail" in run.text


REFUSALS = {
    "no system": ({"system": ""}, 'There is no declaration of a system named ""'),
    "unknown system": ({"system": "catscn"}, 'There is no declaration of a system named "catscn"'),
    "nobody may use SSH": ({"provision_admin_cidrs": []}, "names nobody who may connect"),
    "wrong account": ({"provision_expected_account": "210987654321"}, f"These credentials belong to account {ACCOUNT}"),
    "no public key": ({"provision_public_key_file": "/nonexistent.pub"}, "missing or holds no ed25519 or RSA public key"),
}


@pytest.mark.parametrize(("variables", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_bad_input_ends_in_one_sentence(provisioned: Provisioned, variables: dict[str, Any], sentence: str) -> None:
    run = provisioned.account.provision(**variables)
    assert run.status != 0
    assert sentence in run.text
    assert "Traceback" not in run.output
    assert run.changed == []


@pytest.fixture(scope="module")
def others(provisioned: Provisioned) -> None:
    """Somebody else's bucket in the same account."""
    region = {"LocationConstraint": "eu-central-1"}
    provisioned.account.client("s3").create_bucket(Bucket="someone-elses", CreateBucketConfiguration=region)


@pytest.fixture
def host(provisioned: Provisioned, others: None) -> Iterator[Callable[[str], Any]]:
    """Clients with the credentials of the server's role, in an account that enforces policies."""
    account = provisioned.account
    role = f"arn:aws:iam::{ACCOUNT}:role/catscan-ec2-role"
    granted = account.client("sts").assume_role(RoleArn=role, RoleSessionName="i-0123456789abcdef0")["Credentials"]
    keys = {
        "aws_access_key_id": granted["AccessKeyId"],
        "aws_secret_access_key": granted["SecretAccessKey"],
        "aws_session_token": granted["SessionToken"],
    }
    requests.post(f"{account.endpoint}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    yield lambda service: account.client(service, **keys)
    requests.post(f"{account.endpoint}/moto-api/reset-auth", data="inf", timeout=10).raise_for_status()


OBJECT = {"Bucket": BUCKET, "Key": "performance/2025/12/21/catscan-performance-2025-12-21.csv.gz"}


def test_cs10_w2_the_role_may_do_what_its_host_needs(host: Callable[[str], Any]) -> None:
    host("s3").put_object(**OBJECT, Body=b"day,impressions\n")
    assert host("s3").get_object(**OBJECT)["Body"].read() == b"day,impressions\n"
    assert host("s3").list_objects_v2(Bucket=BUCKET, Prefix="performance/")["KeyCount"] == 1


DENIED: dict[str, Callable[[Callable[[str], Any]], object]] = {
    "delete an object": lambda host: host("s3").delete_object(**OBJECT),
    "put outside its prefixes": lambda host: host("s3").put_object(Bucket=BUCKET, Key="other/x", Body=b""),
    "get outside its prefixes": lambda host: host("s3").get_object(Bucket=BUCKET, Key="other/x"),
    "expire the archive": lambda host: host("s3").put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": LIFECYCLE}),
    "change the bucket policy": lambda host: host("s3").delete_bucket_policy(Bucket=BUCKET),
    "put into another bucket": lambda host: host("s3").put_object(Bucket="someone-elses", Key="performance/x", Body=b""),
    "list another bucket": lambda host: host("s3").list_objects_v2(Bucket="someone-elses"),
    "list all buckets": lambda host: host("s3").list_buckets(),
    "see instances": lambda host: host("ec2").describe_instances(),
    "change a secret": lambda host: host("secretsmanager").put_secret_value(SecretId="catscan/prod/app", SecretString="{}"),
    "grant itself more": lambda host: host("iam").attach_role_policy(RoleName="catscan-ec2-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
}


@pytest.mark.parametrize("attempt", DENIED.values(), ids=DENIED)
def test_cs11_w2_the_role_may_do_nothing_else(host: Callable[[str], Any], attempt: Callable[..., object]) -> None:
    with pytest.raises(ClientError) as refused:
        attempt(host)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
