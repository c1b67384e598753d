"""Runs on the host under test: kills the core of host_state at each event of a run, lets one run finish, and compares.

An event is a change of the file system or a program that changes something. The trial's process kills itself (SIGKILL) before its N-th event;
for programs also right after the start, so that the program goes on alone. Prints one line of JSON.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any

sys.path.insert(0, sys.argv[1])
from ansible_collections.steady.fleet.plugins.module_utils import host_lock
from ansible_collections.steady.fleet.plugins.module_utils.host_state import apply as steps
from ansible_collections.steady.fleet.plugins.module_utils.host_state import model, observe, plan, systemd

TREES = ("/etc/kill", "/srv/kill", "/etc/systemd/system", "/var/lib/steady-fleet")
ASKING = ("show", "journalctl", "dpkg-query")

steps.SETTLE_SECONDS = 0.0  # whether a unit stays up is not the question here
systemd.verify = lambda *_, **__: None  # nor whether its text is right
os.fsync = lambda _: None  # a kill loses nothing that the kernel has; the order of a power cut is tested elsewhere


# -- what is declared


def item(path: str, text: str, **more: Any) -> dict[str, Any]:
    data = text.encode()
    return {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "data": base64.b64encode(data).decode(), **more}


def unit(name: str, version: str, shows: str = "/dev/null", **more: Any) -> dict[str, Any]:
    """A service that notes, when it starts, what its files say: the version of its unit, its drop-in and its configuration."""
    note = f"/bin/sh -c 'mkdir -p /run/kill; (echo {version} $EXTRA; cat {shows}) > /run/kill/{name} 2>&1; :'"
    text = f"[Service]\nExecStartPre={note}\nExecStart=/bin/sleep infinity\nKillMode=mixed\n[Install]\nWantedBy=multi-user.target\nAlias=alias-{name}\n"
    path = f"/etc/systemd/system/{name}"
    return {key: value for key, value in item(path, text, name=name, enabled=True, state="started", **more).items() if key != "path"}


A, B, OLD, VENDOR = "kill-a.service", "kill-b.service", "kill-old.service", "kill-vendor.service"
CONFIGURATION = "/etc/kill/a.conf /etc/kill/current /srv/kill/deep/b.conf"

OLDER = [
    {
        "scope": "one",
        "directories": [{"path": "/etc/kill/old"}],
        "files": [
            item("/etc/kill/a.conf", "a 1\n", restarts=[A]),
            item("/etc/kill/old/left.conf", "left\n"),
            item("/etc/kill/kept.conf", "kept\n", keep=True),
        ],
        "links": [{"path": "/etc/kill/current", "target": "a.conf", "restarts": [A]}],
        "absent": {"users": ["kill"], "groups": ["killers"]},
    },
    {"scope": "two", "units": [unit(A, "unit 1", CONFIGURATION), unit(OLD, "unit 1")]},
]
GOAL = [
    {
        "scope": "one",
        "groups": [{"name": "killers"}],
        "users": [{"name": "kill", "groups": ["killers"]}],
        "directories": [{"path": "/srv/kill/own", "owner": "kill", "group": "kill", "mode": "0750"}],
        "files": [
            item("/etc/kill/a.conf", "a 2\n", restarts=[A], mode="0640", group="kill"),
            item("/srv/kill/deep/b.conf", "b 2\n", restarts=[A]),
            item("/etc/systemd/system/kill-a.service.d/10.conf", "[Service]\nEnvironment=EXTRA=more\n", restarts=[A]),
            item("/etc/kill/b.conf", "b\n", reloads=[B], secret=True, mode="0600"),
        ],
        "links": [{"path": "/etc/kill/current", "target": "/srv/kill/deep/b.conf", "restarts": [A]}],
        "absent": {"paths": ["/etc/kill/legacy"]},
    },
    {
        "scope": "two",
        "units": [unit(A, "unit 2", CONFIGURATION), unit(B, "unit 2", "/etc/kill/b.conf"), {"name": VENDOR, "masked": True}],
    },
]


# -- one run


def ready(declared: list[dict[str, Any]]) -> tuple[tuple[model.Scope, ...], plan.Plan]:
    scopes = model.parse(scopes=declared)
    return scopes, plan.plan(scopes=scopes, observed=observe.observe(scopes=scopes))


def sentences(planned: plan.Plan) -> list[str]:
    return [action.sentence() for action in planned.actions]


def converge(declared: list[dict[str, Any]]) -> list[str]:
    with host_lock.hold(host_lock.Run()):
        scopes, planned = ready(declared)
        steps.apply(plan=planned, scopes=scopes)
    return sentences(planned)


class Killer:
    """Counts events and ends this process before the one that is due."""

    def __init__(self, due: int) -> None:
        self.left = due

    def install(self) -> None:
        write, start = os.write, subprocess.Popen.__init__

        def counted_write(descriptor: int, data: Any) -> int:
            self.event()
            return write(descriptor, data)

        def counted_start(process: subprocess.Popen[Any], command: Any, *arguments: Any, **more: Any) -> None:
            asking = not {*map(str, command)}.isdisjoint(ASKING)
            if not asking:
                self.event()
            start(process, command, *arguments, **more)
            if not asking:
                self.event()

        os.write = counted_write
        subprocess.Popen.__init__ = counted_start  # type: ignore[method-assign]
        sys.addaudithook(self.audit)

    def audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        changes = name in ("os.rename", "os.remove", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate")
        creates = name == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (changes or creates) and not str(arguments[0]).startswith(("/tmp/", "/run/")):
            self.event()

    def event(self) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(due: int) -> bool:
    """Let a run die before its event number ``due``; False where it has not that many."""
    child = os.fork()
    if child == 0:
        Killer(due).install()
        converge(GOAL)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


# -- the host


def command(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def empty() -> None:
    """Take away everything that a run makes, by hand."""
    command("systemctl", "disable", "--no-reload", "--now", A, B, OLD)
    for account in (["userdel", "kill"], ["groupdel", "kill"], ["groupdel", "killers"]):
        command(*account)
    command("rm", "-rf", "/etc/kill", "/srv/kill", "/var/lib/steady-fleet", "/run/kill", "/etc/systemd/system/kill-a.service.d")
    command("rm", "-f", *(f"/etc/systemd/system/{name}" for name in (A, B, OLD)))
    os.makedirs("/etc/kill")  # somebody else's directory, with somebody else's leftover
    legacy()
    command("systemctl", "daemon-reload")


def legacy() -> None:
    with open("/etc/kill/legacy", "w", encoding="utf-8") as stream:
        stream.write("legacy\n")


def older() -> None:
    empty()
    converge(OLDER)


def drifted() -> None:
    converge(GOAL)
    legacy()
    for words in (
        ["systemctl", "disable", "--no-reload", "--now", B],
        ["systemctl", "unmask", VENDOR],
        ["sed", "-i", "s/2/3/", "/etc/kill/a.conf"],
        ["chmod", "0777", "/srv/kill/own"],
        ["rm", "-r", "/srv/kill/deep", "/etc/kill/current", "/etc/systemd/system/kill-a.service.d"],
        ["gpasswd", "--delete", "kill", "killers"],
    ):
        command(*words)


def state() -> dict[str, Any]:
    """Everything that a run is to bring about: paths, accounts, units, and what each running process read when it started."""
    units = [A, B, OLD, VENDOR]
    seen = {}
    for name in (A, B):
        with open(f"/run/kill/{name}", encoding="utf-8") as stream:
            seen[name] = stream.read()
    return {
        "paths": {path: _path(path) for tree in TREES for path in _walk(tree)},
        "users": {u.pw_name: u.pw_dir for u in pwd.getpwall() if u.pw_name == "kill"},
        "groups": {g.gr_name: g.gr_mem for g in grp.getgrall() if g.gr_name.startswith("kill")},
        "shadow": [command("getent", database, "kill").split(":")[:2] for database in ("shadow", "gshadow")],
        "units": command("systemctl", "show", "--property", "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload", "--", *units),
        "seen": seen,
    }


def _walk(tree: str) -> list[str]:
    found = [tree]
    for directory, folders, files in os.walk(tree):
        found += [os.path.join(directory, name) for name in folders + files]
    return sorted(found)


def _path(path: str) -> list[Any]:
    status = os.lstat(path)
    content = ""
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        with open(path, encoding="utf-8") as stream:
            content = stream.read()
    owner = [pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name]
    return [stat.filemode(status.st_mode), *owner, content]


def differences(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    words = []
    for kind, expected in left.items():
        if isinstance(expected, dict):
            keys = {*expected, *right[kind]}
            words += [f"{kind} {k}: {expected.get(k)} != {right[kind].get(k)}" for k in sorted(keys) if expected.get(k) != right[kind].get(k)]
        elif expected != right[kind]:
            words.append(f"{kind}: {expected} != {right[kind]}")
    return words


# -- the trials

STARTS: dict[str, Callable[[], None]] = {"empty": empty, "older": older, "drifted": drifted}


def trial(start: str, due: int, expected: dict[str, Any]) -> list[str] | None:
    """What is wrong after a kill before event ``due`` and one more run; None where a run has fewer events."""
    STARTS[start]()
    if not killed(due):
        return None
    with host_lock.hold(host_lock.Run()):  # a program that goes on alone holds the host until it is done
        predicted = sentences(ready(GOAL)[1])
    done = converge(GOAL)
    wrong = [f"the check said {predicted}, the run did {done}"] if predicted != done else []
    _, again = ready(GOAL)
    if again.actions or again.record:
        wrong.append(f"one more run would {sentences(again) or 'record something'}")
    return wrong + differences(expected, state())


def main() -> None:
    """Arguments: the collections' folder, the start, this part's number and how many parts there are."""
    start, part, parts = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with open(f"/usr/lib/systemd/system/{VENDOR}", "w", encoding="utf-8") as stream:
        stream.write("[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n")
    empty()
    STARTS[start]()
    converge(GOAL)
    expected = state()
    failures: dict[int, list[str]] = {}
    due = part
    while True:
        wrong = trial(start, due, expected)
        if wrong is None:
            break
        if wrong:
            failures[due] = wrong
        due += parts
    print(json.dumps({"events": due, "failures": failures}))


if __name__ == "__main__":
    main()
