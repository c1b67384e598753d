# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what every task says, and what the roles declared for the call at the end of the play."""

from __future__ import annotations

import glob
import json
import os
import shutil
from typing import Any

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: oracle
type: aggregate
short_description: Record tasks and declarations
description: Writes tasks.jsonl and a copy of every gathered declaration into the directory that DRIFT_RECORDS names.
"""
KEPT = ("plan", "warnings", "msg", "release", "path", "removed", "diff")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Appends to files below DRIFT_RECORDS."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "oracle"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Keep the declarations before the task that converges them takes them away."""
        if task.action == "steady.fleet.host_state" and task.args.get("gathered"):
            for path in glob.glob(os.path.join(C.DEFAULT_LOCAL_TMP, "host-state-*.json")):
                shutil.copy(path, os.environ["DRIFT_RECORDS"])

    def v2_runner_on_ok(self, result: Any) -> None:
        """Record a task that went well."""
        self._record(result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Record a task that failed."""
        self._record(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Record a task that was skipped."""
        self._record(result, "skipped")

    def _record(self, result: Any, status: str) -> None:
        values = result.result
        record = {
            "host": result.host.name,
            "task": result.task.get_name(),
            "action": result.task.action,
            "status": status,
            "changed": bool(values.get("changed")),
            **{key: values[key] for key in KEPT if key in values},
        }
        with open(os.path.join(os.environ["DRIFT_RECORDS"], "tasks.jsonl"), "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, default=str) + "\n")
