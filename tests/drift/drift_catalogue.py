"""Every drift that can be made on a host of which only the declarations are known: nothing here knows a role or a path of ours."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Command = list[str]
UNITS = "/etc/systemd/system"
RELOAD = ["systemctl", "daemon-reload"]


@dataclass(frozen=True)
class Drift:
    """``commands`` make it. ``leaves`` are paths that nobody declared: they must be left alone, and ``cleanup`` removes them afterwards.
    ``stays`` is what is declared but in another respect. ``declared_before`` is what its scope declared once; ``refused`` says that
    host_state must not repair it."""

    what: str
    target: str
    commands: tuple[Command, ...] = ()
    leaves: tuple[str, ...] = ()
    cleanup: tuple[Command, ...] = ()
    stays: str = ""
    declared_before: Json = field(default_factory=dict)
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.target}"

    def touches(self, other: Drift) -> bool:
        one, two = self.target, other.target
        return one == two or one.startswith(f"{two}/") or two.startswith(f"{one}/") or bool(self.declared_before and other.declared_before)


@dataclass(frozen=True)
class Declared:
    """All scopes of a host, by kind."""

    scopes: Sequence[Json]

    def all(self, kind: str) -> list[Json]:
        return [item for scope in self.scopes for item in scope.get(kind) or ()]

    def absent(self, kind: str) -> list[str]:
        return [name for scope in self.scopes for name in (scope.get("absent") or {}).get(kind) or ()]

    def own_units(self) -> list[Json]:
        return [unit for unit in self.all("units") if unit.get("sha256")]

    def files(self) -> list[Json]:
        return self.all("files") + [{**unit, "path": f"{UNITS}/{unit['name']}"} for unit in self.own_units()]

    def paths(self) -> list[str]:
        return [item["path"] for item in self.files() + self.all("directories") + self.all("links")] + self.absent("paths")

    def units(self) -> list[str]:
        """Every unit whose state is declared, or that follows a change. Templates have none, and what a timer starts has its own."""
        follow_ups = [unit for item in self.files() + self.all("links") for unit in [*(item.get("restarts") or ()), *(item.get("reloads") or ())]]
        declared = [unit["name"] for unit in self.all("units") if any(unit.get(key) is not None for key in ("enabled", "state", "masked"))]
        return sorted(name for name in {*follow_ups, *declared, *self.absent("units")} if "@." not in name)

    def started_by_others(self) -> list[str]:
        """The units that are declared with a file and no state: a timer starts them."""
        return sorted({unit["name"] for unit in self.own_units() if "@." not in unit["name"]} - set(self.units()))


def catalogue(declared: Declared, *, random: random.Random) -> list[Drift]:
    """Every single drift that these declarations allow."""
    drifts = [drift for item in declared.files() for drift in _file(item)]
    drifts += [drift for item in declared.all("directories") for drift in _directory(item, declared)]
    drifts += [drift for item in declared.all("links") for drift in _link(item)]
    drifts += [drift for path in declared.absent("paths") for drift in _absent(path)]
    drifts += [drift for unit in declared.all("units") for drift in _unit(unit)]
    drifts += [drift for user in declared.all("users") for drift in _user(user)]
    drifts += [drift for scope in declared.scopes for drift in _no_longer_declared(scope)]
    random.shuffle(drifts)
    return drifts


def _file(item: Json) -> Iterator[Drift]:
    path = item["path"]
    if item.get("seed"):
        yield Drift("a seed's content is the application's own", path, (["sed", "-i", "$ a # own", path],), stays=path)
        yield Drift("seed missing", path, (["rm", path],), stays=path)  # what comes back is what is declared, not what the application made of it
        return
    for what, command in {
        "content appended": ["sed", "-i", "$ a # drift", path],
        "a line edited": ["sed", "-i", "1 s/^/#/", path],
        "emptied": ["truncate", "--size=0", path],
        "other content": ["cp", "/etc/hostname", path],
        "mode": ["chmod", "0606", path],
        "setuid": ["chmod", "u+s", path],
        "owner": ["chown", "games", path],
        "owner nobody knows": ["chown", "54321", path],
        "group": ["chgrp", "games", path],
        "group nobody knows": ["chgrp", "54321", path],
        "missing": ["rm", path],
        "a link in its place": ["ln", "-sfn", "/etc/hostname", path],
        "a dangling link in its place": ["ln", "-sfn", "/nonexistent", path],
    }.items():
        yield Drift(f"file, {what}", path, (command,))
    yield Drift("file, a directory in its place", path, (["rm", path], ["mkdir", path]), cleanup=(["rmdir", path],), refused=True)
    yield Drift("file, a fifo in its place", path, (["rm", path], ["mkfifo", path]), cleanup=(["rm", path],), refused=True)


def _directory(item: Json, declared: Declared) -> Iterator[Drift]:
    path = item["path"]
    for what, command in {
        "mode": ["chmod", "0711", path],
        "sticky": ["chmod", "+t", path],
        "owner": ["chown", "games", path],
        "owner nobody knows": ["chown", "54321", path],
        "group": ["chgrp", "games", path],
    }.items():
        yield Drift(f"directory, {what}", path, (command,))
    extra = f"{path}/somebody's"
    yield Drift("a file that nobody declared", path, (["touch", extra],), leaves=(extra,), cleanup=(["rm", extra],))
    away = f"{path}.away"
    yield Drift("directory, a file in its place", path, (["mv", path, away], ["touch", path]), cleanup=(["rm", path], ["mv", away, path]), refused=True)
    releases = [f"{link['path'].rpartition('/')[0]}/{link['target']}" for link in declared.all("links") if not link["target"].startswith("/")]
    if not any(release.startswith(f"{path}/") for release in releases):  # what runs from there could not be restarted
        yield Drift("directory, removed with all in it", path, (["rm", "-r", path],))


def _link(item: Json) -> Iterator[Drift]:
    path, target = item["path"], item["target"]
    yield Drift("link, another target", path, (["ln", "-sfn", "/etc/hostname", path],))
    yield Drift("link, missing", path, (["rm", path],))
    yield Drift("link, a file in its place", path, (["rm", path], ["touch", path]))
    yield Drift("link, a directory in its place", path, (["rm", path], ["mkdir", path]), cleanup=(["rmdir", path],), refused=True)
    if not target.startswith("/"):
        older = "0" * len(target.rpartition("/")[2])
        yield Drift("link, an older release", path, (["ln", "-sfn", f"releases/{older}", path],))


def _absent(path: str) -> Iterator[Drift]:
    parent = path.rpartition("/")[0]
    clean = ["rmdir", "--ignore-fail-on-non-empty", parent]
    yield Drift("a file that is declared absent", path, (["mkdir", "-p", parent], ["touch", path]), leaves=(parent,), cleanup=(clean,))
    yield Drift("a link that is declared absent", path, (["mkdir", "-p", parent], ["ln", "-s", "x", path]), leaves=(parent,), cleanup=(clean,))


def _unit(unit: Json) -> Iterator[Drift]:
    name = unit["name"]
    started, enabled, own = unit.get("state") == "started", unit.get("enabled"), bool(unit.get("sha256"))
    if started:
        yield Drift("unit, stopped", name, (["systemctl", "stop", name],))
        if name.endswith(".service"):
            yield _failed(name)
    if unit.get("state") == "stopped":
        yield Drift("unit, started", name, (["systemctl", "start", name],))
    if enabled:
        yield Drift("unit, disabled", name, (["systemctl", "disable", name],))
        yield Drift("unit, enabled until the next boot only", name, (["systemctl", "disable", name], ["systemctl", "enable", "--runtime", name]))
        yield Drift("unit, disabled and stopped", name, (["systemctl", "disable", "--now", name],))
    if enabled is False:
        yield Drift("unit, enabled", name, (["systemctl", "enable", name],))
    if (started or enabled) and not own:
        yield Drift("unit, masked", name, (["systemctl", "mask", name],))
        yield Drift("unit, masked and stopped", name, (["systemctl", "mask", "--now", name],))
        yield Drift("unit, masked until the next boot", name, (["systemctl", "mask", "--runtime", "--now", name],))
        yield Drift("unit, its package's file newer than systemd's reading", name, (["touch", f"/usr/lib/systemd/system/{name}"],))
    if unit.get("masked"):
        yield Drift("unit, unmasked", name, (["systemctl", "unmask", name],))
    if own:
        yield from _own_unit(name)
    yield _drop_in(name, reload=True)
    yield _drop_in(name, reload=False)


def _own_unit(name: str) -> Iterator[Drift]:
    path = f"{UNITS}/{name}"
    edit = ["sed", "-i", "s/^Description=.*/Description=Drifted/", path]
    yield Drift("unit's file edited, systemd does not know", path, (edit,))
    yield Drift("unit's file edited, systemd knows", path, (edit, RELOAD))
    yield Drift("unit's file touched", path, (["touch", path],))
    yield Drift("unit's file masked by force", path, (["ln", "-sfn", "/dev/null", path], RELOAD))
    yield Drift("unit's file missing, systemd knows", path, (["rm", path], RELOAD))


def _failed(name: str) -> Drift:
    folder = f"/run/systemd/system/{name}.d"
    text = "[Service]\\nExecStartPre=/bin/false\\nRestart=no\\n"
    write = ["python3", "-c", f"open('{folder}/zz-drift.conf', 'w').write('{text}')"]
    fail = ["python3", "-c", f"import subprocess; subprocess.run(['systemctl', 'restart', '{name}'])"]
    return Drift("unit, failed", name, (["mkdir", "-p", folder], write, RELOAD, fail, ["rm", "-r", folder], RELOAD))


def _drop_in(name: str, *, reload: bool) -> Drift:
    folder = f"{UNITS}/{name}.d"
    path = f"{folder}/zz-by-hand.conf"
    write = ["python3", "-c", f"open('{path}', 'w').write('[Unit]\\nDocumentation=man:none(1)\\n')"]
    clean = ["python3", "-c", f"import os; os.unlink('{path}'); os.listdir('{folder}') or os.rmdir('{folder}')"]
    return Drift(
        f"a drop-in by hand, systemd {'knows' if reload else 'does not know'}",
        path,
        (["mkdir", "-p", folder], write, *([RELOAD] if reload else [])),
        leaves=(path, folder),
        cleanup=(clean, RELOAD),
    )


def _user(user: Json) -> Iterator[Drift]:
    name = user["name"]
    yield Drift("user, shell", name, (["usermod", "--shell", "/bin/sh", name],))
    yield Drift("user, home", name, (["sed", "-i", rf"s#^\({name}:.*\):[^:]*:\([^:]*\)$#\1:/tmp:\2#", "/etc/passwd"],))
    yield Drift("user, primary group", name, (["usermod", "--gid", "games", name],))
    yield Drift("user, locked", name, (["usermod", "--lock", name],), cleanup=(["passwd", "--delete", name], ["usermod", "--lock", name]))
    yield Drift(
        "user, in a further group", name, (["usermod", "--append", "--groups", "games", name],), cleanup=(["gpasswd", "--delete", name, "games"],), stays=name
    )
    yield Drift("user, removed", name, (["sed", "-i", f"/^{name}:/d", "/etc/passwd"], ["sed", "-i", f"/^{name}:/d", "/etc/shadow"]))
    group = (["sed", "-i", f"/^{name}:/d", "/etc/group"], ["sed", "-i", f"/^{name}:/d", "/etc/gshadow"])
    yield Drift("group, removed", name, group)
    yield Drift("user, without its shadow entry", name, (["sed", "-i", f"/^{name}:/d", "/etc/shadow"],))
    yield Drift("group, without its shadow entry", name, group[1:])
    yield Drift("user and group, removed", name, (["sed", "-i", f"/^{name}:/d", "/etc/passwd"], ["sed", "-i", f"/^{name}:/d", "/etc/shadow"], *group))
    for group_name in user.get("groups") or ():
        yield Drift("user, out of a group", name, (["gpasswd", "--delete", name, group_name],))


def _no_longer_declared(scope: Mapping[str, Any]) -> Iterator[Drift]:
    name = scope["scope"]
    tag = name.replace("/", "-").replace("_", "-")
    data = {"sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "data": "eA=="}  # the letter x
    yield Drift("a file was declared once", name, declared_before={"scope": name, "files": [{"path": f"/etc/drift/{tag}", **data}]})
    yield Drift(
        "a link, a directory and a file below it were declared once",
        name,
        declared_before={
            "scope": name,
            "directories": [{"path": f"/usr/local/drift/{tag}"}],
            "files": [{"path": f"/usr/local/drift/{tag}/below/file", **data}],
            "links": [{"path": f"/etc/drift-{tag}", "target": "/nonexistent"}],
        },
    )
    yield Drift("a unit was declared once", name, declared_before={"scope": name, "units": [idle_unit(f"drift-{tag}.service")]})


def idle_unit(name: str) -> Json:
    """A service that does nothing, running and enabled."""
    text = f"[Unit]\nDescription={name}\n[Service]\nExecStart=/bin/sleep infinity\nDynamicUser=yes\n[Install]\nWantedBy=multi-user.target\n".encode()
    return {"name": name, "enabled": True, "state": "started", "sha256": hashlib.sha256(text).hexdigest(), "data": base64.b64encode(text).decode()}
