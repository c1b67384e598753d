# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of release_gate: it says who runs, for the host's run lock."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.steady.fleet.plugins.plugin_utils import run_lock


class ActionModule(ActionBase):  # type: ignore[misc]
    """Call the module under this run's name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make the one call."""
        super().run(tmp, task_vars)
        result = run_lock.execute(self, module="steady.fleet.release_gate", arguments=self._task.args, task_vars=task_vars or {})
        return {key: value for key, value in result.items() if key not in ("invocation", "holder")}
