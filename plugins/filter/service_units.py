# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared services, as host_state takes units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.service_unit import unit_declarations

DOCUMENTATION = r"""
name: service_units
short_description: The units of declared services
version_added: 0.1.0
author: The steady.fleet developers (@steady-fleet)
description:
  - Builds each service's command and environment, quoted as systemd reads them, for the unit template of the role P(steady.fleet.systemd_service#role).
options:
  _input:
    description: Services as in C(systemd_service_units) of the role.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Converge the services of a host
  steady.fleet.host_state:
    scope: systemd_service
    units: "{{ systemd_service_units | steady.fleet.service_units }}"
"""

RETURN = r"""
_value:
  description: Units for the option C(units) of M(steady.fleet.host_state).
  type: list
  elements: dict
"""


def service_units(units: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the services as units of host_state."""
    return unit_declarations(units)


class FilterModule:
    """Offers the filter to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"service_units": service_units}
