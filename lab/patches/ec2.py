"""EC2."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.models.tags import TagBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from lab.patches.seam import Patch, SetAttribute

# Older spellings that AWS takes in the filter resource-type, and moto's.
RESOURCE_TYPES = {"natgateway": "nat-gateway", "elastic-ip": "vpc-elastic-ip"}


def default_vpc_range(set_attribute: SetAttribute, cidr: str) -> None:
    """AWS's default VPC is 172.31.0.0/16, always; a lab beside another lab needs a range of its own."""
    create = VPCBackend.create_vpc

    def create_vpc(self: Any, cidr_block: str, *args: Any, is_default: bool = False, **kwargs: Any) -> Any:
        return create(self, cidr if is_default else cidr_block, *args, is_default=is_default, **kwargs)

    set_attribute(VPCBackend, "create_vpc", create_vpc)


def default_subnet(set_attribute: SetAttribute) -> None:
    """AWS launches an instance that names no subnet in the default VPC; moto gives it a random address outside any."""
    run = InstanceBackend.run_instances

    def run_instances(self: Any, image_id: str, count: int, *args: Any, **kwargs: Any) -> Any:
        if not (kwargs.get("subnet_id") or kwargs.get("nics") or kwargs.get("launch_template")):
            subnets = self.get_default_subnets()
            zone = kwargs.get("placement") or min(subnets, default=None)
            kwargs["subnet_id"] = subnets[zone].id if zone in subnets else None
        return run(self, image_id, count, *args, **kwargs)

    set_attribute(InstanceBackend, "run_instances", run_instances)


def tag_resource_types(set_attribute: SetAttribute) -> None:
    """DescribeTags takes natgateway and elastic-ip as resource types; moto knows one spelling of each only."""
    describe = TagBackend.describe_tags

    def describe_tags(self: Any, filters: Any = None) -> Any:
        if filters and "resource-type" in filters:
            spelt = [RESOURCE_TYPES.get(value, value) for value in filters["resource-type"]]
            filters = {**filters, "resource-type": spelt}
        return describe(self, filters)

    set_attribute(TagBackend, "describe_tags", describe_tags)


def tags_by_id(set_attribute: SetAttribute) -> None:
    """Not a difference from AWS but a cost: moto scans every tag of the region for each resource that it describes."""
    describe = TagBackend.describe_tags

    def describe_tags(self: Any, filters: Any = None) -> Any:
        ids = filters["resource-id"] if filters and list(filters) == ["resource-id"] else None
        if ids is None or any(wildcard in id_ for id_ in ids for wildcard in "*?"):
            return describe(self, filters)
        return [
            {"resource_id": id_, "key": key, "value": value, "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(id_), "")}
            for id_ in ids
            if id_ in self.tags
            for key, value in self.tags[id_].items()
        ]

    set_attribute(TagBackend, "describe_tags", describe_tags)


def snapshot_tags_of_image(set_attribute: SetAttribute) -> None:
    """CreateImage takes tags for the snapshots that it makes; moto raises NotImplementedError."""
    create = AmiBackend.create_image

    def create_image(self: Any, instance_id: str, name: str, description: str, tag_specifications: Any) -> Any:
        image_tags = [one for one in tag_specifications if one["ResourceType"] != "snapshot"]
        ami = create(self, instance_id, name, description, image_tags)
        for one in tag_specifications:
            if one["ResourceType"] == "snapshot":
                self.create_tags([ami.ebs_snapshot.id], {tag["Key"]: tag["Value"] for tag in one["Tags"]})
        return ami

    set_attribute(AmiBackend, "create_image", create_image)


def unique_image_names(set_attribute: SetAttribute) -> None:
    """An account's AMI names are unique: CreateImage answers InvalidAMIName.Duplicate; moto makes a second one."""
    create = AmiBackend.create_image

    def create_image(self: Any, instance_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        if any(ami.name == name and ami.owner_id == self.account_id for ami in self.amis.values()):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")
        return create(self, instance_id, name, *args, **kwargs)

    set_attribute(AmiBackend, "create_image", create_image)


def launch_template_data(set_attribute: SetAttribute) -> None:
    """A launch template's own tags and an absent UserData are no launch data; moto stores both as if they were."""
    initialise = LaunchTemplateVersion.__init__

    def init(self: Any, template: Any, number: int, data: dict[str, Any], description: str) -> None:
        specifications = data.pop("TagSpecifications", [])
        kept = [one for one in specifications if one["ResourceType"] != "launch-template"]
        if kept:
            data["TagSpecifications"] = kept
        if data.get("UserData", "") is None:
            del data["UserData"]
        initialise(self, template, number, data, description)

    set_attribute(LaunchTemplateVersion, "__init__", init)


PATCHES: tuple[Patch, ...] = (
    default_subnet,
    tag_resource_types,
    tags_by_id,
    snapshot_tags_of_image,
    unique_image_names,
    launch_template_data,
)
