# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove the current release and its environment healthy, or return to what was proved last; go back when a person asks for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.steady.fleet.plugins.module_utils import release_environment, release_store
from ansible_collections.steady.fleet.plugins.module_utils.host_state import files, manifest
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Check, Verdict, probe, wait_until_healthy

ReleaseError = release_store.ReleaseError
HOPELESS_RESTARTS = 3


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
    """``action``: ``prove``, ``roll_back`` (to the release ``back_to`` and its environment), ``restore`` (the environment alone), ``fail`` or ``ask``."""

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


def plan(store: release_store.Store, verdict: Verdict, *, keep: int, new_environment: bool = False) -> Plan:
    """Decide, from what lies on the host and what the probe saw. Pure.

    ``new_environment``: the environment is not the one that the current release was proved with.
    """
    current = store.current
    if verdict.healthy:
        prune = tuple(release_store.plan_prune(store, keep=keep))
        return Plan("prove", release=current, prune=prune)
    record = store.records.get(current or "")
    back = release_store.way_back(store)
    if record is not None and not record.proved and back is not None:
        return Plan("roll_back", release=current, back_to=back)
    if record is not None and record.proved and new_environment:
        return Plan("restore", release=current, back_to=current)
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


def _restarts(units: Sequence[str]) -> int:
    """How often systemd has restarted these units by itself since they were started."""
    shown = _systemctl("show", "--property=NRestarts", "--", *units) if units else ""
    return sum(int(line.split("=", 1)[1]) for line in shown.splitlines() if line.startswith("NRestarts="))


def _verdict(gate: Gate, *, once: bool = False) -> Verdict:
    def veto() -> Verdict | None:
        return unit_verdict(gate.units)

    def of_unit(verdict: Verdict) -> Verdict:
        """Why nothing answers is said best by the unit: systemd keeps the port open while it is down."""
        return veto() or verdict if verdict.kind in ("refused", "timeout", "truncated", "unreachable") else verdict

    if gate.health is None:
        return veto() or Verdict("healthy", f"{len(gate.units)} unit(s) running; no health address declared")
    if once:
        verdict = probe(gate.health)
        return (veto() or verdict) if verdict.healthy else of_unit(verdict)
    before = _restarts(gate.units)
    # Waiting longer would let systemd reach its start limit and close the port, and with it the requests that wait there.
    return of_unit(wait_until_healthy(gate.health, also=veto, hopeless=lambda: _restarts(gate.units) - before >= HOPELESS_RESTARTS))


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


def _environment(gate: Gate) -> bytes | None:
    return release_store.read_file(gate.environment_file) if gate.environment_file else None


def _is_new(gate: Gate, store: release_store.Store) -> bool:
    """Whether the environment is another than the one that the current release was proved with."""
    proved = release_store.environment_of(gate.root, store.current) if store.current in store.records else None
    return proved is not None and proved != _environment(gate)


def _switch(gate: Gate, release: str, environment: bytes | None) -> None:
    """Put a release and its environment in place, and restart what runs them."""
    written = [os.path.join(gate.root, "current"), *([gate.environment_file] if gate.environment_file else [])]
    with manifest.owing(gate.scope, restarts=gate.units, staged=map(files.staged_path, written)):  # a kill here leaves the restart to the next converge
        if environment is not None and gate.environment_file and environment != _environment(gate):
            files.write_atomically(gate.environment_file, environment, mode=0o600)
        release_store.switch(gate.root, release)
        if gate.units:
            # One that died too often would not be started again; where systemd gave up, the socket is closed, too.
            _systemctl("reset-failed", "--", *gate.units, *(unit.rpartition(".")[0] + ".socket" for unit in gate.units))
            _systemctl("restart", "--", *gate.units)


def _rejected(gate: Gate, kind: str, why: str) -> release_store.Rejection:
    text = (_environment(gate) or b"").decode("utf-8", errors="replace")
    return release_store.Rejection(kind, release_store.now(), why, release_environment.digest(text))


def _roll_back(gate: Gate, decided: Plan, verdict: Verdict) -> str:
    journal = _journal(gate)
    back, release = decided.back_to or "", decided.release or ""
    rejection = _rejected(gate, release_store.FAILED, verdict.detail)
    _switch(gate, back, release_store.environment_of(gate.root, back))
    after = _verdict(gate)
    if after.healthy:
        release_store.reject(gate.root, release, rejection)
    with_it = "with the environment that it was proved with " if decided.action == "restore" else ""
    now = (
        f"Release {back} runs again {with_it}and is healthy."
        if after.healthy
        else f"Release {back}, proved before, was put back {with_it}but is not healthy either ({after.detail}): look at its data and host rather than its code."
    )
    new, correct = (" with its new environment", "environment") if decided.action == "restore" else ("", "release")
    failed = f"{gate.host}: release {release} did not become healthy{new}: {_asked(gate)}: {verdict.detail}"
    return f"{failed}. {now} Correct the {correct}, then run again.\n{journal}"


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
    decided = plan(store, verdict, keep=gate.keep, new_environment=_is_new(gate, store))
    changed = bool(decided.prune) or decided.action in ("roll_back", "restore")
    back = f"would return to {decided.back_to} and its environment"
    would = {"prove": "healthy", "roll_back": back, "restore": back, "fail": "would fail"}[decided.action]
    return Result(changed, verdict, decided, f"{_asked(gate)}: {verdict.detail}; {would}")


def ask(gate: Gate, *, once: bool = False) -> Result:
    """What the probe sees; no release is proved or left. Raises :class:`ReleaseError` when it is not healthy, but not where it is asked ``once``."""
    verdict = _verdict(gate, once=once)
    if not verdict.healthy and not once:
        raise ReleaseError(f"{gate.host}: {_asked(gate)}: {verdict.detail}. journalctl {' '.join(f'-u {unit}' for unit in gate.units)} tells more")
    return Result(False, verdict, Plan("ask"), f"{_asked(gate)}: {verdict.detail}")


def is_settled(gate: Gate) -> bool:
    """Whether :func:`run` writes nothing whatever it sees: the release was proved, as the last one, and none is to be removed."""
    store = release_store.read(gate.root)
    record = store.records.get(store.current or "")
    if record is None or record.id in store.rejected or not release_store.is_proved_last(store, record.id):
        return False
    return release_store.environment_of(gate.root, record.id) == _environment(gate) and not release_store.plan_prune(store, keep=gate.keep)


def run(gate: Gate) -> Result:
    """Prove or return. Raises :class:`ReleaseError` with the whole story when the release is not healthy."""
    if release_store.read(gate.root).current is None:
        raise ReleaseError(
            f"{gate.host}: no release is current under {gate.root}, so there is nothing to prove; deploy one first (the role's main entry point)"
        )
    verdict = _verdict(gate)
    store = release_store.read(gate.root)
    decided = plan(store, verdict, keep=gate.keep, new_environment=_is_new(gate, store))
    if decided.action in ("roll_back", "restore"):
        raise ReleaseError(_roll_back(gate, decided, verdict))
    if decided.action == "fail" or decided.release not in store.records:
        raise ReleaseError(_give_up(gate, store, verdict))
    release_store.prove(store, decided.release or "", environment=_environment(gate))
    release_store.remove(gate.root, decided.prune)
    return Result(bool(decided.prune), verdict, decided, f"{_asked(gate)}: {verdict.detail}")


def plan_way_back(gate: Gate, store: release_store.Store) -> Plan:
    """To which release a person's roll-back leads. Raises :class:`ReleaseError` where there is none. Pure."""
    if store.current is None:
        raise ReleaseError(f"{gate.host}: nothing is deployed under {gate.root}, so there is nothing to go back from; run site.yml first")
    back = release_store.way_back(store)
    if back is None:
        raise ReleaseError(
            f"{gate.host}: there is no way back from release {store.current}: no other release that lies under {gate.root} was ever proved healthy, or it was"
            " withdrawn. Nothing was changed. Deploy an older commit with site.yml instead"
        )
    return Plan("roll_back", release=store.current, back_to=back)


def roll_back(gate: Gate, *, dry: bool = False) -> Result:
    """Go back to the release proved last and withdraw the current one. Raises :class:`ReleaseError` where that is impossible or not healthy."""
    decided = plan_way_back(gate, release_store.read(gate.root))
    if dry:
        return Result(True, Verdict("healthy", "not asked"), decided, f"{gate.host}: would go back from release {decided.release} to {decided.back_to}")
    release, back = decided.release or "", decided.back_to or ""
    before = _environment(gate)
    rejection = _rejected(gate, release_store.WITHDRAWN, "rolled back by hand")
    _switch(gate, back, _older(gate, back, before))
    verdict = _verdict(gate)
    if not verdict.healthy:
        journal = _journal(gate)
        _switch(gate, release, before)
        raise ReleaseError(
            f"{gate.host}: release {back}, proved before, is not healthy now: {_asked(gate)}: {verdict.detail}. Release {release} was put back,"
            f" with its environment.\n{journal}"
        )
    release_store.reject(gate.root, release, rejection)
    release_store.prove(release_store.read(gate.root), back, environment=_environment(gate))
    return Result(True, verdict, decided, f"{gate.host}: went back from release {release} to {back}, which is healthy ({verdict.detail})")


def _older(gate: Gate, release: str, current: bytes | None) -> bytes | None:
    """The environment that a release was proved with, with today's secrets."""
    older = release_store.environment_of(gate.root, release)
    if older is None or current is None:
        return older
    return release_environment.with_current_secrets(older.decode(), current.decode(), secret=gate.secret_names).encode()
