# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there: everything that a plan needs to know of the host, read once. Writes nothing."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from . import manifest, packages, ports, shadow, systemd
from .files import refuse_foreign_links
from .model import DIRECTORY, FILE, LINK, STATE_DIRECTORY, UNIT_DIRECTORY, Entry, Scope

LARGEST_DIFF = 256 * 1024


@dataclass(frozen=True)
class PathState:
    """One existing path; ``data`` is kept only where it differs from what is wanted and is small enough to print, ``names`` (what lies
    in it) only for a directory that is not declared."""

    kind: str
    uid: int = 0
    gid: int = 0
    mode: int = 0
    target: str = ""
    digest: str = ""
    data: bytes | None = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class UserState:
    """One existing user; ``shadowed`` says that /etc/shadow knows it, too."""

    uid: int
    gid: int
    home: str
    shell: str
    groups: frozenset[str]
    shadowed: bool = True


@dataclass(frozen=True)
class Observed:
    """A host, as far as some scopes concern it. ``bare_groups`` are those that /etc/gshadow lacks; ``drop_ins`` are those of units whose files
    are declared; the orphans are numbers on owned paths that no account has."""

    packages: frozenset[str] = frozenset()
    groups: Mapping[str, int] = field(default_factory=dict)
    bare_groups: frozenset[str] = frozenset()
    users: Mapping[str, UserState] = field(default_factory=dict)
    paths: Mapping[str, PathState] = field(default_factory=dict)
    units: Mapping[str, systemd.UnitStatus] = field(default_factory=dict)
    manifests: Mapping[str, manifest.Manifest] = field(default_factory=dict)
    ports: Mapping[int, str] = field(default_factory=dict)
    drop_ins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    orphan_uids: frozenset[int] = frozenset()
    orphan_gids: frozenset[int] = frozenset()


def observe(*, scopes: Sequence[Scope], state_directory: str = STATE_DIRECTORY) -> Observed:
    """Read the host. Raises StateError for an unreadable manifest and for a path behind a link that root does not own."""
    manifests = manifest.load_all(directory=state_directory)
    entries = {entry.path: entry for scope in scopes for entry in scope.entries}
    groups = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    paths = _paths(_owned_paths(scopes, manifests), entries)
    return Observed(
        packages=frozenset(packages.installed(sorted({p for s in scopes for p in s.packages + s.absent.packages}))),
        groups=groups,
        bare_groups=shadow.bare_groups(),
        users=_users(scopes),
        paths=paths,
        units=systemd.statuses(_relevant_units(scopes, manifests)),
        manifests=manifests,
        ports=ports.holders(port for scope in scopes for unit in scope.units for port in unit.ports),
        drop_ins=systemd.drop_ins(unit.name for scope in scopes for unit in scope.units if unit.has_file),
        orphan_uids=frozenset(uid for uid in {state.uid for state in paths.values()} if not _has_user(uid)),
        orphan_gids=frozenset({state.gid for state in paths.values()} - set(groups.values())),
    )


def _owned_paths(scopes: Sequence[Scope], manifests: Mapping[str, manifest.Manifest]) -> set[str]:
    """Every path that these scopes declare, declared, made or want absent."""
    owned: set[str] = set()
    for scope in scopes:
        old = manifests.get(scope.name) or manifest.Manifest(scope.name)
        owned.update(entry.path for entry in scope.entries)
        owned.update(scope.absent.paths, old.paths, old.made, old.staged)
        owned.update(f"{UNIT_DIRECTORY}/{unit}" for unit in scope.absent.units)
    return owned


def ancestors(path: str) -> list[str]:
    """Every directory above a path, nearest first, without the root."""
    above = []
    parent = os.path.dirname(path)
    while parent != "/":
        above.append(parent)
        parent = os.path.dirname(parent)
    return above


def _relevant_units(scopes: Sequence[Scope], manifests: Mapping[str, manifest.Manifest]) -> set[str]:
    names: set[str] = set()
    for scope in scopes:
        old = manifests.get(scope.name) or manifest.Manifest(scope.name)
        names |= scope.unit_names()
        names.update(unit for _, unit in old.paths.values() if unit)
        names.update(unit for _, unit in old.owed if unit)
    return names


def _users(scopes: Sequence[Scope]) -> dict[str, UserState]:
    names = {u.name for s in scopes for u in s.users} | {u for s in scopes for u in s.absent.users}
    names |= {e.owner for s in scopes for e in s.entries}
    members: dict[str, set[str]] = {}
    for group in grp.getgrall():
        for member in group.gr_mem:
            members.setdefault(member, set()).add(group.gr_name)
    bare = shadow.bare_users()
    users = {}
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        users[name] = UserState(entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell, frozenset(members.get(name, ())), name not in bare)
    return users


def _has_user(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _paths(owned: Collection[str], entries: Mapping[str, Entry]) -> dict[str, PathState]:
    found = {}
    parents = {parent for path in owned for parent in ancestors(path)}
    for path in parents.union(owned):
        entry = entries.get(path)
        if entry is not None:
            refuse_foreign_links(entry.scope, path)
        state = _path(path, entry, listed=path in owned)
        if state is not None:
            found[path] = state
    return found


def _path(path: str, entry: Entry | None, *, listed: bool) -> PathState | None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return PathState(LINK, status.st_uid, status.st_gid, mode, target=os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        names = frozenset(os.listdir(path)) if entry is None and listed else frozenset()
        return PathState(DIRECTORY, status.st_uid, status.st_gid, mode, names=names)
    if not stat.S_ISREG(status.st_mode):
        return PathState("special file", status.st_uid, status.st_gid, mode)
    if entry is None or entry.seed or not entry.digest:
        return PathState(FILE, status.st_uid, status.st_gid, mode)
    digest, data = _content(path, status.st_size, entry.digest)
    return PathState(FILE, status.st_uid, status.st_gid, mode, digest=digest, data=data)


def _content(path: str, size: int, wanted: str) -> tuple[str, bytes | None]:
    hasher = hashlib.sha256()
    kept = []
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            hasher.update(block)
            if size <= LARGEST_DIFF:
                kept.append(block)
    digest = hasher.hexdigest()
    return digest, b"".join(kept) if digest != wanted and size <= LARGEST_DIFF else None
