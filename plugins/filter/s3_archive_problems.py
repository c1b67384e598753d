# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a declared archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError

DOCUMENTATION = r"""
name: s3_archive_problems
short_description: What is wrong with a declared archive
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges the configuration of the command C(fleetdata) on the controller, as the command itself does, before anything is written to a host.
options:
  _input:
    description: The configuration, as the role P(steady.fleet.s3_archive#role) makes it of its variables.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse an archive that cannot work
  ansible.builtin.assert:
    that: my_archive | steady.fleet.s3_archive_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence that names the setting, what is wrong with it and what it may be. An empty list is good.
  type: list
  elements: str
"""


def s3_archive_problems(configuration: Mapping[str, Any]) -> list[str]:
    """Return one sentence for what is wrong."""
    try:
        config.parse(configuration, "the archive that the variables s3_archive_* declare")
    except ConfigurationError as error:
        return [str(error)]
    return []


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"s3_archive_problems": s3_archive_problems}
