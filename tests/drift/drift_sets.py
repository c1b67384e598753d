"""Three sets of (kind, name, verb): what a plan says, and what two snapshots show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Change = tuple[str, str, str]
Json = Mapping[str, Any]

VERBS = {"restart": "refresh", "reload-or-restart": "refresh"}  # seen from outside: a new start, or a reload where the unit has one
STARTS_AT_BOOT = ("enabled", "static", "indirect", "generated")  # "alias" is also what a link in the place of a file is called
# Looked at as accounts and units; or the module's own notes, which only a check must leave alone.
ELSEWHERE = re.compile(
    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$|\.(wants|requires|upholds)(/|$)|/etc/rc\d\.d/|/var/lib/steady-fleet/"
)
PASSING = ("invocation", "reloads")


def planned(plan: Iterable[Json]) -> set[Change]:
    return {(a["kind"], a["name"], VERBS.get(a["action"], a["action"])) for a in plan}


def observed(before: Json, after: Json) -> set[Change]:
    """What became different between two snapshots."""
    changes = set(_paths(_here(before), _here(after)))
    changes |= set(_accounts("user", before["users"], after["users"])) | set(_accounts("group", before["groups"], after["groups"]))
    changes |= {("package", name, "install") for name in after["packages"].keys() - before["packages"].keys()}
    changes |= {("package", name, "remove") for name in before["packages"].keys() - after["packages"].keys()}
    for name, unit in before["units"].items():
        changes |= {("unit", name, verb) for verb in _verbs(unit, after["units"][name])}
    unit_files = any(name.startswith("/etc/systemd/system/") and kind != "directory" for kind, name, _ in changes)
    stale = before["others_stale"] or any(unit["stale"] == "yes" for unit in before["units"].values())
    if before["reloaded"] != after["reloaded"] and (unit_files or stale):
        changes.add(("systemd", "manager", "reload"))
    return changes


def unequal(predicted: set[Change], applied: set[Change], seen: set[Change]) -> list[str]:
    """Each change that is not in all three sets, with those that it is in: P, A, O."""
    if predicted == applied == seen:
        return []
    every = predicted | applied | seen
    marks = {change: "".join(letter for letter, one in zip("PAO", (predicted, applied, seen), strict=True) if change in one) for change in every}
    return [f"{' '.join(change)} only in {mark}" for change, mark in sorted(marks.items()) if mark != "PAO"]


def lasting(snapshot: Json, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """What must be the same again after a repair: all but how often a unit was started."""
    gone = set(without)
    units = {name: {key: value for key, value in unit.items() if key not in PASSING} for name, unit in snapshot["units"].items()}
    paths = {path: item for path, item in _here(snapshot).items() if path not in gone}
    return {"paths": paths, "units": units, **{kind: snapshot[kind] for kind in ("users", "groups", "packages")}}


def differences(one: Json, other: Json) -> list[str]:
    found = []
    for kind in ("paths", "units", "users", "groups", "packages"):
        for name in sorted(one[kind].keys() | other[kind].keys()):
            if one[kind].get(name) != other[kind].get(name):
                found.append(f"{name}: {one[kind].get(name)} → {other[kind].get(name)}")
    return found


def _here(snapshot: Json) -> dict[str, Any]:
    named = set(snapshot["named"])
    return {path: item for path, item in snapshot["paths"].items() if path in named or not ELSEWHERE.search(path)}


def _paths(before: Json, after: Json) -> Iterator[Change]:
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if _is_systemds_own(path, old) and _is_systemds_own(path, new):
            continue
        if old is None and new is not None:
            yield new["kind"], path, "create"
        elif new is None and old is not None:
            yield old["kind"], path, "remove"
        elif old != new and new is not None:
            yield new["kind"], path, "change"


def _is_systemds_own(path: str, item: Json | None) -> bool:
    """A link that enables or masks: looked at as the unit's state."""
    return item is None or (path.startswith(("/etc/systemd/system/", "/run/systemd/system/")) and item["kind"] == "link")


def _accounts(kind: str, before: Json, after: Json) -> Iterator[Change]:
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            yield kind, name, "create" if name not in before else "remove" if name not in after else "change"


def _running(unit: Json) -> bool:
    return unit["active"] in ("active", "reloading", "activating") and unit["sub"] != "auto-restart"


def _verbs(before: Json, after: Json) -> Iterator[str]:
    yield from _flag("mask", "unmask", *(unit["file"].startswith("masked") or unit["load"] == "masked" for unit in (before, after)))
    yield from _flag("enable", "disable", *(unit["file"] in STARTS_AT_BOOT for unit in (before, after)))
    yield from _flag("start", "stop", _running(before), _running(after))
    if _running(before) and _running(after) and (before["invocation"] != after["invocation"] or (after["reloads"] and before["reloads"] != after["reloads"])):
        yield "refresh"


def _flag(rises: str, falls: str, before: bool, after: bool) -> Iterator[str]:
    if before != after:
        yield rises if after else falls
