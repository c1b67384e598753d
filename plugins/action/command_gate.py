# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of command_gate: in a play whose roles only declare, the call that converges them passes it."""

from __future__ import annotations

from typing import Any

from ansible import constants as C
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.steady.fleet.plugins.plugin_utils import gathered


class ActionModule(ActionBase):  # type: ignore[misc]
    """Declare the gate, or call the module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Keep the arguments for that call; or make the one of this task."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        if boolean(variables.get("host_state_gather", False)):
            gathered.add(folder=C.DEFAULT_LOCAL_TMP, host=str(variables["inventory_hostname"]), gates=[dict(self._task.args)])
            return {"changed": False}
        result: dict[str, Any] = self._execute_module(module_name="steady.fleet.command_gate", module_args=self._task.args, task_vars=variables)
        return result
