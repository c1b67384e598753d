# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a declared drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.drill import rules
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError

DOCUMENTATION = r"""
name: recovery_drill_problems
short_description: What is wrong with a declared drill
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges on the controller what the command C(fleetdata) is to drill, as the command itself does, before anything is written to a host.
options:
  _input:
    description: The drill, as the role P(steady.fleet.recovery_drill#role) makes it of its variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse a drill that cannot work
  ansible.builtin.assert:
    that: my_drill | steady.fleet.recovery_drill_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence that names the setting, what is wrong with it and what it may be. An empty list is good.
  type: list
  elements: str
"""


def recovery_drill_problems(declared: Mapping[str, Any]) -> list[str]:
    """Return one sentence for what is wrong."""
    try:
        rules.parse(declared, "the drill that the variables recovery_drill_* declare")
    except ConfigurationError as error:
        return [str(error)]
    return []


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"recovery_drill_problems": recovery_drill_problems}
