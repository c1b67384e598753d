# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and groups, through the host's own tools; also what a power cut left half made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from . import shadow, systemd
from .model import Group, Scope, User
from .plan import Plan


def converge(plan: Plan, scopes: Sequence[Scope]) -> None:
    """Carry out the actions on accounts."""
    mine = [action for action in plan.actions if action.kind in ("user", "group")]
    groups = {group.name: replace(group, gid=plan.numbers.get(("group", group.name))) for scope in scopes for group in scope.groups}
    users = {user.name: replace(user, uid=plan.numbers.get(("user", user.name))) for scope in scopes for user in scope.users}
    if mine:
        _break_stale_locks()
    for action in mine:
        if action.action == "remove":
            systemd.run("userdel" if action.kind == "user" else "groupdel", action.name)
        elif action.kind == "group":
            _group(groups[action.name], create=action.action == "create")
        elif action.action == "create":
            _create_user(users[action.name])
        else:
            _change_user(users[action.name])


def _group(group: Group, *, create: bool) -> None:
    if create:
        number = ["--gid", str(group.gid)] if group.gid is not None else []
        systemd.run("groupadd", *(["--system"] if group.system else []), *number, group.name)
    else:
        systemd.run("grpconv")  # what differs of an existing group is that it has no entry in gshadow


def _create_user(user: User) -> None:
    options = ["--gid", user.group, "--home-dir", user.home, "--shell", user.shell, "--no-create-home"]
    if user.system:
        options.append("--system")
    if user.uid is not None:
        options += ["--uid", str(user.uid)]
    if user.groups:
        options += ["--groups", ",".join(user.groups)]
    systemd.run("useradd", *options, user.name)


def _change_user(user: User) -> None:
    options = ["--gid", user.group, "--home", user.home, "--shell", user.shell]
    if user.groups:
        options += ["--append", "--groups", ",".join(user.groups)]
    if user.name in shadow.bare_users():
        systemd.run("pwconv")
        options += ["--password", "!"]  # no password, as useradd leaves it
    systemd.run("usermod", *options, user.name)


def _break_stale_locks() -> None:
    """Remove the tools' lock files that outlived a power cut.

    The tools themselves take such a lock for a live one when its process number has been given to another process since.
    """
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid"):
        path = f"/etc/{name}.lock"
        try:
            with open(path, encoding="ascii", errors="replace") as stream:
                holder, made = stream.read().strip(" \n\0"), os.fstat(stream.fileno()).st_mtime
            if not holder.isdigit() or _started_after(holder, made):
                os.unlink(path)
        except FileNotFoundError:
            continue


def _started_after(process: str, moment: float) -> bool:
    """Whether no process of this number was there at that moment (seconds since 1970). Source: proc(5)."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:
            ticks = int(stream.read().rpartition(")")[2].split()[19])
    except OSError:
        return True
    with open("/proc/stat", encoding="ascii") as stream:
        booted = next(int(line.split()[1]) for line in stream if line.startswith("btime "))
    return booted + ticks / os.sysconf("SC_CLK_TCK") > moment + 2
