# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages by Ansible's own modules, called only when the host said that something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

CACHE_SECONDS = 3600
LOCK_SECONDS = 300
"""A first boot installs packages of its own for a while."""


def install_missing(action: ActionBase, *, manager: str, packages: Sequence[str], task_vars: Mapping[str, Any], declared_by: str = "this task") -> None:
    """Install packages with apt or dnf, never upgrading one that is there.

    Args:
        action: the action plugin that asks.
        manager: ``apt`` or ``dnf``, as the host's probe said.
        packages: names that are missing.
        task_vars: the task's variables.
        declared_by: whose declaration asks for them, for the error text.

    Raises:
        AnsibleActionFail: naming the packages and what the package manager said.
    """
    if packages:
        _run(action, manager, {"name": list(packages), "state": "present"}, "install", task_vars, declared_by)


def remove_present(action: ActionBase, *, manager: str, packages: Sequence[str], task_vars: Mapping[str, Any], declared_by: str = "this task") -> None:
    """Remove packages that are there; as ``install_missing``."""
    if packages:
        _run(action, manager, {"name": list(packages), "state": "absent"}, "remove", task_vars, declared_by)


def _run(action: ActionBase, manager: str, arguments: dict[str, Any], verb: str, task_vars: Mapping[str, Any], declared_by: str) -> None:
    result = _call(action, manager, arguments, task_vars, cache_seconds=CACHE_SECONDS)
    if manager == "apt" and "dpkg was interrupted" in str(result.get("msg")):
        _finish_interrupted(action, task_vars)
        result = _call(action, manager, arguments, task_vars, cache_seconds=CACHE_SECONDS)
    if manager == "apt" and "No package matching" in str(result.get("msg")):
        result = _call(action, manager, arguments, task_vars, cache_seconds=0)  # a fresh image has lists that are new and empty
    if result.get("failed"):
        # dnf names the packages that it does not know in a list of its own.
        said = ": ".join(str(line).strip().rstrip(".") for line in [result.get("msg", ""), *result.get("failures", [])])
        raise AnsibleActionFail(
            f"cannot {verb} {', '.join(arguments['name'])} (declared by {declared_by}) with {manager}: {said}. Check the names in the declaration and"
            f" that the host reaches its package repository; a role's README says what it does without. What ran before still runs."
        )


def _finish_interrupted(action: ActionBase, task_vars: Mapping[str, Any]) -> None:
    """Configure what a killed installation has left unpacked, as apt asks for. Configuration files that were edited stay as they are."""
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"]
    result = action._execute_module(module_name="ansible.builtin.command", module_args={"argv": command}, task_vars=task_vars)
    if result.get("failed"):
        said = " | ".join(str(result.get("stderr") or result.get("msg", "")).strip().splitlines()[-3:])
        raise AnsibleActionFail(
            f"an earlier installation was killed on this host, and dpkg --configure -a cannot finish it: {said}. Correct that on the host, then run again."
        )


def _call(action: ActionBase, manager: str, arguments: dict[str, Any], task_vars: Mapping[str, Any], *, cache_seconds: int) -> dict[str, Any]:
    arguments = {**arguments, "lock_timeout": LOCK_SECONDS}
    if manager == "apt":
        arguments["install_recommends"] = False
        if arguments["state"] == "present":
            arguments |= {"update_cache": True, "cache_valid_time": cache_seconds}
    result: dict[str, Any] = action._execute_module(module_name=f"ansible.builtin.{manager}", module_args=arguments, task_vars=task_vars)
    return result
