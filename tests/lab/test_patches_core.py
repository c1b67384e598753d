"""Each patch of EC2, IAM, SSM and CloudFormation: stock moto still has the gap, and the patch closes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.iam.access_control import IAMPolicyStatement
from probes import Compare, error_of

from lab.images import AMAZON_2023, DEBIAN_12
from lab.patches import cloudformation, ec2, iam, ssm

REGION = "eu-central-1"
IMAGE = "ami-12345678"


def launch(client: Any) -> dict[str, Any]:
    """One instance that names no subnet."""
    row: dict[str, Any] = client.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance: dict[str, Any] = row["Instances"][0]
    return instance


def test_default_vpc_range(compare: Compare) -> None:
    def probe() -> str:
        vpcs = boto3.client("ec2").describe_vpcs()["Vpcs"]
        return next(vpc["CidrBlock"] for vpc in vpcs if vpc["IsDefault"])

    assert compare(partial(ec2.default_vpc_range, cidr="10.99.0.0/16"), probe) == ("172.31.0.0/16", "10.99.0.0/16")


def test_default_subnet(compare: Compare) -> None:
    def probe() -> bool:
        client = boto3.client("ec2")
        subnets = {subnet["SubnetId"] for subnet in client.describe_subnets()["Subnets"]}
        address = launch(client)["PrivateIpAddress"]
        return launch(client).get("SubnetId") in subnets and address.startswith("172.31.")

    assert compare(ec2.default_subnet, probe) == (False, True)


def test_tag_resource_types(compare: Compare) -> None:
    def probe() -> int:
        client = boto3.client("ec2")
        address = client.allocate_address(Domain="vpc")["AllocationId"]
        client.create_tags(Resources=[address], Tags=[{"Key": "Name", "Value": "x"}])
        return len(client.describe_tags(Filters=[{"Name": "resource-type", "Values": ["elastic-ip"]}])["Tags"])

    assert compare(ec2.tag_resource_types, probe) == (0, 1)


def test_tags_by_id(compare: Compare) -> None:
    """Stock moto walks over the tags of every other resource to find those of one."""

    class Counting(dict[str, dict[str, str]]):
        walks = 0

        def __iter__(self) -> Iterator[str]:
            Counting.walks += 1
            return super().__iter__()

        def items(self) -> Any:
            Counting.walks += 1
            return super().items()

        def keys(self) -> Any:
            Counting.walks += 1
            return super().keys()

    def probe() -> tuple[int, list[dict[str, str]]]:
        backend = ec2_backends[DEFAULT_ACCOUNT_ID][REGION]
        backend.tags = Counting({"vpc-1": {"Name": "one"}, "vpc-2": {"Name": "two"}})
        Counting.walks = 0
        found = backend.describe_tags(filters={"resource-id": ["vpc-1"]})
        return Counting.walks, [{"key": row["key"], "value": row["value"]} for row in found]

    (stock_walks, stock), (walks, patched) = compare(ec2.tags_by_id, probe)
    assert (stock_walks > 0, walks) == (True, 0)
    assert stock == patched == [{"key": "Name", "value": "one"}]


def test_snapshot_tags_of_image(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("ec2")
        instance = launch(client)["InstanceId"]
        tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "golden"}]}]
        return error_of(lambda: client.create_image(InstanceId=instance, Name="golden", TagSpecifications=tags))

    assert compare(ec2.snapshot_tags_of_image, probe) == ("NotImplementedError", "")


def test_unique_image_names(compare: Compare) -> None:
    def probe() -> str:
        client = boto3.client("ec2")
        instance = launch(client)["InstanceId"]
        client.create_image(InstanceId=instance, Name="golden")
        return error_of(lambda: client.create_image(InstanceId=instance, Name="golden"))

    assert compare(ec2.unique_image_names, probe) == ("", "InvalidAMIName.Duplicate")


def test_launch_template_data(compare: Compare) -> None:
    def probe() -> bool:
        client = boto3.client("ec2")
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "Name", "Value": "x"}]}]
        data = {"InstanceType": "t3.micro"}
        client.create_launch_template(LaunchTemplateName="template", LaunchTemplateData=data, TagSpecifications=tags)
        versions = client.describe_launch_template_versions(LaunchTemplateName="template")["LaunchTemplateVersions"]
        return "TagSpecifications" in versions[0]["LaunchTemplateData"]

    assert compare(ec2.launch_template_data, probe) == (True, False)


CONDITIONS: dict[str, dict[str, Any]] = {
    "transport": {"Bool": {"aws:SecureTransport": "false"}},
    "who": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/admin*"}},
    "header": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
}


@pytest.mark.parametrize(("condition", "concerns"), [("transport", False), ("who", True), ("header", True)])
def test_request_conditions(condition: str, concerns: bool, compare: Compare) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": CONDITIONS[condition]}
    requests = [
        {"aws:SecureTransport": "true", "aws:PrincipalArn": "arn:aws:iam::123456789012:role/host", "s3:ObjectCreationOperation": "true"},
        {"aws:SecureTransport": "true", "aws:PrincipalArn": "arn:aws:iam::123456789012:role/admins", "s3:if-none-match": "*"},
    ]

    def probe() -> list[str]:
        found = []
        for request in requests:
            token = iam.REQUEST.set(request)
            found.append(str(IAMPolicyStatement(statement).is_action_permitted("s3:PutObject", "arn:aws:s3:::b/k").name))
            iam.REQUEST.reset(token)
        return found

    assert compare(iam.request_conditions, probe) == (["DENIED", "DENIED"], ["DENIED" if concerns else "NEUTRAL", "NEUTRAL"])


def test_public_image_parameters(compare: Compare) -> None:
    names = [DEBIAN_12.parameters[0], AMAZON_2023.parameters[0]]

    def probe() -> dict[str, str]:
        client = boto3.client("ssm")
        # One by one, Debian's first: the order in which moto loads its own must not matter.
        answers = [client.get_parameters(Names=[name])["Parameters"] for name in names]
        return {row["Name"]: row["Value"] for answer in answers for row in answer}

    stock, patched = compare(ssm.public_image_parameters, probe)
    assert DEBIAN_12.ami_id not in stock.values()
    assert AMAZON_2023.ami_id not in stock.values()
    assert patched == {names[0]: DEBIAN_12.ami_id, names[1]: AMAZON_2023.ami_id}


def test_unknown_types(compare: Compare) -> None:
    template = {"Resources": {"One": {"Type": "AWS::DevOpsGuru::NotificationChannel", "Properties": {}}}}

    def probe() -> str:
        client = boto3.client("cloudformation")
        return error_of(lambda: client.create_stack(StackName="x", TemplateBody=json.dumps(template)))

    assert compare(cloudformation.unknown_types, probe) == ("", "ValidationError")


def test_equal_template(compare: Compare) -> None:
    template = json.dumps({"Resources": {"One": {"Type": "AWS::SQS::Queue", "Properties": {}}}})

    def probe() -> str:
        client = boto3.client("cloudformation")
        client.create_stack(StackName="x", TemplateBody=template)
        return error_of(lambda: client.update_stack(StackName="x", TemplateBody=template))

    assert compare(cloudformation.equal_template, probe) == ("", "ValidationError")
