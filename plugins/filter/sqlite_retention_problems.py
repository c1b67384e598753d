# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a declared retention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rules

DOCUMENTATION = r"""
name: sqlite_retention_problems
short_description: What is wrong with a declared retention
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges what C(fleetdata retain) follows on the controller, as the command itself does, before anything is written to a host.
options:
  _input:
    description: The databases, as O(steady.fleet.sqlite_retention#role:sqlite_retention_databases) declares them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse a retention that cannot work
  ansible.builtin.assert:
    that: my_databases | steady.fleet.sqlite_retention_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence that names the setting, what is wrong with it and what it may be. An empty list is good.
  type: list
  elements: str
"""


def sqlite_retention_problems(databases: object) -> list[str]:
    """Return one sentence for what is wrong."""
    try:
        rules.parse_all(databases, "sqlite_retention_databases")
    except ConfigurationError as error:
        return [str(error)]
    return []


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"sqlite_retention_problems": sqlite_retention_problems}
