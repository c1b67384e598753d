# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EC2 instances by their tags, asked for only as far as the run needs them."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ec2
short_description: EC2 instances by their tags, for a system only that system's
version_added: 0.1.0
description:
  - Each instance that is not terminated is a host C(<Name tag>_<instance id>), whose name keeps letters, digits, C(.), C(-) and C(_).
  - Its groups are the system (tag C(System)), C(role_<Role tag>) and C(env_<Environment tag>); C(aws_stopped) if it does not run, and
    C(aws_untagged) in place of the system if it has no C(System) tag or one that is no name for a system (C(all), C(aws_x), C(env_x), …).
  - Where two groups set one variable, C(role_x) beats the system, C(env_x) beats both, and O(group) beats all.
  - Host variables are C(aws_instance_id), C(aws_ec2_tags), C(aws_state), C(aws_placement) (with C(region)), C(aws_instance_type),
    C(aws_image_id), C(aws_architecture), C(aws_key_name), C(aws_launch_time), C(aws_owner_id), C(aws_iam_instance_profile),
    C(aws_security_groups), C(aws_vpc_id), C(aws_subnet_id), C(aws_private_ip_address), C(aws_private_dns_name) and, where the instance
    has one, C(aws_public_ip_address), C(aws_public_dns_name), C(aws_ipv6_address). They are the values of M(amazon.aws.ec2_instance_info),
    and never templates.
  - A run whose C(--limit) names systems or hosts only asks EC2 for these only, so it costs the same in an account of any size. Any other
    limit (wildcards, regular expressions, files, C(env_x), C(all)), more than one inventory and no limit at all ask for every instance. If
    nothing carries a name of the limit, every instance is asked for, and a warning says which systems there are.
  - The answer is cached for each file, region, endpoint, identity and limit apart; C(--flush-cache) and C(meta refresh_inventory) forget all.
author: The steady.fleet developers (@steady-fleet)
extends_documentation_fragment:
  - inventory_cache
  - amazon.aws.boto3
  - amazon.aws.common.plugins
  - amazon.aws.region.plugins
  - amazon.aws.assume_role.plugins
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [steady.fleet.ec2]
  regions:
    description: The regions to ask. Without it, the one of the environment or of the profile.
    type: list
    elements: str
    default: []
  group:
    description: A group of all hosts of this inventory, whose variables beat those of every other group.
    type: str
  follow_limit:
    description:
      - Whether a run for some systems asks for these only. The others are then neither in C(groups) nor in C(hostvars); say V(false) if a
        declaration reads them.
    type: bool
    default: true
"""

EXAMPLES = r"""
# inventories/aws_ec2.yml
plugin: steady.fleet.ec2
regions:
  - eu-central-1
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.manager import split_host_pattern
from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible.plugins.inventory import to_safe_group_name
from ansible_collections.amazon.aws.plugins.plugin_utils.inventory import AWSInventoryBase
from ansible_collections.steady.fleet.plugins.plugin_utils import ec2_errors
from ansible_collections.steady.fleet.plugins.plugin_utils.ec2_inventory import (
    EVERYTHING,
    LAST_WORD,
    RESERVED,
    Filter,
    Host,
    Question,
    host,
    priority,
    question,
)

# What decides whose instances a run sees, besides the secrets.
IDENTITY = ("profile", "access_key", "assume_role_arn", "endpoint_url")
IDENTITY_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN")
CONNECT_SECONDS = 10


class InventoryModule(AWSInventoryBase):  # type: ignore[misc]
    """Reads an inventory file of this plugin."""

    NAME = "steady.fleet.ec2"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Put the instances into ``inventory``; raises AnsibleError that says what to do."""
        super().parse(inventory, loader, path, cache=cache)
        self._group = self.get_option("group")
        self._regions = self.get_option("regions") or [region for region in [self.region] if region]
        if not self._regions:
            raise AnsibleError(f"No region to look for instances in: set AWS_REGION, or regions in {path}.")
        wanted = self._question(path)
        hosts = self._hosts(path, wanted, cache=cache)
        self._populate(hosts)
        self._warn(wanted, hosts)

    def fail_aws(self, message: str, exception: Exception | None = None) -> NoReturn:
        """What amazon.aws calls when it cannot connect."""
        raise AnsibleError(self._explain(exception) if exception else f"{message}.") from None

    def _read_config_data(self, path: str) -> Any:
        config = super()._read_config_data(path)
        known = {name for option, definition in self.option_definitions.items() for name in (option, *definition.get("aliases", []))}
        unknown = sorted(set(config) - known)
        if unknown:
            raise AnsibleError(f"{path}: steady.fleet.ec2 has no option {', '.join(unknown)}. See ansible-doc -t inventory steady.fleet.ec2.")
        return config

    def _question(self, path: str) -> Question:
        sources: Sequence[str] = context.CLIARGS.get("inventory") or ()
        # Another inventory might have a group that is named as a system and holds others.
        alone = len(sources) == 1 and os.path.abspath(sources[0]) == os.path.abspath(path)
        if not (alone and self.get_option("follow_limit")):
            return EVERYTHING
        return question(split_host_pattern(context.CLIARGS.get("subset") or []), reserved=self._reserved())

    def _reserved(self) -> Sequence[str]:
        return [self._group] if self._group else []

    def _hosts(self, path: str, wanted: Question, *, cache: bool) -> list[Host]:
        if not self.get_option("cache"):
            return self._ask_until_known(wanted)
        if not cache:
            self.clear_cache()
        key = self._cache_key(path, wanted)
        try:
            return [Host(name=name, groups=tuple(groups), variables=variables) for name, groups, variables in self._cache[key]]
        except KeyError:
            hosts = self._ask_until_known(wanted)
            self._cache[key] = [[one.name, one.groups, one.variables] for one in hosts]
            return hosts

    def _cache_key(self, path: str, wanted: Question) -> str:
        seen = [
            path,
            self._regions,
            wanted.filters(),
            self._group,
            [self.get_option(name) for name in IDENTITY],
            [os.environ.get(name) for name in IDENTITY_VARIABLES],
        ]
        return "steady_fleet_ec2_" + hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:24]

    def _ask_until_known(self, wanted: Question) -> list[Host]:
        hosts = self._ask(wanted)
        return hosts if _known(wanted, hosts) or wanted == EVERYTHING else self._ask(EVERYTHING)

    def _ask(self, wanted: Question) -> list[Host]:
        found = {
            instance["InstanceId"]: host(instance, region=region, safe=to_safe_group_name, snake=_snake, reserved=self._reserved())
            for region in self._regions
            for instance in self._describe(region, wanted.filters())
        }
        return [found[instance_id] for instance_id in sorted(found)]

    def _describe(self, region: str, requests: Sequence[list[Filter]]) -> Iterator[dict[str, Any]]:
        # boto waits a minute for each of five attempts to connect.
        client = self.client("ec2", region=region, aws_config={"connect_timeout": CONNECT_SECONDS})
        try:
            for filters in requests:
                for page in client.get_paginator("describe_instances").paginate(Filters=filters, PaginationConfig={"PageSize": 1000}):
                    for reservation in page["Reservations"]:
                        for instance in reservation["Instances"]:
                            yield {**instance, "OwnerId": reservation["OwnerId"]}
        except ec2_errors.AWS_ERRORS as error:
            raise AnsibleError(self._explain(error, region=region)) from None

    def _explain(self, error: Exception, region: str = "") -> str:
        return ec2_errors.explain(error, region=region or ", ".join(self.get_option("regions")), profile=self.get_option("profile"))

    def _populate(self, hosts: Sequence[Host]) -> None:
        groups = {name: priority(name) for one in hosts for name in one.groups} | dict.fromkeys(self._reserved(), LAST_WORD)
        for name, rank in groups.items():
            self.inventory.add_group(name)
            self.inventory.set_variable(name, "ansible_group_priority", rank)
        for one in hosts:
            for group in (*one.groups, *self._reserved()):
                self.inventory.add_host(one.name, group=group)
            for variable, value in one.variables.items():
                self.inventory.set_variable(one.name, variable, value)

    def _warn(self, wanted: Question, hosts: Sequence[Host]) -> None:
        groups = {one.groups[0] for one in hosts}
        for system in sorted(set(wanted.systems) - groups):
            there = ", ".join(sorted(group for group in groups if not RESERVED.match(group))) or "none"
            self.warn(
                f"No instance in {', '.join(self._regions)} carries the tag System={system}. Systems there: {there}. Check the spelling after -l, "
                f"AWS_PROFILE and AWS_REGION; or make its servers with playbooks/provision.yml -e system={system}."
            )


def _known(wanted: Question, hosts: Sequence[Host]) -> bool:
    """Whether every name of the limit is that of a group or host."""
    ids = {one.variables["aws_instance_id"] for one in hosts}
    return set(wanted.systems) <= {one.groups[0] for one in hosts} and set(wanted.instance_ids) <= ids


def _snake(value: Any) -> Any:
    return [camel_dict_to_snake_dict(item) for item in value] if isinstance(value, list) else camel_dict_to_snake_dict(value)
