# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what our roles declare, as the task that hands it over received it."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: declared
type: aggregate
short_description: Record the arguments of the roles' modules
description: Appends one JSON object a task to the file that the environment variable BENCHMARK_DECLARED names.
"""
MODULES = ("steady.fleet.host_state", "steady.fleet.python_release", "steady.fleet.release_gate")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Appends to the file that BENCHMARK_DECLARED names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "declared"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """Record one finished task."""
        if result.task.action in MODULES:
            record = {"host": result.host.name, "module": result.task.action, "arguments": result.task_fields["args"], "result": result.result}
            with open(os.environ["BENCHMARK_DECLARED"], "a", encoding="utf-8") as stream:
                stream.write(json.dumps(record, default=str) + "\n")
