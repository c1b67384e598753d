# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that could lock everybody out: they stay only when a second connection has proved itself after them.

Before such a change, what it would replace is written down, and a process of systemd's own starts that puts it back when the time is over.
A second unit does the same at boot, before the SSH server starts, so that a power cut is no way around. The proof stops both.
"""

from __future__ import annotations

import base64
import inspect
import ipaddress
import json
import os
import secrets
import socket
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import revert, systemd
from .errors import StateError
from .model import FILE, LINK, Scope
from .plan import Plan

WATCHER = "steady-fleet-guard.service"
SSHD = "/usr/sbin/sshd"
SSHD_CONFIGURATION = "/etc/ssh/"
_GREETING_TRIES = 10
# What undoes a verb: before the files are put back, or after.
UNDO_BEFORE = {"start": "stop", "enable": "disable", "mask": "unmask"}
UNDO_AFTER = {"restart": "restart", "reload-or-restart": "reload-or-restart", "stop": "start", "disable": "enable", "unmask": "mask"}

PERSISTENT = ("Restart=on-failure", "RestartSec=2", "StartLimitIntervalSec=0", "OOMScoreAdjust=-1000")

BOOT = """\
[Unit]
Description=Take back a change that no second connection has proved
DefaultDependencies=no
RequiresMountsFor={directory}
After=local-fs.target
Before={units}
ConditionPathExists={directory}/change.json

[Service]
Type=oneshot
ExecStart={python} {directory}/revert.py --boot

[Install]
WantedBy=sysinit.target
"""


def pending() -> dict[str, Any] | None:
    """The change that waits for its proof: its token, what it is, and how many seconds it waits."""
    change = revert.read()
    return {"token": change["token"], "what": _names(change), "seconds": change["seconds"]} if change else None


@contextmanager
def armed(*, plan: Plan, scopes: Sequence[Scope]) -> Iterator[None]:
    """Guard what is done inside, if any of it is declared with a proof. Raises StateError; where the inside fails, it is taken back at once."""
    paths, units = _touched(plan, scopes)
    if not paths and not units:
        yield
        return
    window = max(scope.proof_seconds for scope in scopes)
    change = _merged(revert.read(), _change(plan, paths, units, window))
    _arm(change)
    try:
        servers = _ssh_servers(units)
        yield
        _wait_until_reread(servers)
    except (StateError, OSError) as error:
        revert.take_back(change)
        systemd.run("systemctl", "stop", WATCHER, check=False)
        if isinstance(error, OSError):
            raise
        raise StateError(f"{error} Until that is right, what needs a proof is as it was before: {_names(change)}.") from error
    if revert.read() is None:
        raise StateError(f"the rest of this run took so long that the host has taken {_names(change)} back by itself. Run again.")
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    _save({**change, "placed": now, "deadline": now + window})


def confirm(*, token: str, way: str) -> str:
    """Keep the change, and say what has proved it. Runs inside the second connection. Raises StateError where that proves nothing.

    Args:
        token: the change's.
        way: the connection plugin's name. ``ssh`` must show a session that is younger than the change.
    """
    change = revert.read()
    if change is None or change["token"] != token:
        if _outcome(token) == revert.KEPT:
            return "proved before"
        raise StateError("the host has taken the change back: the second connection came too late. Allow more time (proof_seconds), then run again.")
    proof = _second_ssh_session(change) if way == "ssh" else _other_way(change, way)
    revert.forget(change, outcome=revert.KEPT)
    systemd.run("systemctl", "stop", WATCHER, check=False)
    return proof


def abandon(*, token: str) -> str:
    """Take the change back now, unless that has happened. Says ``kept`` if it had been proved after all, else ``reverted``."""
    change = revert.read()
    if change is not None and change["token"] == token:
        revert.take_back(change)
        systemd.run("systemctl", "stop", WATCHER, check=False)
    return revert.KEPT if _outcome(token) == revert.KEPT else revert.REVERTED


# -- what is guarded


def _touched(plan: Plan, scopes: Sequence[Scope]) -> tuple[list[str], dict[str, list[str]]]:
    """The guarded paths that this plan writes, and its verbs for each unit that is guarded or follows one of them."""
    guarded = {e.path: e for s in scopes for e in s.entries if e.proof}
    paths = [a.name for a in plan.actions if a.kind in (FILE, LINK) and a.name in guarded]
    names = {u.name for s in scopes for u in s.units if u.proof}
    for path in paths:
        names.update(guarded[path].restarts, guarded[path].reloads)
    units: dict[str, list[str]] = {}
    for action in plan.actions:
        if action.kind == "unit" and action.name in names:
            units.setdefault(action.name, []).append(action.action)
    return paths, units


def _change(plan: Plan, paths: Sequence[str], units: dict[str, list[str]], window: int) -> dict[str, Any]:
    fresh = {name for name, verbs in units.items() if "start" in verbs}
    verbs = [(a.action, a.name) for a in plan.actions if a.kind == "unit" and a.action in units.get(a.name, ())]
    return {
        "token": secrets.token_hex(16),
        "deadline": time.clock_gettime(time.CLOCK_BOOTTIME) + window,
        "seconds": window,
        "placed": 0.0,
        "paths": [_saved(path) for path in paths],
        "before": [[UNDO_BEFORE[verb], name] for verb, name in verbs if verb in UNDO_BEFORE],
        "after": [[UNDO_AFTER[verb], name] for verb, name in verbs if verb in UNDO_AFTER and name not in fresh],
    }


def _merged(earlier: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """An earlier change that was never proved stays part of it: what it saved is the older, and therefore what is put back."""
    if earlier is None:
        return new
    known = {saved["path"] for saved in earlier["paths"]}
    fresh = {unit for verb, unit in earlier["before"] if verb == "stop"}
    return {
        **new,
        "paths": earlier["paths"] + [saved for saved in new["paths"] if saved["path"] not in known],
        "before": earlier["before"] + [step for step in new["before"] if step not in earlier["before"]],
        "after": earlier["after"] + [step for step in new["after"] if step not in earlier["after"] and step[1] not in fresh],
    }


def _saved(path: str) -> dict[str, Any]:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return {"path": path, "kind": "absent"}
    if stat.S_ISLNK(status.st_mode):
        return {"path": path, "kind": "link", "target": os.readlink(path)}
    with open(path, "rb") as stream:
        data = base64.b64encode(stream.read()).decode()
    return {"path": path, "kind": "file", "uid": status.st_uid, "gid": status.st_gid, "mode": stat.S_IMODE(status.st_mode), "data": data}


def _names(change: dict[str, Any]) -> str:
    return ", ".join([saved["path"] for saved in change["paths"]] or sorted({unit for _, unit in change["before"] + change["after"]}))


# -- the way back


def _save(change: dict[str, Any]) -> None:
    revert.write(os.path.join(revert.DIRECTORY, "change.json"), json.dumps(change).encode())


def _arm(change: dict[str, Any]) -> None:
    """First what acts at boot, then what is to be put back, then what acts when the time is over."""
    os.makedirs(revert.DIRECTORY, mode=0o700, exist_ok=True)
    revert.write(os.path.join(revert.DIRECTORY, "revert.py"), inspect.getsource(revert).encode())
    units = sorted({unit for _, unit in change["before"] + change["after"]})
    boot = BOOT.format(directory=revert.DIRECTORY, python=sys.executable, units=" ".join(units))
    revert.write(f"{revert.UNITS}/{revert.BOOT_UNIT}", boot.encode(), mode=0o644)
    wants = f"{revert.UNITS}/sysinit.target.wants"
    os.makedirs(wants, exist_ok=True)
    if not os.path.islink(f"{wants}/{revert.BOOT_UNIT}"):
        os.symlink(f"../{revert.BOOT_UNIT}", f"{wants}/{revert.BOOT_UNIT}")
    _save(change)
    if systemd.run("systemctl", "is-active", WATCHER, check=False).stdout.strip() == "active":
        return  # it waits for a change that was never proved, and reads the new time
    systemd.run("systemctl", "stop", WATCHER, check=False)
    run = ["systemd-run", "--quiet", "--collect", f"--unit={WATCHER}", *(f"--property={setting}" for setting in PERSISTENT)]
    try:
        systemd.run(*run, sys.executable, os.path.join(revert.DIRECTORY, "revert.py"))
    except StateError as error:
        revert.forget(change, outcome=revert.REVERTED)
        raise StateError(f"{error}. Without it a change that locks everybody out could not be taken back, so nothing was changed.") from error


def _outcome(token: str) -> str:
    try:
        with open(revert.VERDICT, encoding="utf-8") as stream:
            verdict = json.load(stream)
    except (FileNotFoundError, ValueError):
        return ""
    return str(verdict["outcome"]) if verdict["token"] == token else ""


# -- the SSH server


def _ssh_servers(units: dict[str, list[str]]) -> dict[int, bytes]:
    """The main process of each SSH server that is about to be reloaded, and what tells its present program image from the next."""
    servers = {}
    for name, verbs in units.items():
        if "reload-or-restart" in verbs:
            pid = int(systemd.run("systemctl", "show", "--property=MainPID", "--value", name).stdout.strip() or 0)
            if pid and _read(f"/proc/{pid}/comm").strip() == b"sshd":
                servers[pid] = _read(f"/proc/{pid}/auxv")
    return servers


def _wait_until_reread(servers: dict[int, bytes], *, patience: float = 5.0) -> None:
    """systemctl returns when the signal is sent. sshd obeys by executing itself again, which gives it other addresses; a connection
    that came sooner would prove the old settings."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(_read(f"/proc/{pid}/auxv") == image for pid, image in servers.items()):
        time.sleep(0.02)


def _second_ssh_session(change: dict[str, Any]) -> str:
    """The session that this runs in must have begun after the change was in place."""
    started = _session_start()
    if started is None:
        return "a second SSH connection became root, though not visibly through this host's own SSH server"
    if started < float(change["placed"]) - 0.02:  # a clock tick is 0.01 s
        raise StateError("the second connection was the first one again, shared by ssh's ControlMaster, so it proves nothing.")
    return "a second SSH connection logged in and became root"


def _session_start() -> float | None:
    """When the SSH session around this process began, in seconds since boot; None outside of one."""
    pid = os.getpid()
    while pid > 1:
        name, fields = _process(pid)
        if name in ("sshd", "sshd-session"):
            return int(fields[19]) / os.sysconf("SC_CLK_TCK")
        pid = int(fields[1])
    return None


def _process(pid: int) -> tuple[str, list[str]]:
    """A process's name, and the fields of its status from the third on."""
    head, _, tail = _read(f"/proc/{pid}/stat").decode("utf-8", "replace").rpartition(")")
    return head.partition("(")[2], tail.split()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _other_way(change: dict[str, Any], way: str) -> str:
    """Not over SSH: that the SSH server greets is what can be seen from here."""
    proof = f"a new session through {way}"
    if not any(saved["path"].startswith(SSHD_CONFIGURATION) for saved in change["paths"]):
        return f"{proof}, which says nothing of the way to the SSH server"
    unit = systemd.statuses(["ssh.service", "sshd.service", "ssh.socket"])
    if not any(status.running for status in unit.values()):
        return f"{proof}; no SSH server runs"
    addresses = [line.split()[1] for line in systemd.run(SSHD, "-T").stdout.splitlines() if line.startswith("listenaddress ")]
    greeting = _greeting(addresses)
    if not greeting:
        raise StateError(f"the SSH server does not greet on {' or '.join(addresses)}")
    return f"{proof}; the SSH server greets on {', '.join(greeting)}, but no login was tried"


def _greeting(addresses: Sequence[str]) -> list[str]:
    """The addresses on which it greets. A server that has just been reloaded listens on none for a moment."""
    for _ in range(_GREETING_TRIES):
        found = [address for address in addresses if _greets(address)]
        if found:
            return found
        time.sleep(0.5)
    return []


def _greets(address: str) -> bool:
    host, _, port = address.rpartition(":")
    where = ipaddress.ip_address(host.strip("[]"))
    if where.is_unspecified:
        where = ipaddress.ip_address("127.0.0.1" if where.version == 4 else "::1")
    try:
        with socket.create_connection((str(where), int(port)), timeout=5) as connection:
            return connection.recv(64).startswith(b"SSH-2.0-")
    except OSError:
        return False
