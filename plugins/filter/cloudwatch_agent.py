# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``cloudwatch_agent_config`` and ``cloudwatch_agent_problems``."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.plugin_utils.cloudwatch import agent_config, config_problems


def cloudwatch_agent_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agent's configuration for a role's settings."""
    return agent_config(settings)


def cloudwatch_agent_problems(settings: Mapping[str, Any], schema: str) -> list[str]:
    """Return one sentence for each thing that is wrong with a role's settings."""
    return list(_problems(json.dumps(settings, sort_keys=True), schema))


@functools.lru_cache(maxsize=8)  # an assertion asks twice: for its condition and for its message
def _problems(settings: str, schema: str) -> tuple[str, ...]:
    return tuple(config_problems(json.loads(settings), schema_path=schema))


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "cloudwatch_agent_config": cloudwatch_agent_config,
            "cloudwatch_agent_problems": cloudwatch_agent_problems,
        }
