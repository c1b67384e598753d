"""Runs on the host: the module's own core, the observer and the drifts, in one process that answers JSON lines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import traceback
from typing import Any

import drift_observer
from ansible_collections.steady.fleet.plugins.module_utils.host_state import guard
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from ansible_collections.steady.fleet.plugins.modules import host_state


class Call:
    """What AnsibleModule gives to ``converge``: parameters, whether this is a check, and a place for warnings."""

    def __init__(self, *, scopes: list[dict[str, Any]], check: bool) -> None:
        empty = dict.fromkeys([*host_state.SCOPE, "gathered"])
        self.params = {**empty, "scopes": scopes, "phase": "apply"}
        self.check_mode = check
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def converge(*, scopes: list[dict[str, Any]], check: bool) -> dict[str, Any]:
    call = Call(scopes=scopes, check=check)
    try:
        result = host_state.converge(call)  # type: ignore[arg-type]
        if result.get("unproved") and not check:
            guard.confirm(token=result["unproved"]["token"], way="pipe")  # what needs a proof waits for one; tests/lockout is about that
        return {**result, "warnings": call.warnings}
    except StateError as error:
        return {"failed": str(error)}


def perform(*, commands: list[list[str]]) -> str:
    """Run a drift's commands; one that fails is the test's own mistake."""
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    return ""


def settle(*, units: list[str]) -> str:
    """Wait until nothing is on its way to another state."""
    for _ in range(100):
        shown = drift_observer.unit_states(units)
        if not any(unit["active"] in ("activating", "deactivating", "reloading") for unit in shown.values()):
            return ""
        time.sleep(0.1)
    return f"not settled: {shown}"


COMMANDS = {"converge": converge, "perform": perform, "snapshot": drift_observer.snapshot, "settle": settle}


def answer(line: str) -> dict[str, Any]:
    request = json.loads(line)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return {"answer": COMMANDS[request["command"]](**request["arguments"])}
    except Exception as error:  # the caller must see any mistake
        words = getattr(error, "stderr", "") or ""
        return {"error": f"{traceback.format_exc()}{words}"}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(line)) + "\n")
        sys.stdout.flush()
