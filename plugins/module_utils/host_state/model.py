# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted: scopes of packages, accounts, paths and units, checked as far as that needs no host."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import StateError

UNIT_DIRECTORY = "/etc/systemd/system"
STATE_DIRECTORY = "/var/lib/steady-fleet/scopes"
FILE, DIRECTORY, LINK = "file", "directory", "link"
PROOF_SECONDS = 60

SCOPE_NAME = re.compile(r"[a-z0-9_]+(/[A-Za-z0-9_.@-]+)*")
ACCOUNT_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(service|socket|timer|path|mount|automount|swap|target|slice|device)")

# Declaring one of these would hand a whole system directory, or a file that programs of the system edit, to one scope.
PROTECTED = frozenset(
    ["/", "/var/lib/steady-fleet"]
    + [f"/{name}" for name in "bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys tmp usr var".split()]
    + [f"/usr/{name}" for name in "bin lib lib/systemd lib/systemd/system local local/bin local/sbin sbin share".split()]
    + [f"/var/{name}" for name in "cache lib lib/dpkg lib/rpm log run spool tmp".split()]
    + [f"/etc/{name}" for name in "cron.d fstab group gshadow hosts passwd shadow ssh sudoers sudoers.d systemd systemd/system".split()]
)
PROTECTED_TREES = ("/boot/", "/dev/", "/proc/", "/sys/", STATE_DIRECTORY + "/")


@dataclass(frozen=True)
class Group:
    """A group: ``gid`` is None where the host may choose."""

    scope: str
    name: str
    gid: int | None = None
    system: bool = True


@dataclass(frozen=True)
class User:
    """A user; ``groups`` are further memberships that must be there."""

    scope: str
    name: str
    group: str
    uid: int | None = None
    groups: tuple[str, ...] = ()
    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"
    system: bool = True


@dataclass(frozen=True)
class Entry:
    """One path: a file (``digest`` is the SHA-256 of its content in hex, ``data`` the bytes where they were sent), a directory or a link."""

    scope: str
    kind: str
    path: str
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    target: str = ""
    digest: str = ""
    data: bytes | None = None
    validate: tuple[str, ...] = ()
    secret: bool = False
    seed: bool = False
    keep: bool = False
    restarts: tuple[str, ...] = ()
    reloads: tuple[str, ...] = ()
    unit: str = ""
    proof: bool = False


@dataclass(frozen=True)
class Unit:
    """A systemd unit: None means "leave that alone"."""

    scope: str
    name: str
    enabled: bool | None = None
    state: str | None = None
    masked: bool | None = None
    ports: tuple[int, ...] = ()
    has_file: bool = False
    proof: bool = False


@dataclass(frozen=True)
class Absent:
    """What must not be there, whoever made it."""

    paths: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Everything that one owner declares."""

    name: str
    packages: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()
    entries: tuple[Entry, ...] = ()
    units: tuple[Unit, ...] = ()
    absent: Absent = Absent()
    proof_seconds: int = PROOF_SECONDS

    def unit_names(self) -> set[str]:
        """Every unit that this scope names, wherever it names it."""
        names = {u.name for u in self.units} | set(self.absent.units)
        for entry in self.entries:
            names.update(entry.restarts, entry.reloads)
        return names


def parse(*, scopes: Iterable[Mapping[str, Any]]) -> tuple[Scope, ...]:
    """Turn validated module parameters into scopes.

    Raises StateError for a bad name, mode or path, and for two declarations of one thing in this call.
    """
    parsed = tuple(_scope(params) for params in scopes)
    _refuse_duplicates(parsed)
    return parsed


def _scope(params: Mapping[str, Any]) -> Scope:
    name = params.get("scope") or ""
    if not SCOPE_NAME.fullmatch(name):
        raise StateError(f"scope {name!r} is not a scope's name. Write an owner, and a name behind a slash where it has several: base, python_app/catscan.")
    groups = tuple(_group(name, item) for item in params.get("groups") or ())
    users = tuple(_user(name, item) for item in params.get("users") or ())
    known = {group.name for group in groups}
    implied = tuple(Group(name, u.group, system=u.system) for u in users if u.group == u.name and u.group not in known)
    entries = [_entry(name, DIRECTORY, item) for item in params.get("directories") or ()]
    entries += [_entry(name, FILE, item) for item in params.get("files") or ()]
    entries += [_entry(name, LINK, item) for item in params.get("links") or ()]
    entries += [_unit_file(name, item) for item in params.get("units") or () if item.get("sha256")]
    absent = params.get("absent") or {}
    return Scope(
        name=name,
        packages=tuple(params.get("packages") or ()),
        groups=groups + implied,
        users=users,
        entries=tuple(entries),
        units=tuple(_unit(name, item) for item in params.get("units") or ()),
        absent=Absent(
            paths=tuple(check_path(name, p) for p in absent.get("paths") or ()),
            packages=tuple(absent.get("packages") or ()),
            units=tuple(_unit_name(name, u) for u in absent.get("units") or ()),
            users=tuple(absent.get("users") or ()),
            groups=tuple(absent.get("groups") or ()),
        ),
        proof_seconds=params.get("proof_seconds") or PROOF_SECONDS,
    )


def check_path(scope: str, path: str) -> str:
    """Return the path if one scope may own it, else raise StateError."""
    if not path.startswith("/"):
        raise StateError(f"{scope}: {path!r} is a relative path. Write it from the root, beginning with a slash.")
    if path != "/" and os.path.normpath(path) != path:
        raise StateError(f"{scope}: {path!r} is not a plain path. Write {os.path.normpath(path)!r}.")
    if path in PROTECTED or path.startswith(PROTECTED_TREES):
        raise StateError(f"{scope}: {path} is protected: it belongs to the system, not to one scope. Declare a path below it instead.")
    return path


def _mode(scope: str, path: str, text: str) -> int:
    if not re.fullmatch(r"0?[0-7]{3,4}", text):
        raise StateError(f"{scope}: {path}: mode {text!r} is not octal. Write four digits in quotes, such as '0640'.")
    return int(text, 8)


def _account(scope: str, name: str) -> str:
    if not ACCOUNT_NAME.fullmatch(name):
        raise StateError(f"{scope}: {name!r} is not a name for a user or group: at most 32 of a-z, 0-9, _ and -, beginning with a letter.")
    return name


def _unit_name(scope: str, name: str) -> str:
    if not UNIT_NAME.fullmatch(name):
        raise StateError(f"{scope}: {name!r} is not a unit's full name. Write it with its type, such as 'catscan-api.service'.")
    return name


def _group(scope: str, item: Mapping[str, Any]) -> Group:
    system = item.get("system")
    return Group(scope, _account(scope, item["name"]), item.get("gid"), True if system is None else bool(system))


def _user(scope: str, item: Mapping[str, Any]) -> User:
    system = item.get("system")
    return User(
        scope=scope,
        name=_account(scope, item["name"]),
        group=item.get("group") or item["name"],
        uid=item.get("uid"),
        groups=tuple(item.get("groups") or ()),
        home=item.get("home") or "/nonexistent",
        shell=item.get("shell") or "/usr/sbin/nologin",
        system=True if system is None else bool(system),
    )


def _entry(scope: str, kind: str, item: Mapping[str, Any]) -> Entry:
    path = check_path(scope, item["path"])
    return Entry(
        scope=scope,
        kind=kind,
        path=path,
        owner=item.get("owner") or "root",
        group=item.get("group") or "root",
        mode=_mode(scope, path, item.get("mode") or ("0755" if kind == DIRECTORY else "0644")),
        target=item.get("target") or "",
        digest=item.get("sha256") or "",
        data=_data(item),
        validate=tuple(item.get("validate") or ()),
        secret=bool(item.get("secret")),
        seed=bool(item.get("seed")),
        keep=bool(item.get("keep")),
        restarts=tuple(_unit_name(scope, u) for u in item.get("restarts") or ()),
        reloads=tuple(_unit_name(scope, u) for u in item.get("reloads") or ()),
        proof=bool(item.get("proof")),
    )


def _data(item: Mapping[str, Any]) -> bytes | None:
    return base64.b64decode(item["data"]) if item.get("data") is not None else None


def _unit_file(scope: str, item: Mapping[str, Any]) -> Entry:
    name = _unit_name(scope, item["name"])
    return Entry(scope, FILE, f"{UNIT_DIRECTORY}/{name}", digest=item["sha256"], data=_data(item), unit=name, proof=bool(item.get("proof")))


def _unit(scope: str, item: Mapping[str, Any]) -> Unit:
    if item.get("masked") and (item.get("enabled") or item.get("state") == "started"):
        raise StateError(f"{scope}: unit {item['name']} cannot be masked and enabled or started at once. Say which of them is meant.")
    return Unit(
        scope=scope,
        name=_unit_name(scope, item["name"]),
        enabled=item.get("enabled"),
        state=item.get("state"),
        masked=item.get("masked"),
        ports=tuple(item.get("ports") or ()),
        has_file=bool(item.get("sha256")),
        proof=bool(item.get("proof")),
    )


def _refuse_duplicates(scopes: tuple[Scope, ...]) -> None:
    claimed: dict[tuple[str, str], str] = {}
    for scope in scopes:
        for kind, name in _claims(scope):
            other = claimed.get((kind, name))
            if other is not None:
                where = f"twice in scope {scope.name}" if other == scope.name else f"by scope {other} and by scope {scope.name}"
                raise StateError(f"the {kind} {name} is declared {where}. Keep one of the two declarations.")
            claimed[kind, name] = scope.name


def _claims(scope: Scope) -> Iterable[tuple[str, str]]:
    yield "scope", scope.name
    yield from (("path", name) for name in [e.path for e in scope.entries] + list(scope.absent.paths))
    yield from (("unit", name) for name in [u.name for u in scope.units] + list(scope.absent.units))
    yield from (("user", name) for name in [u.name for u in scope.users] + list(scope.absent.users))
    yield from (("group", name) for name in [g.name for g in scope.groups] + list(scope.absent.groups))
