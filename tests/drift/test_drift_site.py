"""Check mode is an oracle for the whole of site.yml too: roles, releases and packages included, on an empty and on drifted hosts."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

import drift_sets as sets
import pytest
from drift_catalogue import UNITS, Command, Declared, Drift, catalogue
from drift_host import Host, Json, Run, Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(2400)]

# A newer version of a package that is declared, in a repository of the host's own: there to be left alone (W-14).
NEWER = "/srv/newer"
PACKAGES_FILE = "Package: logrotate\\nVersion: 99.0-1\\nArchitecture: all\\nMaintainer: nobody\\nFilename: ./logrotate.deb\\nSize: 1\\nSHA256: 0\\n"


@dataclass(frozen=True)
class Whole:
    """One check and one run of site.yml, and what an observer saw around them."""

    before: Json
    check: Run
    after_check: Json
    found: Json
    run: Run
    left: Json

    def declared(self) -> Declared:
        return Declared(self.run.scopes)


def whole(host: Host, site: Site) -> Whole:
    """Check, then run."""
    before = host.ask("snapshot", paths=[], units=[], packages=True)
    check = site.run(host, "--check")
    after_check = host.ask("snapshot", paths=[], units=[], packages=True)
    found = look(host, check)
    run = site.run(host)
    return Whole(before, check, after_check, found, run, look(host, check))


def look(host: Host, check: Run) -> Json:
    units = Declared(check.scopes).units()
    host.ask("settle", units=units)
    seen: Json = host.ask("snapshot", paths=sorted(places(check)), units=units, packages=True)
    return seen


def places(check: Run) -> set[str]:
    """All declared paths and the directories above them; of a release only the file that makes it one."""
    paths = set(Declared(check.scopes).paths())
    own = "/var/lib/steady-fleet"  # made for the module's own notes
    return paths | {parent for path in paths for parent in above(path) if parent != own} | set(releases(check))


def releases(check: Run) -> list[str]:
    return [f"{task['path']}/release.json" for task in check.tasks if task["action"] == "steady.fleet.python_release"]


def above(path: str) -> Iterator[str]:
    while (path := path.rpartition("/")[0]) != "":
        yield path


def concerned(trial: Whole) -> set[str]:
    """All names that the roles declare, and the directories above them: a package brings much else."""
    declared = trial.declared()
    names = places(trial.check) | set(declared.units()) | {"manager"}
    names |= {user["name"] for user in declared.all("users")} | {group["name"] for group in declared.all("groups")}
    names |= {change["name"] for run in (trial.check, trial.run) for change in run.plan if change["kind"] == "package"}
    return names | {package for scope in declared.scopes for package in scope.get("packages") or ()}


def complaints(trial: Whole) -> list[str]:
    """Where the three sets differ, or the check did anything, or left anything out."""
    seen = {change for change in sets.observed(trial.found, trial.left) if change[1] in concerned(trial)}
    seen = {("release", name.removesuffix("/release.json"), verb) if name in releases(trial.check) else (kind, name, verb) for kind, name, verb in seen}
    found = sets.unequal(sets.planned(trial.check.plan), sets.planned(trial.run.plan), seen - brought_with_packages(trial))
    found += [f"the check changed {line}" for line in sets.differences(trial.before | {"units": {}}, trial.after_check | {"units": {}})]
    for status in ("skipped", "failed"):
        if trial.check.with_status(status) != trial.run.with_status(status):
            found.append(f"{status} in the check: {trial.check.with_status(status)}, in the run: {trial.run.with_status(status)}")
    if trial.check.changed() != trial.run.changed():
        found.append(f"changed in the check: {trial.check.changed()}, in the run: {trial.run.changed()}")
    removed = [[name for task in run.tasks for name in task.get("removed", ())] for run in (trial.check, trial.run)]
    return found + ([f"releases removed in the check: {removed[0]}, in the run: {removed[1]}"] if removed[0] != removed[1] else [])


def brought_with_packages(trial: Whole) -> set[sets.Change]:
    """A unit that is only named (to be restarted) starts with the package that brings it: that is the package's installation."""
    declared = {unit["name"] for unit in trial.declared().all("units")}
    missing = {name for name, unit in trial.found["units"].items() if unit["load"] == "not-found" or unit["file"].startswith("masked")}
    return {("unit", name, verb) for name in missing - declared for verb in ("enable", "start", "unmask")}


def test_f67_an_empty_host(first: Whole, summary: list[str]) -> None:
    found = complaints(first)
    assert len(first.check.plan) > 40
    summary.append(f"site.yml on an empty host: {len(sets.planned(first.run.plan))} changes, predicted = applied = observed: {not found}")
    assert not found, "\n".join(found)


def rounds(declared: Declared, seed: int) -> list[tuple[Drift, ...]]:
    """Each round has what needs a role or a package, and else drifts of the catalogue; four in all."""
    supply = [drift for drift in catalogue(declared, random=random.Random(seed)) if not (drift.refused or drift.declared_before or drift.cleanup)]
    special = specials(declared)
    chosen = []
    for drifts in special:
        mine = list(drifts)
        while len(mine) < 4:
            other = supply.pop()
            if not any(other.touches(one) for one in mine):
                mine.append(other)
        chosen.append(tuple(mine))
    return chosen


def specials(declared: Declared) -> list[tuple[Drift, ...]]:
    link = next(link for link in declared.all("links") if not link["target"].startswith("/"))
    root, release = link["path"].rpartition("/")[0], link["target"].rpartition("/")[2]
    here = f"{root}/releases/{release}"
    apt: Command = ["apt-get", "--quiet", "--yes"]
    timer = next(unit["name"] for unit in declared.own_units() if unit["name"].endswith(".timer") and unit.get("state") == "started")
    return [
        # The package's installation lets systemd see that the timer has no file, between what is planned and what is done: it ends by that.
        (Drift("package removed, its configuration left", "cron.service", ([*apt, "remove", "cron"],)), _missing(f"{UNITS}/{timer}")),
        (Drift("package purged", "chrony.service", ([*apt, "purge", "chrony"],)),),
        (Drift("release gone", root, (["rm", "-r", here],)),),
        (Drift("release not whole", root, (["rm", f"{here}/release.json"], ["ln", "-sfn", "releases/" + "0" * len(release), link["path"]])),),
    ]


def _missing(path: str) -> Drift:
    return Drift("file, missing", path, (["rm", path],))


def test_f67_w14_drifted_hosts(first_host: Host, first: Whole, site: Site, seed: int, summary: list[str]) -> None:
    offer_newer_package(first_host)
    problems, count = [], 0
    for drifts in rounds(first.declared(), seed):
        name = " + ".join(map(str, drifts))
        first_host.ask("perform", commands=[["systemctl", "reset-failed"], *(command for drift in drifts for command in drift.commands)])
        trial = whole(first_host, site)
        problems += [f"{name}: {complaint}" for complaint in complaints(trial)]
        different = sets.differences(sets.lasting(first.left), sets.lasting(trial.left))
        theirs = concerned(trial) - set(releases(trial.check))  # the record of a release that was built again has another time
        problems += [f"{name}: not as before: {line}" for line in different if line.split(": ")[0] in theirs]
        versions = trial.found["packages"]
        problems += [f"{name}: {p} was {v}" for p, v in versions.items() if trial.left["packages"].get(p) != v]
        count += len(drifts)
    again = site.run(first_host, "--check")
    problems += [f"a last check still predicts {again.changed()}: {again.plan}"] if again.changed() else []
    summary.append(f"site.yml, {count} drifts in {len(specials(first.declared()))} runs, packages and releases included: {len(problems)} differences")
    assert not problems, f"seed {seed} (DRIFT_SEED):\n" + "\n".join(problems)


def offer_newer_package(host: Host) -> None:
    write = f"open('{NEWER}/Packages', 'w').write('{PACKAGES_FILE}')"
    source = f"open('/etc/apt/sources.list.d/newer.list', 'w').write('deb [trusted=yes] file:{NEWER} ./\\n')"
    host.ask("perform", commands=[["mkdir", "-p", NEWER], ["python3", "-c", write], ["python3", "-c", source], ["apt-get", "update", "-qq"]])
    assert "99.0-1" in host.run("apt-cache", "policy", "logrotate"), os.linesep
