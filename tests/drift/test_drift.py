"""Check mode is an oracle: on drifted hosts, what a check predicts, what a run applies and what an independent observer sees are the same."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import drift_sets as sets
import pytest
from drift_catalogue import Declared, Drift
from drift_host import Host, Json

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(2400)]


@dataclass
class Bench:
    """One host and what is declared for it."""

    host: Host
    declared: Declared
    retired: list[str] = field(default_factory=list)  # units that a drift's earlier declaration had
    left: list[str] = field(default_factory=list)  # paths that a drift makes and a run must leave alone
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def snapshot(self) -> Json:
        self.host.ask("settle", units=self.declared.units())
        paths, units = self.declared.paths() + self.left, self.declared.units() + self.retired
        answer: Json = self.host.ask("snapshot", paths=paths, units=units, packages=False, others=self.declared.started_by_others())
        return answer

    def converge(self, *, check: bool, scopes: list[Json] | None = None) -> Json:
        answer: Json = self.host.ask("converge", scopes=scopes or list(self.declared.scopes), check=check)
        return answer

    def perform(self, *commands: list[str]) -> None:
        self.host.ask("perform", commands=list(commands))

    def declare_before(self, drift: Drift) -> None:
        """Converge with what was declared once, so that it is there and remembered."""
        more = drift.declared_before
        if more:
            scopes = [_joined(scope, more) if scope["scope"] == more["scope"] else scope for scope in self.declared.scopes]
            result = self.converge(check=False, scopes=scopes)
            assert "failed" not in result, result

    def try_out(self, drifts: tuple[Drift, ...]) -> None:
        """One trial; what is not as promised is written down and the host is put right."""
        name = " + ".join(map(str, drifts))
        self.perform(["systemctl", "reset-failed"])
        self.retired = [unit["name"] for drift in drifts for unit in drift.declared_before.get("units", ())]
        self.left = [path for drift in drifts for path in drift.leaves]
        whole = self.snapshot()
        for drift in drifts:
            self.declare_before(drift)
            self.perform(*drift.commands)
        complaints = self._refused() if any(drift.refused for drift in drifts) else self._repaired(drifts, whole)
        self.problems += [f"{self.host.name}: {name}: {complaint}" for complaint in complaints]
        for drift in drifts:
            self.perform(*drift.cleanup)
        if complaints or any(drift.cleanup for drift in drifts):
            self.converge(check=False)
        self.counts["refused" if any(drift.refused for drift in drifts) else "double" if len(drifts) > 1 else "single"] += 1

    def _repaired(self, drifts: tuple[Drift, ...], whole: Json) -> list[str]:
        drifted = self.snapshot()
        check = self.converge(check=True)
        after_check = self.snapshot()
        run = self.converge(check=False)
        if "failed" in check or "failed" in run:
            return [f"check: {check.get('failed', 'passes')} | run: {run.get('failed', 'passes')}"]
        repaired = self.snapshot()
        predicted, applied, seen = sets.planned(check["plan"]), sets.planned(run["plan"]), sets.observed(drifted, repaired)
        complaints = sets.unequal(predicted, applied, seen) + _silent(check)
        if drifted != after_check:
            complaints.append(f"the check changed the host: {sets.differences(drifted, after_check)}")
        different = sets.differences(sets.lasting(whole, without=self.left), sets.lasting(repaired, without=self.left))
        different = [line for line in different if line.split(": ")[0] not in {drift.stays for drift in drifts}]
        if different:
            complaints.append(f"not as before: {different}")
        complaints += [f"{path} was not declared and is gone" for path in self.left if path not in repaired["paths"]]
        again = self.converge(check=True)
        if again.get("failed") or again["plan"]:
            complaints.append(f"a second check still predicts {again.get('failed') or again['plan']}")
        return complaints

    def _refused(self) -> list[str]:
        """What may hold somebody's data is not replaced: check and run say the same, and nothing is touched."""
        before = self.snapshot()
        check, run = self.converge(check=True), self.converge(check=False)
        complaints = [] if check.get("failed") and check.get("failed") == run.get("failed") else [f"check: {check} | run: {run}"]
        different = sets.differences(before, self.snapshot())
        return complaints + ([f"something was changed: {different}"] if different else [])


def _joined(scope: Json, more: Json) -> Json:
    return {**scope, **{kind: [*(scope.get(kind) or ()), *items] for kind, items in more.items() if kind != "scope"}}


def _silent(check: Json) -> list[str]:
    """Whatever changes is named in the diff."""
    text = str(check["diff"])
    return [f"the diff does not name {a['name']}" for a in check["plan"] if a["name"] not in text]


def series(drifts: list[Drift], *, length: int, random: random.Random) -> list[tuple[Drift, ...]]:
    """Every single drift is somewhere in it before one comes twice; every third trial is a double."""
    trials: list[tuple[Drift, ...]] = []
    supply: list[Drift] = []
    while len(trials) < length:
        supply = supply or random.sample(drifts, len(drifts))
        first = supply.pop()
        partner = next((drift for drift in reversed(supply) if not drift.touches(first) and not drift.refused), None)
        if len(trials) % 3 == 2 and partner is not None and not first.refused:
            supply.remove(partner)
            trials.append((first, partner))
        else:
            trials.append((first,))
    return trials


def test_f67_predicted_equals_applied_equals_observed(benches: list[Bench], trials: list[list[tuple[Drift, ...]]], summary: list[str], seed: int) -> None:
    def go(bench: Bench, mine: list[tuple[Drift, ...]]) -> None:
        for drifts in mine:
            bench.try_out(drifts)

    with ThreadPoolExecutor(len(benches)) as pool:
        for future in [pool.submit(go, bench, mine) for bench, mine in zip(benches, trials, strict=True)]:
            future.result()
    counts = sum((bench.counts for bench in benches), Counter[str]())
    problems = [problem for bench in benches for problem in bench.problems]
    wrong = len({problem.split(": ", 2)[1] for problem in problems})
    summary.append(
        f"{sum(counts.values())} random drifts ({counts['single']} single, {counts['double']} double, {counts['refused']} refused) on {len(benches)} hosts,"
        f" seed {seed}: predicted = applied = observed in {sum(counts.values()) - wrong}"
    )
    assert not problems, f"seed {seed} (DRIFT_SEED):\n" + "\n".join(problems)
