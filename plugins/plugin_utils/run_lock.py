# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of the run lock: it says who runs, and sees whether a run that it started itself is still there."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible_collections.steady.fleet.plugins.module_utils.host_lock import BREAK_VARIABLE


def execute(
    action: ActionBase, *, module: str, arguments: Mapping[str, Any], task_vars: Mapping[str, Any], run: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Execute a module whose call may write, under this run's name.

    Where the host is leased to another run of this very controller, whether that run lives can be seen here: a dead one's lease ends at once.
    ``run`` is this run's identity where the calling process is not one of its workers.
    """
    run = run or identity(task_vars)

    def call(**more: Any) -> dict[str, Any]:
        result: dict[str, Any] = action._execute_module(module_name=module, module_args={**arguments, "run": {**run, **more}}, task_vars=task_vars)
        return result

    result = call()
    holder = result.get("holder")
    if holder:
        result = call(patient=True) if _alive(holder["process"]) else call(ended=holder["token"])
    return result


def identity(task_vars: Mapping[str, Any]) -> dict[str, str]:
    """Who runs what from where. The token is of this ansible-playbook process: its private folder, which all its workers share."""
    controller = socket.gethostname()
    token = hashlib.sha256(f"{controller}:{C.DEFAULT_LOCAL_TMP}".encode()).hexdigest()[:8]
    return {
        "token": token,
        "user": str(task_vars.get("awx_user_name") or _user()),
        "controller": controller,
        "process": _process(os.getppid()),
        "play": str(task_vars.get("ansible_play_name", "")),
        "breaks": str(task_vars.get(BREAK_VARIABLE, "")),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's numeric user has no name
        return f"user {os.getuid()}"


def _process(pid: int) -> str:
    """One process for certain: namespace, number and start; empty where /proc does not say, which is to wait for every lease."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            started = stream.read().rpartition(")")[2].split()[19]
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            boot = stream.read().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')} {pid} {started}"
    except OSError:
        return ""


def _alive(process: str) -> bool:
    """Whether it lives. Of a process in another boot or container nothing is known here, so it counts as alive."""
    boot, namespace, pid, _ = process.split(" ")
    mine = _process(os.getpid()).split(" ")
    return mine[:2] != [boot, namespace] or _process(int(pid)) == process
