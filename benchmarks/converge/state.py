"""The one desired state: what our roles declared, with contents and permissions read back from the host they converged.

The peers get this as data, rendered and resolved. That favours them a little: our roles also render templates, check their
arguments and hash the release.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.converge.hosts import Host

Item = dict[str, Any]
UNIT_DIRECTORY = "/etc/systemd/system"

# Runs on the host: a JSON list of paths in, a JSON object of what they are out.
READER = """
import base64, grp, json, os, pwd, stat, sys
seen = {}
for path in json.load(sys.stdin):
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        continue
    item = {"owner": pwd.getpwuid(status.st_uid).pw_name, "group": grp.getgrgid(status.st_gid).gr_name}
    item["mode"] = "%04o" % stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        item = {"target": os.readlink(path)}
    elif stat.S_ISREG(status.st_mode):
        with open(path, encoding="utf-8") as stream:
            item["content"] = stream.read()
    seen[path] = item
json.dump(seen, sys.stdout)
"""


def desired(*, recorded: Path, host: Host) -> Item:
    """The state that ``host`` was given, from the callback's record of its first converge.

    Keys: packages, system_groups, users, directories, files, links, absent, units, health; see pyinfra_deploy.py and tasks/plain.yml.
    """
    records = [record for line in recorded.read_text().splitlines() if (record := json.loads(line))["host"] == host.name]
    scopes = [scope for record in _of(records, "host_state") for scope in record["arguments"].get("scopes") or [record["arguments"]]]
    state: Item = {
        "packages": _unique(_all(scopes, "packages") + [p for r in _of(records, "python_release") for p in r["arguments"].get("packages") or []]),
        "system_groups": _all(scopes, "groups"),
        "users": _all(scopes, "users"),
        "directories": _all(scopes, "directories") + [d for r in _of(records, "python_release") for d in _release(r)["directories"]],
        "files": [_file(item) for item in _all(scopes, "files")] + [_unit_file(unit) for unit in _all(scopes, "units") if _has_file(unit)],
        "links": _all(scopes, "links"),
        "units": [unit for unit in _all(scopes, "units") if "enabled" in unit or "state" in unit],
        "absent": [path for scope in scopes for path in (scope.get("absent") or {}).get("paths") or []],
        "health": [r["arguments"]["health"] for r in _of(records, "release_gate") if r["arguments"].get("health")],
    }
    state["files"] += [{"path": r["result"]["path"] + "/release.json"} for r in _of(records, "python_release")]
    there = _loaded(host, _unique(unit for item in state["files"] for unit in item.get("restarts", []) if "@." not in unit))
    for item in state["files"]:
        item["restarts"] = [unit for unit in item.get("restarts", []) if unit in there]  # host_state does nothing about others, the peers fail
    return _filled(state, read(host, _paths(state)))


def read(host: Host, paths: Iterable[str]) -> dict[str, Item]:
    """What lies at ``paths`` on the host: owner, group, mode and content, or a link's target."""
    seen: dict[str, Item] = json.loads(host.run("python3", "-c", READER, stdin=json.dumps(list(paths))))
    return seen


def fingerprint(host: Host, state: Mapping[str, Any]) -> Item:
    """Everything of ``state`` as the host has it now: equal before a drift and after its repair."""
    units = [unit["name"] for unit in state["units"]]
    shown = host.run("systemctl", "show", "--property=Id,ActiveState,UnitFileState", "--", *units) if units else ""
    accounts = [host.run("getent", "passwd", user["name"]) for user in state["users"]]
    packages = host.run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *state["packages"])
    return {"paths": read(host, _paths(state)), "units": shown, "accounts": accounts, "packages": packages}


def _loaded(host: Host, units: Iterable[str]) -> set[str]:
    """The units among these that the host has."""
    shown = host.run("systemctl", "show", "--property=Id,LoadState", "--", *units)
    return {name.split("=")[1] for name, _, state in (part.partition("\n") for part in shown.strip().split("\n\n")) if state == "LoadState=loaded"}


def size(state: Mapping[str, Any]) -> dict[str, int]:
    """How many things of each kind are declared."""
    return {kind: len(items) for kind, items in state.items()}


def _of(records: Iterable[Item], module: str) -> list[Item]:
    return [record for record in records if record["module"] == f"steady.fleet.{module}"]


def _all(scopes: Iterable[Item], key: str) -> list[Any]:
    return [item for scope in scopes for item in scope.get(key) or []]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _release(record: Item) -> Item:
    path = record["result"]["path"]
    return {"directories": [{"path": f"{path}/app"}, {"path": f"{path}/venv"}]}


def _has_file(unit: Item) -> bool:
    return any(unit.get(way) is not None for way in ("content", "source", "template"))


def _unit_file(unit: Item) -> Item:
    return {"path": f"{UNIT_DIRECTORY}/{unit['name']}", "restarts": [unit["name"]]}


def _file(item: Item) -> Item:
    return {key: item[key] for key in ("path", "validate", "restarts", "reloads") if item.get(key)}


def _paths(state: Mapping[str, Any]) -> list[str]:
    return [item["path"] for kind in ("directories", "files", "links") for item in state[kind]]


def _filled(state: Item, seen: Mapping[str, Item]) -> Item:
    """The state with owner, group, mode, content and target as they are on the host."""
    for kind in ("directories", "files", "links"):
        state[kind] = [{**item, **seen[item["path"]]} for item in state[kind]]
    state["users"] = [{"group": user["name"], "home": "/nonexistent", "shell": "/usr/sbin/nologin", "groups": [], **user} for user in state["users"]]
    groups = dict.fromkeys([group["name"] for group in state["system_groups"]] + [user["group"] for user in state["users"]])
    state["system_groups"] = [{"name": name} for name in groups]  # host_state makes a user's own group along with it, the peers do not
    return state
