# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with declared rules for files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention import rules

DOCUMENTATION = r"""
name: file_retention_problems
short_description: What is wrong with declared rules for files
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges the rules of the command C(fleetdata prune) on the controller, as the command itself does, before anything is written to a host.
options:
  _input:
    description: The rules by name, as the role P(steady.fleet.file_retention#role) has them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse rules that cannot work
  ansible.builtin.assert:
    that: my_rules | steady.fleet.file_retention_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence that names the setting, what is wrong with it and what it may be. An empty list is good.
  type: list
  elements: str
"""


def file_retention_problems(folders: Mapping[str, Any]) -> list[str]:
    """Return one sentence for what is wrong."""
    try:
        rules.parse_all(folders, "file_retention_folders")
    except ConfigurationError as error:
        return [str(error)]
    return []


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"file_retention_problems": file_retention_problems}
