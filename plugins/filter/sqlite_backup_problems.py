# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with declared backups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup import settings
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError

DOCUMENTATION = r"""
name: sqlite_backup_problems
short_description: What is wrong with declared backups
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges on the controller what the command C(fleetdata) is to back up, as the command itself does, before anything is written to a host.
options:
  _input:
    description: The backups, as the role P(steady.fleet.sqlite_backup#role) makes them of its variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse backups that cannot work
  ansible.builtin.assert:
    that: my_backups | steady.fleet.sqlite_backup_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence that names the setting, what is wrong with it and what it may be. An empty list is good.
  type: list
  elements: str
"""


def sqlite_backup_problems(declared: Mapping[str, Any]) -> list[str]:
    """Return one sentence for what is wrong."""
    try:
        settings.parse(declared, "the backups that the variables sqlite_backup_* declare")
    except ConfigurationError as error:
        return [str(error)]
    return []


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"sqlite_backup_problems": sqlite_backup_problems}
