# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a gate has anything to do, asked from within another call: a module call of its own costs the host 0.3 s."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils import command_gate, release_gate, release_store
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Check, validate


def is_settled(request: Mapping[str, Any]) -> bool:
    """Whether the gate with these arguments would pass now and write nothing. What it would refuse is not settled: it says so better."""
    if request.get("command"):
        return _is_command_settled(request)
    if request.get("declined"):
        return False
    try:
        gate = _gate(request)
    except (TypeError, ValueError, KeyError):
        return False
    result = release_gate.check(gate)
    passes = result.verdict.healthy and not result.changed and result.plan.release == release_store.read(gate.root).current
    return passes and release_gate.is_settled(gate)


def _gate(request: Mapping[str, Any]) -> release_gate.Gate:
    health = Check(**request["health"]) if request.get("health") else None
    if health is not None:
        validate(health)
    return release_gate.Gate(
        root=request.get("root") or f"/opt/{request['name']}",
        host=request.get("host", ""),
        scope=f"python_app/{request['name']}",
        units=request.get("units") or [],
        keep=int(request.get("keep", 3)),
        health=health,
        release=request.get("release"),
        environment_file=request.get("environment_file"),
    )


def _is_command_settled(request: Mapping[str, Any]) -> bool:
    try:
        gate = command_gate.Gate(**{name: value for name, value in request.items() if name != "host"})
        return command_gate.is_settled(gate, now=time.time())
    except (TypeError, ValueError):
        return False
