# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with declared services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.service_unit import unit_problems

DOCUMENTATION = r"""
name: service_problems
short_description: What is wrong with declared services
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Judges names, addresses, ports and paths on the controller, before anything is written to a host.
  - Refuses a service that listens on every address unless C(public_reason) says why.
options:
  _input:
    description: Services as in C(systemd_service_units) of the role P(steady.fleet.systemd_service#role).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse services that cannot work
  ansible.builtin.assert:
    that: systemd_service_units | steady.fleet.service_problems | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for each problem. An empty list is good.
  type: list
  elements: str
"""


def service_problems(units: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each thing that is wrong."""
    return unit_problems(units)


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"service_problems": service_problems}
