# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to ask EC2 for a run, and the Ansible host that an instance becomes. Pure: no AWS, no Ansible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Filter = dict[str, Any]

STOPPED, UNTAGGED = "aws_stopped", "aws_untagged"
SYSTEM, ROLE, ENVIRONMENT = "System", "Role", "Environment"
PREFIXES = {ROLE: "role_", ENVIRONMENT: "env_"}
# What Ansible or this inventory means by a name, so no system can have it.
RESERVED = re.compile(r"(all|ungrouped|localhost)$|aws_|" + "|".join(PREFIXES.values()))

STATES = ("pending", "running", "stopping", "stopped")
# EC2 takes no more values in one filter.
MOST_VALUES = 200

# What a declaration may need of its host. Each costs Ansible 20 us a host and run, so the long lists (volumes, interfaces) stay out.
VARIABLES = {
    "Architecture": "aws_architecture",
    "IamInstanceProfile": "aws_iam_instance_profile",
    "ImageId": "aws_image_id",
    "InstanceId": "aws_instance_id",
    "InstanceType": "aws_instance_type",
    "Ipv6Address": "aws_ipv6_address",
    "KeyName": "aws_key_name",
    "LaunchTime": "aws_launch_time",
    "OwnerId": "aws_owner_id",
    "Placement": "aws_placement",
    "PrivateDnsName": "aws_private_dns_name",
    "PrivateIpAddress": "aws_private_ip_address",
    "PublicDnsName": "aws_public_dns_name",
    "PublicIpAddress": "aws_public_ip_address",
    "SecurityGroups": "aws_security_groups",
    "State": "aws_state",
    "SubnetId": "aws_subnet_id",
    "VpcId": "aws_vpc_id",
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which instances a run needs; without systems and instance ids, all of them."""

    systems: tuple[str, ...] = ()
    instance_ids: tuple[str, ...] = ()

    def filters(self) -> list[list[Filter]]:
        """One list of filters for each request; together the answers hold every instance that the run can mean."""
        base = {"Name": "instance-state-name", "Values": list(STATES)}
        requests = []
        if self.systems:
            # A group's name has _ for each character of the tag that it cannot have itself; ? is any character, _ too.
            requests.append([base, {"Name": f"tag:{SYSTEM}", "Values": [name.replace("_", "?") for name in self.systems]}])
        if self.instance_ids:
            requests.append([base, {"Name": "instance-id", "Values": list(self.instance_ids)}])
        return requests or [[base]]


@dataclass(frozen=True, kw_only=True)
class Host:
    """One instance as Ansible sees it: its groups, the system (or ``aws_untagged``) first."""

    name: str
    groups: tuple[str, ...]
    variables: dict[str, Any]


EVERYTHING = Question()


def question(patterns: Sequence[str], *, reserved: Iterable[str] = ()) -> Question:
    """What a run limited to ``patterns`` (``--limit``, split) needs.

    Only names of systems and of hosts narrow it; with anything else (wildcards, expressions, files, other groups) the run
    might mean any host. What intersects or excludes cannot add a host, so it is left to Ansible.
    """
    names = [pattern for pattern in patterns if not pattern.startswith(("&", "!"))]
    ids = [found.group(1) for name in names if (found := re.fullmatch(r"(?:[\w.-]+_)?(i-[0-9a-f]{8,17})", name))]
    systems = [name for name in names if re.fullmatch(r"\w+", name) and not RESERVED.match(name) and name not in reserved]
    if not names or len(ids) + len(systems) < len(names) or max(len(ids), len(systems)) > MOST_VALUES:
        return EVERYTHING
    return Question(systems=tuple(sorted(set(systems))), instance_ids=tuple(sorted(set(ids))))


def host(instance: Mapping[str, Any], *, region: str, safe: Callable[[str], str], snake: Callable[[Any], Any], reserved: Iterable[str] = ()) -> Host:
    """The host of an instance as DescribeInstances tells it, with ``OwnerId`` of its reservation.

    ``safe`` makes a group's name of any text, ``snake`` renames the keys of nested dictionaries: both are Ansible's own.
    """
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    values: dict[str, Any] = {
        name: snake(instance[key]) if isinstance(instance[key], dict | list) else instance[key] for key, name in VARIABLES.items() if key in instance
    }
    values["aws_launch_time"] = instance["LaunchTime"].isoformat()
    values["aws_placement"]["region"] = region
    values["aws_ec2_tags"] = tags
    return Host(name=_name(instance["InstanceId"], tags.get("Name", "")), groups=_groups(instance, tags, safe, reserved), variables=values)


def priority(group: str) -> int:
    """Ansible's ``ansible_group_priority``: the variables of the higher one win. A role beats the system, an environment both."""
    return 3 if group.startswith(PREFIXES[ENVIRONMENT]) else 2 if group.startswith(PREFIXES[ROLE]) else 1


# Above every other group: how to connect is the last word.
LAST_WORD = 10


def _name(instance_id: str, name: str) -> str:
    # Name tags need not be unique. What --limit, files and ssh would take for something else becomes _.
    return re.sub(r"[^\w.-]", "_", name) + "_" + instance_id if name else instance_id


def _groups(instance: Mapping[str, Any], tags: Mapping[str, str], safe: Callable[[str], str], reserved: Iterable[str]) -> tuple[str, ...]:
    system = safe(tags.get(SYSTEM, ""))
    groups = [UNTAGGED if not system or RESERVED.match(system) or system in reserved else system]
    groups += [safe(prefix + tags[tag]) for tag, prefix in PREFIXES.items() if tags.get(tag)]
    if instance["State"]["Name"] != "running":
        groups.append(STOPPED)
    return tuple(groups)
