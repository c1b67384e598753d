# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a declared security group must not be applied."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.security_group import refusals

DOCUMENTATION = r"""
name: security_group_refusals
short_description: Reasons not to apply a declared security group
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Returns one sentence for every rule that must not be applied, such as one that opens a port other than 80 and 443 to the world
    without an override that has a reason and an expiry date. An empty list means that the group may be applied.
options:
  _input:
    description: A group as in the role P(steady.fleet.aws_security_group#role).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse rules that open a port to the world
  ansible.builtin.assert:
    that: (group | steady.fleet.security_group_refusals) is falsy
"""

RETURN = r"""
_value:
  description: One sentence for every refused rule.
  type: list
  elements: str
"""


def security_group_refusals(group: Mapping[str, Any]) -> list[str]:
    """Return the reasons not to apply ``group`` today."""
    return refusals(group=group, today=datetime.datetime.now(tz=datetime.UTC).date())


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"security_group_refusals": security_group_refusals}
