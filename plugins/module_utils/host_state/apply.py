# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out. Every file is staged and validated before the first is put in place; what a kill could lose is journalled first."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from . import accounts, files, manifest, systemd
from .errors import StateError
from .model import DIRECTORY, FILE, LINK, STATE_DIRECTORY, UNIT_DIRECTORY, Entry, Scope
from .observe import Observed
from .plan import Action, Plan

SETTLE_SECONDS = 1.0


def check_contents(*, plan: Plan, scopes: Sequence[Scope], observed: Observed, check: bool) -> None:
    """Refuse what systemd or a file's own program would not accept, in check mode too. Writes nothing to the host's configuration."""
    _check_units(plan=plan, scopes=scopes, observed=observed, check=check)
    if not check:  # a run validates what it has staged
        return
    touched = {a.name for a in plan.actions if a.kind == FILE}
    with tempfile.TemporaryDirectory(prefix="steady-validate-") as directory:
        for number, entry in enumerate(e for s in scopes for e in s.entries if e.path in touched and e.validate and e.data is not None):
            if shutil.which(entry.validate[0]):  # else its package is part of this plan
                copy = os.path.join(directory, str(number))
                files.stage(copy, entry.data or b"")
                _validate(entry, copy)


def _check_units(*, plan: Plan, scopes: Sequence[Scope], observed: Observed, check: bool) -> None:
    """Refuse a unit that systemd would not accept or whose user is missing."""
    touched = {a.name for a in plan.actions if a.kind == FILE and a.action != "remove"}
    fresh = [e for s in scopes for e in s.entries if e.unit and e.path in touched and e.data is not None]
    users = {u.name for s in scopes for u in s.users} | set(observed.users)
    for entry in fresh:
        for key, name in re.findall(r"^(User|Group)=(\S+)$", (entry.data or b"").decode("utf-8", "replace"), re.MULTILINE):
            if not name.isdigit() and not check and not _account_exists(key, name, users, observed):
                raise StateError(
                    f"{entry.scope}: {entry.unit} says {key}={name}, but the host has no such {key.lower()}. Declare it before its unit. Nothing was changed."
                )
    arriving = {a.name for a in plan.actions if a.kind in (FILE, LINK) and a.action in ("create", "change")}
    systemd.verify([(e.unit, e.data or b"") for e in fresh], check_programs=not check, arriving=arriving)


def _account_exists(key: str, name: str, users: set[str], observed: Observed) -> bool:
    if key == "Group":
        return name in observed.groups
    try:
        return name in users or bool(pwd.getpwnam(name))
    except KeyError:
        return False


def apply(*, plan: Plan, scopes: Sequence[Scope], state_directory: str = STATE_DIRECTORY) -> None:
    """Carry out every action. Raises StateError at the first that fails; the next run then goes on from there."""
    entries = {entry.path: entry for scope in scopes for entry in scope.entries}
    _refuse_unsent(plan, entries)
    left = plan.packages("install") + plan.packages("remove")
    if left:
        raise StateError(f"packages are not as declared after the package manager ran: {', '.join(left)}. Look at its log on the host.")
    os.umask(0o022)
    if plan.actions:
        staged = _journal_and_stage(plan, entries, state_directory)
        try:
            accounts.converge(plan, scopes)
            _directories(plan, entries)
            _put_in_place(plan, entries, staged)
        finally:
            _unstage(staged)
        _removals(plan)
        _sync(plan, staged)
        _systemd(plan)
    manifest.finish(plan.manifests, directory=state_directory)


def _refuse_unsent(plan: Plan, entries: Mapping[str, Entry]) -> None:
    unsent = [path for path in plan.needs if entries[path].data is None]
    if unsent:
        raise StateError(f"{unsent[0]} changed on the host while it was being converged. Nothing was written. Run again.")


def _journal_and_stage(plan: Plan, entries: Mapping[str, Entry], state_directory: str) -> dict[str, str]:
    """Journal this plan, then write every new content beside its target and let it be validated; gives path → staged path.

    Where a content is refused nothing has changed, so the journal says again what it said before.
    """
    staged = {path: files.staged_path(path, below=files.existing_ancestor(path)) for path in plan.needs}
    links = {a.name: files.staged_path(a.name) for a in plan.actions if a.kind == LINK and a.action != "remove"}
    before = manifest.journalled(directory=state_directory)
    journal = dict(before)
    for entry in plan.journal:
        mine = {temporary for path, temporary in {**staged, **links}.items() if entries[path].scope == entry.scope}
        journal[entry.scope] = replace(entry, staged=tuple(sorted(mine.union(entry.staged))))
    manifest.write_journal(journal, directory=state_directory)
    try:
        for path, temporary in staged.items():
            files.stage(temporary, entries[path].data or b"")
        for path, temporary in staged.items():
            _validate(entries[path], temporary)
    except BaseException:
        _unstage(staged)
        manifest.write_journal(before, directory=state_directory)
        raise
    return staged


def _unstage(staged: Mapping[str, str]) -> None:
    for temporary in staged.values():
        files.remove_if_there(temporary)


# -- paths


def _put_in_place(plan: Plan, entries: Mapping[str, Entry], staged: Mapping[str, str]) -> None:
    wanted = [entries[a.name] for a in plan.actions if a.name in entries and a.action in ("create", "change") and a.kind in (FILE, LINK)]
    for entry in wanted:
        if entry.path in staged:
            _set_attributes(entry, path=staged[entry.path])
            os.rename(staged[entry.path], entry.path)
        elif entry.kind == LINK:
            files.link_atomically(entry.path, entry.target)
        else:
            _set_attributes(entry)


def _sync(plan: Plan, staged: Mapping[str, str]) -> None:
    """Make every name that was created, renamed or removed durable: after a power cut the journal must not be gone before they are there."""
    changed = [a.name for a in plan.actions if a.kind in (FILE, LINK, DIRECTORY)]
    for directory in sorted({os.path.dirname(path) for path in [*changed, *staged.values()]}):
        if os.path.isdir(directory):
            files.sync_directory(directory)


def _directories(plan: Plan, entries: Mapping[str, Entry]) -> None:
    for action in plan.actions:
        if action.kind != DIRECTORY or action.action == "remove":
            continue
        if action.action == "create":
            files.make_directories(action.name, mode=0o700 if action.name in entries else 0o755)  # an undeclared parent is whole at once
        _set_attributes(entries.get(action.name) or Entry(action.scope, DIRECTORY, action.name, mode=0o755))


def _set_attributes(entry: Entry, *, path: str | None = None) -> None:
    uid, gid = pwd.getpwnam(entry.owner).pw_uid, grp.getgrnam(entry.group).gr_gid
    descriptor = os.open(path or entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, entry.mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _validate(entry: Entry, staged: str) -> None:
    if not entry.validate:
        return
    command = [word.replace("%s", staged) for word in entry.validate]
    result = systemd.run(*command, check=False)
    if result.returncode:
        words = (result.stderr or result.stdout).strip().replace(staged, entry.path)
        words = f"it said nothing (status {result.returncode})" if not words or entry.secret else words
        raise StateError(f"{entry.scope}: the new {entry.path} is refused by {entry.validate[0]}: {words}. No file was changed.")


def _removals(plan: Plan) -> None:
    doomed = [a for a in plan.actions if a.action == "remove" and a.kind not in ("package", "user", "group", "unit")]
    retired = {a.name for a in doomed}
    for action in plan.actions:
        if action.kind == "unit" and action.action in ("stop", "disable") and f"/etc/systemd/system/{action.name}" in retired:
            systemd.act(action.action, action.name)
    for action in doomed:
        if action.kind == DIRECTORY:
            os.rmdir(action.name)
        else:
            files.remove_if_there(action.name)


# -- systemd


def _systemd(plan: Plan) -> None:
    retired = {a.name for a in plan.actions if a.action == "remove"}
    for action in plan.actions:
        if action.kind == "systemd":
            systemd.run("systemctl", "daemon-reload")
        elif action.kind == "unit" and f"/etc/systemd/system/{action.name}" not in retired:
            systemd.act(action.action, action.name)
    _sync_enablement({a.action for a in plan.actions if a.kind == "unit"})
    _settle([a for a in plan.actions if a.kind == "unit" and a.action in ("start", "restart")])


def _sync_enablement(verbs: Iterable[str]) -> None:
    """Make the links durable that systemd has made or removed."""
    if not {"enable", "disable", "mask", "unmask"}.isdisjoint(verbs):
        for directory, _, _ in os.walk(UNIT_DIRECTORY):
            files.sync_directory(directory)


def _settle(started: Sequence[Action]) -> None:
    """A unit that dies at once is a failure of this run, not a surprise for the next."""
    if not started:
        return
    names = [action.name for action in started]
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        status = systemd.statuses(names)
        broken = [name for name in names if status[name].active == "failed" or status[name].sub == "auto-restart"]
        if broken:
            raise StateError(f"{broken[0]} was started but does not stay up. Its last words:\n{systemd.journal_tail(broken[0])}")
        if time.monotonic() > deadline:
            return
        time.sleep(0.2)
