"""Does each contestant compare anything? One drift of each kind is made on a host; each must notice and repair them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.converge.contestants import Contestant
from benchmarks.converge.hosts import Host
from benchmarks.converge.state import UNIT_DIRECTORY, fingerprint
from benchmarks.converge.trial import Bench


def make(host: Host, state: Mapping[str, Any]) -> int:
    """Content, mode, owner, a missing file, a link, a stopped unit, a user's shell; returns how many."""
    inert = [item["path"] for item in state["files"] if not item["path"].startswith((UNIT_DIRECTORY, "/opt", "/etc/ssh"))]
    content, mode, owner, missing, *_ = inert
    unit = next(unit["name"] for unit in state["units"] if unit.get("state") == "started" and unit["name"].endswith(".service"))
    drifts = [
        ["tee", "--append", content],
        ["chmod", "0606", mode],
        ["chown", "games", owner],
        ["rm", missing],
        ["ln", "-sfn", "/nowhere", state["links"][0]["path"]],
        ["systemctl", "stop", unit],
        ["usermod", "--shell", "/bin/sh", state["users"][0]["name"]],
    ]
    for drift in drifts:
        host.run(*drift, stdin="# drift\n")
    return len(drifts)


def check(*, bench: Bench, contestant: Contestant, state: Mapping[str, Any]) -> str:
    """Drift every host, run the contestant and compare; returns a complaint, or nothing."""
    before = [fingerprint(host, state) for host in bench.hosts]
    made = sum(make(host, state) for host in bench.hosts)
    if any(fingerprint(host, state) == whole for host, whole in zip(bench.hosts, before, strict=True)):
        return "the drifts cannot be seen"
    trial, output = bench.run(contestant, round_trip=0.0)
    if trial.changed is None:
        return f"{contestant.name} failed on a drifted host:\n{output[-3000:]}"
    after = [fingerprint(host, state) for host in bench.hosts]
    if after != before:
        return f"{contestant.name} left drifts in place: {_differences(before[0], after[0])}"
    return "" if trial.changed else f"{contestant.name} repaired {made} drifts but reported no change"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    paths = [path for path in before["paths"] if before["paths"][path] != after["paths"].get(path)]
    return paths + [kind for kind in ("units", "accounts", "packages") if before[kind] != after[kind]]
