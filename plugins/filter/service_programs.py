# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that declared services are started with, as host_state takes files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.service_unit import host_programs

DOCUMENTATION = r"""
name: service_programs
short_description: The programs that declared services are started with
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Names the files of the role P(steady.fleet.systemd_service#role) that the services need on the host.
options:
  _input:
    description: Services as in C(systemd_service_units) of the role.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Converge the programs of a host's services
  steady.fleet.host_state:
    scope: systemd_service
    files: "{{ systemd_service_units | steady.fleet.service_programs }}"
"""

RETURN = r"""
_value:
  description: Files for the option C(files) of M(steady.fleet.host_state).
  type: list
  elements: dict
"""


def service_programs(units: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the programs as files of host_state."""
    return host_programs(units)


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"service_programs": service_programs}
