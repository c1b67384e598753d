# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove the current release healthy, or return to the one proved last."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.steady.fleet.plugins.module_utils import release_environment, release_store
from ansible_collections.steady.fleet.plugins.module_utils.host_state import files, manifest
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Check, Verdict, probe, wait_until_healthy

ReleaseError = release_store.ReleaseError


@dataclass(frozen=True)
class Gate:
    """What to prove. Without ``health`` the units' own state is the proof. ``scope`` is whose converge switches to a release."""

    root: str
    scope: str
    host: str
    units: Sequence[str]
    keep: int
    health: Check | None = None
    release: str | None = None
    environment_file: str | None = None
    secret_names: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """``action`` is ``prove``, ``roll_back`` or ``fail``."""

    action: str
    release: str | None = None
    back_to: str | None = None
    prune: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    changed: bool
    verdict: Verdict
    plan: Plan
    message: str = ""


def plan(store: release_store.Store, verdict: Verdict, *, keep: int) -> Plan:
    """Decide, from what lies on the host and what the probe saw. Pure."""
    current = store.current
    if verdict.healthy:
        prune = tuple(release_store.plan_prune(store, keep=keep))
        return Plan("prove", release=current, prune=prune)
    record = store.records.get(current or "")
    back = release_store.way_back(store)
    if record is not None and not record.proved and back is not None:
        return Plan("roll_back", release=current, back_to=back)
    return Plan("fail", release=current)


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False, timeout=300)
    return done.stdout


def unit_verdict(units: Sequence[str]) -> Verdict | None:
    """A veto when a unit is not running: then whoever answers on its port is somebody else."""
    for unit in units:
        shown = _systemctl("show", "--property=LoadState,ActiveState,SubState,Result", "--", unit)
        state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        if state.get("ActiveState") != "active":
            loaded = "" if state.get("LoadState") == "loaded" else f", {state.get('LoadState', 'unknown')}"
            words = f"{state.get('ActiveState')}/{state.get('SubState')}, result {state.get('Result')}{loaded}"
            return Verdict("unit", f"unit {unit} is not running ({words})")
    return None


def _verdict(gate: Gate, *, once: bool = False) -> Verdict:
    def veto() -> Verdict | None:
        return unit_verdict(gate.units)

    if gate.health is None:
        return veto() or Verdict("healthy", f"{len(gate.units)} unit(s) running; no health address declared")
    if once:
        verdict = probe(gate.health)
        return (veto() or verdict) if verdict.healthy else verdict
    return wait_until_healthy(gate.health, also=veto)


def _journal(gate: Gate) -> str:
    """The last lines of the units, for a person, without secrets."""
    environment: dict[str, str] = {}
    if gate.environment_file:
        try:
            with open(gate.environment_file, encoding="utf-8") as stream:
                environment = release_environment.parse(stream.read())
        except OSError:
            # Without the values nothing could be masked, so nothing is shown.
            return f"(not shown: {gate.environment_file} cannot be read, so secrets could not be masked)"
    failing = [unit for unit in gate.units if unit_verdict([unit])] or list(gate.units)
    parts = []
    for unit in failing:
        argv = ["journalctl", "--unit", unit, "--lines", "20", "--no-pager", "--quiet", "--output", "short-iso"]
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, timeout=60)
        parts.append(f"Last lines of {unit}:\n{done.stdout.rstrip() or '(none)'}")
    return release_environment.mask("\n".join(parts), environment, secret=gate.secret_names)


def _asked(gate: Gate) -> str:
    return gate.health.url if gate.health else ", ".join(gate.units)


def _roll_back(gate: Gate, decided: Plan, verdict: Verdict) -> str:
    journal = _journal(gate)
    back = decided.back_to or ""
    link = os.path.join(gate.root, "current")
    with manifest.owing(gate.scope, restarts=gate.units, staged=[files.staged_path(link)]):  # a kill here leaves the restart to the next converge
        release_store.switch(gate.root, back)
        if gate.units:
            _systemctl("reset-failed", "--", *gate.units)  # One that died too often would not be started again.
            _systemctl("restart", "--", *gate.units)
    after = _verdict(gate)
    now = (
        f"Release {back} runs again and is healthy."
        if after.healthy
        else f"Release {back}, proved before, was put back but is not healthy either ({after.detail}): look at its environment and data rather than its code."
    )
    return (
        f"{gate.host}: release {decided.release} did not become healthy: {_asked(gate)}: {verdict.detail}. "
        f"{now} Correct the release, then run again.\n{journal}"
    )


def _give_up(gate: Gate, store: release_store.Store, verdict: Verdict) -> str:
    record = store.records.get(store.current or "")
    if record is None:
        why = f"no finished release is current under {gate.root}; run the role's main entry point first"
    elif record.proved:
        why = "this release was healthy before, so going back would not help; look at its environment, data and host"
    else:
        why = "no release has been proved on this host, so there is none to go back to"
    return f"{gate.host}: release {store.current} is not healthy: {_asked(gate)}: {verdict.detail}. Nothing was changed: {why}.\n{_journal(gate)}"


def check(gate: Gate) -> Result:
    """What :func:`run` would do, from one probe and without writing. Never raises for an unhealthy or empty host."""
    store = release_store.read(gate.root)
    pending = gate.release if gate.release != store.current else None
    if pending:
        prune = tuple(release_store.plan_prune(store, keep=gate.keep, current=pending))
        verdict = Verdict("healthy", "not asked: the release is not in place yet")
        return Result(bool(prune), verdict, Plan("prove", release=pending, prune=prune), f"would probe {_asked(gate)}")
    verdict = _verdict(gate, once=True)
    decided = plan(store, verdict, keep=gate.keep)
    changed = bool(decided.prune) or decided.action == "roll_back"
    would = {"prove": "healthy", "roll_back": f"would return to {decided.back_to}", "fail": "would fail"}[decided.action]
    return Result(changed, verdict, decided, f"{_asked(gate)}: {verdict.detail}; {would}")


def is_settled(gate: Gate) -> bool:
    """Whether :func:`run` writes nothing whatever it sees: the release was proved, as the last one, and none is to be removed."""
    store = release_store.read(gate.root)
    record = store.records.get(store.current or "")
    return record is not None and release_store.is_proved_last(store, record.id) and not release_store.plan_prune(store, keep=gate.keep)


def run(gate: Gate) -> Result:
    """Prove or return. Raises :class:`ReleaseError` with the whole story when the release is not healthy."""
    if release_store.read(gate.root).current is None:
        raise ReleaseError(
            f"{gate.host}: no release is current under {gate.root}, so there is nothing to prove; deploy one first (the role's main entry point)"
        )
    verdict = _verdict(gate)
    store = release_store.read(gate.root)
    decided = plan(store, verdict, keep=gate.keep)
    if decided.action == "roll_back":
        raise ReleaseError(_roll_back(gate, decided, verdict))
    if decided.action == "fail" or decided.release not in store.records:
        raise ReleaseError(_give_up(gate, store, verdict))
    release_store.prove(store, decided.release or "")
    release_store.remove(gate.root, decided.prune)
    return Result(bool(decided.prune), verdict, decided, f"{_asked(gate)}: {verdict.detail}")
