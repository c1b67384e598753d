# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared security group's rules, in the module's own form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.security_group import module_rules

DOCUMENTATION = r"""
name: security_group_rules
short_description: Rules for amazon.aws.ec2_security_group from a declared security group
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Sorts each rule's sources into IPv4 and IPv6 ranges and leaves out what a rule does not name, as the module wants it.
options:
  _input:
    description: A group as in the role P(steady.fleet.aws_security_group#role).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Apply a security group
  amazon.aws.ec2_security_group:
    name: "{{ group.name }}"
    description: "{{ group.description }}"
    rules: "{{ group | steady.fleet.security_group_rules }}"
"""

RETURN = r"""
_value:
  description: Rules for the option C(rules) of M(amazon.aws.ec2_security_group).
  type: list
  elements: dict
"""


def security_group_rules(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rules of ``group`` in the module's form."""
    return module_rules(group=group)


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"security_group_rules": security_group_rules}
