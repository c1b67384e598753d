"""What ``playbooks/provision.yml`` makes of an empty account, and what it refuses. Real runs over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from empty_account import ACCOUNT, BACKUPS, BUCKET, Account
from provisioned import PARAMETER, Provisioned

# Three whole runs of the playbook stand behind the first test that asks for them.
pytestmark = pytest.mark.timeout(1200)

UPLOADS = ("ListMultipartUploadParts", "AbortMultipartUpload")
PREFIXES = ("performance", "funnel-geo", "funnel-publishers", "_rows/catscan", "_drills")
LIFECYCLE = [
    {
        "ID": "clean-up",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
    {
        "ID": "infrequent-access",
        "Status": "Enabled",
        "Filter": {"ObjectSizeGreaterThan": 131072},
        "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
    },
]


def test_check_mode_on_an_empty_account_names_everything_that_would_be_made(provisioned: Provisioned) -> None:
    assert provisioned.check.status == 0, provisioned.check.output
    assert f"~ bucket {BUCKET}, bucket: is to be created in eu-central-1" in provisioned.check.text
    # Without an instance there is nothing yet to give an address to.
    assert provisioned.check.changed == [name for name in provisioned.first.changed if "lasting address" not in name]


def test_the_first_run_makes_it_and_says_what_there_is(provisioned: Provisioned) -> None:
    assert provisioned.first.status == 0, provisioned.first.output
    instance = provisioned.instance()
    for word in (instance["InstanceId"], instance["PublicIpAddress"], f"archive s3://{BUCKET}", f"backups s3://{BACKUPS}"):
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
    statements = {one["Sid"]: one for one in json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]}
    assert {sid: one["Effect"] for sid, one in statements.items()} == {"DenyWithoutTls": "Deny", "DenyOverwriting": "Deny", "DenyDeleting": "Deny"}
    tls = statements["DenyWithoutTls"]
    assert (tls["Principal"], tls["Action"], tls["Resource"]) == ("*", "s3:*", [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"])
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_cs38_what_was_deleted_from_the_backups_can_be_had_back_for_30_days(provisioned: Provisioned) -> None:
    s3 = provisioned.account.client("s3")
    assert s3.get_bucket_versioning(Bucket=BACKUPS)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=BACKUPS)["PublicAccessBlockConfiguration"].values()) == {True}
    (cleaning,) = [rule for rule in lifecycle(provisioned.account, BACKUPS) if rule["ID"] == "clean-up"]
    assert (cleaning["NoncurrentVersionExpiration"], cleaning["Expiration"]) == ({"NoncurrentDays": 30}, {"ExpiredObjectDeleteMarker": True})


def lifecycle(account: Account, bucket: str = BUCKET) -> Any:
    return account.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]


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
    bucket = f"arn:aws:s3:::{BUCKET}"
    settings = ["BucketVersioning", "EncryptionConfiguration", "BucketPublicAccessBlock", "BucketPolicy", "LifecycleConfiguration"]
    logs = ["CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents", "PutRetentionPolicy"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [f"s3:{action}" for action in ("PutObject", "GetObject", "GetObjectVersion", *UPLOADS)],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{prefix}/*" for prefix in PREFIXES],
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads", *(f"s3:Get{name}" for name in settings)], "Resource": bucket},
        {
            "Effect": "Allow",
            "Action": [f"s3:{action}" for action in ("PutObject", "GetObject", "GetObjectVersion", "DeleteObject", *UPLOADS)],
            "Resource": [f"arn:aws:s3:::{BACKUPS}/catscan/*"],
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"], "Resource": f"arn:aws:s3:::{BACKUPS}"},
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
    """The runbook's account: a bucket of the console, port 8000 open, AmazonS3FullAccess, a stopped server, a secret to be set."""
    account = provisioned.account
    ec2, iam = account.client("ec2"), account.client("iam")
    expiring = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "performance/"}, "Expiration": {"Days": 400}}
    s3 = account.client("s3")
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [*LIFECYCLE, expiring]})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_public_access_block(Bucket=BUCKET)
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "Owner", "Value": "anna"}]})
    ec2.authorize_security_group_ingress(GroupName="catscan-sg", IpProtocol="tcp", FromPort=8000, ToPort=8000, CidrIp="0.0.0.0/0")
    iam.attach_role_policy(RoleName="catscan-ec2-role", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    ec2.stop_instances(InstanceIds=[provisioned.instance()["InstanceId"]])

    secret = {"name": "catscan/prod/gmail", "description": "Gmail", "keys": ["oauth_client", "token"]}
    check = account.provision("--check", "--diff", catscan_image_parameter=PARAMETER, aws_secret_secrets=[secret])
    run = account.provision("--diff", catscan_image_parameter=PARAMETER, aws_secret_secrets=[secret])

    assert (check.status, run.status) == (0, 0), check.output + run.output
    assert check.changed == run.changed
    planned = [line for line in check.output.splitlines() if line.startswith(f"~ bucket {BUCKET}, ")]
    assert planned == [line for line in run.output.splitlines() if line.startswith(f"~ bucket {BUCKET}, ")]
    assert f"~ bucket {BUCKET}, lifecycle: rule 'old' goes: it deletes objects after 400 days under performance/" in planned
    assert [*dict.fromkeys(line.split(", ")[1].split(":")[0] for line in planned)] == ["public_access", "versioning", "lifecycle", "tags", "policy"]
    test_cs12_w22_the_archive_is_private_versioned_and_encrypted(provisioned)
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
