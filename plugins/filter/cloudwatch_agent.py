# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``cloudwatch_agent_config`` and ``cloudwatch_agent_problems``."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible import constants as C
from ansible_collections.steady.fleet.plugins.plugin_utils import cloudwatch, verdicts


def cloudwatch_agent_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agent's configuration for a role's settings."""
    return cloudwatch.agent_config(settings)


def cloudwatch_agent_problems(settings: Mapping[str, Any], schema: str) -> list[str]:
    """Return one sentence for each thing that is wrong with a role's settings."""
    return list(_problems(json.dumps(settings, sort_keys=True), schema))


@functools.lru_cache(maxsize=8)
def _problems(settings: str, schema: str) -> tuple[str, ...]:
    """The schema's judgement takes 0.1 s on the controller, which settings that were judged good before are spared."""
    folder = os.path.join(os.path.dirname(C.CONFIG_FILE) if C.CONFIG_FILE else os.getcwd(), ".cache", "steady-fleet", "good")
    name = verdicts.digest([settings.encode(), *map(_content, (schema, cloudwatch.__file__))])
    if verdicts.is_good(folder, name):
        return ()
    problems = tuple(cloudwatch.config_problems(json.loads(settings), schema_path=schema))
    if not problems:
        verdicts.keep_good(folder, name)
    return problems


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "cloudwatch_agent_config": cloudwatch_agent_config,
            "cloudwatch_agent_problems": cloudwatch_agent_problems,
        }
