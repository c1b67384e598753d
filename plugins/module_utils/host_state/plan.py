# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs: one pure function from the wanted and the observed state to a list of actions, in the order of their application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .errors import StateError
from .manifest import Manifest
from .model import DIRECTORY, FILE, LINK, STATE_DIRECTORY, UNIT_DIRECTORY, Entry, Scope, Unit, User
from .observe import Observed, PathState, UserState, ancestors
from .ports import UNSEEN
from .systemd import UnitStatus

RELOAD_TREES = ("/etc/systemd/system/", "/usr/local/lib/systemd/system/")
OWN_DIRECTORIES = (STATE_DIRECTORY, *ancestors(STATE_DIRECTORY))  # made with the journal, before everything else
VERB_ORDER = ("unmask", "mask", "stop", "disable", "enable", "restart", "reload-or-restart", "start")


@dataclass(frozen=True)
class Action:
    """One difference: what is done, to what, why, and for which scope."""

    action: str
    kind: str
    name: str
    why: str
    scope: str

    def sentence(self) -> str:
        """One line for a person."""
        return f"{self.action} {self.kind} {self.name}: {self.why}"


@dataclass(frozen=True)
class Plan:
    """``actions`` in order; ``needs`` are paths whose content has to be sent; ``kept`` says what stays though it is no longer declared;
    ``manifests`` is what has to be remembered after, ``journal`` meanwhile; ``record`` says that this alone is new; ``numbers`` are the uid and
    gid that an account is made with where its files still carry one; ``warnings`` are for a person."""

    actions: tuple[Action, ...]
    needs: tuple[str, ...]
    kept: tuple[str, ...]
    manifests: tuple[Manifest, ...]
    record: bool
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    journal: tuple[Manifest, ...] = ()
    warnings: tuple[str, ...] = ()

    def packages(self, action: str) -> list[str]:
        """Names to install or to remove."""
        return [a.name for a in self.actions if a.kind == "package" and a.action == action]


def plan(*, scopes: Sequence[Scope], observed: Observed, check: bool = False) -> Plan:
    """Compare. Raises StateError where the host does not allow the declaration; nothing has been written then.

    Args:
        scopes: what is wanted.
        observed: what is there.
        check: in check mode an owner or a unit that is missing is a warning: an earlier step of the same play may bring it.
    """
    _refuse_other_owners(scopes, observed)
    warnings = _missing_accounts(scopes, observed)
    if warnings and not check:
        raise StateError(warnings[0])
    numbers = _numbers(scopes, observed)
    actions: list[Action] = []
    kept: list[str] = []
    for scope in scopes:
        actions += _package_actions(scope, observed, planned={a.name for a in actions if a.kind == "package"})
        actions += _group_actions(scope, observed)
        actions += _user_actions(scope, observed, numbers)
        actions += _absent_account_actions(scope, observed)
    paths: list[Action] = []
    numbered = _as_numbered(observed, numbers)
    for scope in scopes:
        paths += _parent_actions(scope, observed, planned={a.name for a in paths})
        paths += _entry_actions(scope, numbered)
        paths += _removals(scope, observed, kept)
    actions += paths
    if not any(a.kind == "package" for a in actions):
        warnings += _unknown_units(scopes, observed)
        if warnings and not check:
            raise StateError(warnings[0])
    warnings += _unmanaged_drop_ins(scopes, observed)
    actions += _unit_actions(scopes, observed, paths)
    manifests = tuple(_manifest(scope, observed, paths, observed.manifests.get(scope.name)) for scope in scopes)
    return Plan(
        actions=tuple(actions),
        needs=tuple(
            e.path
            for s in scopes
            for e in s.entries
            if e.kind == FILE and any(a.name == e.path for a in paths) and _content_differs(e, observed.paths.get(e.path))
        ),
        kept=tuple(kept),
        manifests=manifests,
        journal=tuple(_journal(scope, observed, new, actions) for scope, new in zip(scopes, manifests)),
        record=any((observed.manifests.get(m.scope) or Manifest(m.scope)) != m for m in manifests),
        numbers=numbers,
        warnings=tuple(warnings),
    )


def unseen(*, scopes: Sequence[Scope], observed: Observed) -> list[str]:
    """Units and paths that concern these scopes and are not there: a package that is installed next may bring them."""
    units = {name for scope in scopes for name in scope.unit_names() if not _status(observed, name).exists}
    return sorted(units | {path for scope in scopes for path in scope.absent.paths if path not in observed.paths})


# -- refusals


def _refuse_other_owners(scopes: Sequence[Scope], observed: Observed) -> None:
    here = {scope.name for scope in scopes}
    owners = {path: m.scope for m in observed.manifests.values() if m.scope not in here for path in m.paths}
    for scope in scopes:
        for entry in scope.entries:
            owner = owners.get(entry.path)
            if owner is not None:
                raise StateError(
                    f"{scope.name} declares {entry.path}, but scope {owner} owns it on this host. Keep one of the two declarations;"
                    f" to hand it over, converge {owner} without it first."
                )


def _missing_accounts(scopes: Sequence[Scope], observed: Observed) -> list[str]:
    users = set(observed.users) | {u.name for s in scopes for u in s.users}
    groups = set(observed.groups) | {g.name for s in scopes for g in s.groups}
    problems = []
    for scope in scopes:
        for entry in scope.entries:
            if entry.kind != LINK and entry.owner not in users:
                problems.append(f"{scope.name}: {entry.path} is to belong to user {entry.owner}, who does not exist. Declare the user, or correct 'owner'.")
            if entry.kind != LINK and entry.group not in groups:
                problems.append(f"{scope.name}: {entry.path} is to belong to group {entry.group}, which does not exist. Declare the group, or correct 'group'.")
        for user in scope.users:
            for group in {user.group, *user.groups} - groups:
                problems.append(f"{scope.name}: user {user.name} is to be in group {group}, which does not exist. Declare the group first.")
    return problems


def _unknown_units(scopes: Sequence[Scope], observed: Observed) -> list[str]:
    return [
        f"{scope.name}: there is no unit {unit.name} on this host, and the declaration gives it no content. Correct its name,"
        f" or declare the package that brings it."
        for scope in scopes
        for unit in scope.units
        if not unit.has_file and (unit.enabled or unit.state == "started") and not _status(observed, unit.name).exists
    ]


def _unmanaged_drop_ins(scopes: Sequence[Scope], observed: Observed) -> list[str]:
    """Drop-ins on units of ours that no scope declares. They are left alone, as all that was not made here, but never silently."""
    ours = {entry.path for scope in scopes for entry in scope.entries}
    ours.update(path for manifest in observed.manifests.values() for path in manifest.paths)
    return [
        f"{scope.name}: {path} changes the unit {unit.name}, and no scope declares it. It was left alone: declare it, list it under absent.paths,"
        f" or remove it and run systemctl daemon-reload."
        for scope in scopes
        for unit in scope.units
        for path in observed.drop_ins.get(unit.name, ())
        if path not in ours
    ]


# -- packages and accounts


def _package_actions(scope: Scope, observed: Observed, *, planned: set[str]) -> Iterator[Action]:
    for name in scope.packages:
        if name not in observed.packages and name not in planned:
            yield Action("install", "package", name, "missing", scope.name)
    for name in scope.absent.packages:
        if name in observed.packages and name not in planned:
            yield Action("remove", "package", name, "declared absent", scope.name)


def _numbers(scopes: Sequence[Scope], observed: Observed) -> dict[tuple[str, str], int]:
    """The numbers of accounts that are missing, as far as they are known: as declared, or the one that most declared paths of that owner
    still carry and nobody has. With its number back, an account that was removed owns all of its files again, not only the declared ones."""
    users = {u.name: u for s in scopes for u in s.users if u.name not in observed.users}
    groups = {g.name: g for s in scopes for g in s.groups if g.name not in observed.groups}
    carried: dict[tuple[str, str], Counter[int]] = {}
    for entry in (e for s in scopes for e in s.entries):
        state = observed.paths.get(entry.path)
        if state is None or state.kind == LINK:
            continue
        if entry.owner in users and state.uid in observed.orphan_uids and _is_system_number(state.uid) == users[entry.owner].system:
            carried.setdefault(("user", entry.owner), Counter())[state.uid] += 1
        if entry.group in groups and state.gid in observed.orphan_gids and _is_system_number(state.gid) == groups[entry.group].system:
            carried.setdefault(("group", entry.group), Counter())[state.gid] += 1
    numbers: dict[tuple[str, str], int] = {}
    for (kind, name), counted in carried.items():
        number = counted.most_common(1)[0][0]
        if not any(k == kind and n == number for (k, _), n in numbers.items()):
            numbers[kind, name] = number
    numbers.update({("user", name): user.uid for name, user in users.items() if user.uid is not None})
    numbers.update({("group", name): group.gid for name, group in groups.items() if group.gid is not None})
    return numbers


def _is_system_number(number: int) -> bool:
    return 0 < number < 1000


def _as_numbered(observed: Observed, numbers: Mapping[tuple[str, str], int]) -> Observed:
    """The host as it is once the accounts with known numbers are made: what its paths are compared with."""
    users = {name: UserState(number, 0, "", "", frozenset()) for (kind, name), number in numbers.items() if kind == "user"}
    groups = {name: number for (kind, name), number in numbers.items() if kind == "group"}
    return replace(observed, users={**observed.users, **users}, groups={**observed.groups, **groups})


def _group_actions(scope: Scope, observed: Observed) -> Iterator[Action]:
    for group in scope.groups:
        if group.name not in observed.groups:
            yield Action("create", "group", group.name, "missing", scope.name)
        else:
            _refuse_renumbering(scope.name, "group", group.name, group.gid, observed.groups[group.name])
            if group.name in observed.bare_groups:
                yield Action("change", "group", group.name, "has no entry in /etc/gshadow", scope.name)


def _user_actions(scope: Scope, observed: Observed, numbers: Mapping[tuple[str, str], int]) -> Iterator[Action]:
    for user in scope.users:
        state = observed.users.get(user.name)
        if state is None:
            yield Action("create", "user", user.name, "missing", scope.name)
            continue
        _refuse_renumbering(scope.name, "user", user.name, user.uid, state.uid)
        differences = user_differences(user, state, _as_numbered(observed, numbers).groups)
        if differences:
            yield Action("change", "user", user.name, ", ".join(differences), scope.name)


def _absent_account_actions(scope: Scope, observed: Observed) -> Iterator[Action]:
    for name in scope.absent.users:
        if name in observed.users:
            yield Action("remove", "user", name, "declared absent", scope.name)
    for name in scope.absent.groups:
        if name in observed.groups:
            yield Action("remove", "group", name, "declared absent", scope.name)


def _refuse_renumbering(scope: str, kind: str, name: str, wanted: int | None, current: int) -> None:
    if wanted is not None and wanted != current:
        raise StateError(
            f"{scope}: {kind} {name} has number {current} on this host, not {wanted}. Renumbering would orphan its files: change the declaration,"
            f" or renumber by hand."
        )


def user_differences(user: User, state: UserState, groups: Mapping[str, int]) -> list[str]:
    """What of an existing user is not as declared, in words."""
    differences = []
    if groups.get(user.group) != state.gid:
        differences.append(f"primary group {user.group}")
    if user.home != state.home:
        differences.append(f"home {state.home} → {user.home}")
    if user.shell != state.shell:
        differences.append(f"shell {state.shell} → {user.shell}")
    missing = sorted(set(user.groups) - state.groups)
    if missing:
        differences.append(f"not in {', '.join(missing)}")
    if not state.shadowed:
        differences.append("has no entry in /etc/shadow")
    return differences


# -- paths


def _parent_actions(scope: Scope, observed: Observed, *, planned: set[str]) -> Iterator[Action]:
    declared = {entry.path for entry in scope.entries if entry.kind == DIRECTORY}
    seen = set(planned)
    for entry in scope.entries:
        for parent in reversed(ancestors(entry.path)):
            if parent in observed.paths or parent in declared or parent in seen or parent in OWN_DIRECTORIES:
                continue
            seen.add(parent)
            yield Action("create", DIRECTORY, parent, "a declared path needs it", scope.name)


def _entry_actions(scope: Scope, observed: Observed) -> Iterator[Action]:
    directories = sorted((e for e in scope.entries if e.kind == DIRECTORY), key=lambda e: e.path)
    others = [e for e in scope.entries if e.kind != DIRECTORY]
    for entry in directories + others:
        state = observed.paths.get(entry.path)
        _refuse_wrong_kind(entry, state)
        why = _difference(entry, state, observed)
        if why:
            yield Action("create" if state is None else "change", entry.kind, entry.path, why, scope.name)


def _refuse_wrong_kind(entry: Entry, state: PathState | None) -> None:
    if state is None or state.kind == entry.kind or (entry.kind != DIRECTORY and state.kind in (FILE, LINK)):
        return
    raise StateError(f"{entry.scope}: {entry.path} is to be a {entry.kind}, but there is a {state.kind}. Move it away on the host, then run again.")


def _difference(entry: Entry, state: PathState | None, observed: Observed) -> str:
    if state is None:
        return "missing"
    if entry.seed:
        return ""
    if state.kind != entry.kind:
        return f"was a {state.kind}"
    if entry.kind == LINK:
        return "" if state.target == entry.target else f"{state.target} → {entry.target}"
    differences = ["content"] if _content_differs(entry, state) else []
    owner = observed.users.get(entry.owner)
    if owner is None or owner.uid != state.uid:
        differences.append(f"owner {entry.owner}")
    if observed.groups.get(entry.group) != state.gid:
        differences.append(f"group {entry.group}")
    if state.mode != entry.mode:
        differences.append(f"mode {state.mode:04o} → {entry.mode:04o}")
    return ", ".join(differences)


def _content_differs(entry: Entry, state: PathState | None) -> bool:
    return entry.kind == FILE and (state is None or state.kind != FILE or (not entry.seed and state.digest != entry.digest))


def _removals(scope: Scope, observed: Observed, kept: list[str]) -> Iterator[Action]:
    old = observed.manifests.get(scope.name)
    declared = {entry.path for entry in scope.entries}
    gone = {path: "declared absent" for path in scope.absent.paths if path in observed.paths}
    for unit in scope.absent.units:
        if f"{UNIT_DIRECTORY}/{unit}" in observed.paths:
            gone[f"{UNIT_DIRECTORY}/{unit}"] = "declared absent"
    if old is not None:
        for path in old.paths:
            if path not in declared and path in observed.paths and path not in gone:
                if path in old.kept:
                    kept.append(f"{path}: declared with keep")
                else:
                    gone[path] = "no longer declared"
        gone.update(_needless_parents(old, declared, observed))
        gone.update({path: "left by an interrupted run" for path in old.staged if path in observed.paths})
        kept += [f"user {name}: no longer declared; its files may be in use" for name in old.users if name not in {u.name for u in scope.users}]
    yield from _removal_actions(scope, observed, gone, kept, made=set(old.made) if old else set())


def _needless_parents(old: Manifest, declared: set[str], observed: Observed) -> dict[str, str]:
    needed = {parent for path in declared for parent in ancestors(path)} | declared
    return {path: "no longer needed" for path in old.made if path in observed.paths and path not in needed}


def _removal_actions(scope: Scope, observed: Observed, gone: Mapping[str, str], kept: list[str], *, made: set[str]) -> Iterator[Action]:
    for path, why in sorted(gone.items(), reverse=True):
        state = observed.paths[path]
        if state.kind != DIRECTORY:
            yield Action("remove", state.kind, path, why, scope.name)
        elif why != "declared absent" and path not in made:
            kept.append(f"{path}: no longer declared, but it was there before")
        elif all(f"{path}/{name}" in gone for name in state.names):
            yield Action("remove", DIRECTORY, path, why, scope.name)
        elif why == "declared absent":
            raise StateError(
                f"{scope.name}: {path} is declared absent but is a directory with something in it. Empty it by hand first: nothing is deleted recursively here."
            )
        else:
            kept.append(f"{path}: no longer declared, but not empty")


# -- units


def _unit_actions(scopes: Sequence[Scope], observed: Observed, paths: Sequence[Action]) -> list[Action]:
    changed = {a.name: a for a in paths}
    reload_needed = [a for a in paths if a.name.startswith(RELOAD_TREES) and a.kind != DIRECTORY]
    verbs: dict[tuple[str, str], Action] = {}

    def add(verb: str, unit: str, why: str, scope: str) -> None:
        verbs.setdefault((verb, unit), Action(verb, "unit", unit, why, scope))

    stale = [u for s in scopes for u in s.units if _status(observed, u.name).stale]
    for scope in scopes:
        for unit in scope.units:
            for verb, why in _unit_verbs(unit, _status(observed, unit.name), changed):
                add(verb, unit.name, why, scope.name)
        for verb, name, why in _follow_up_verbs(scope, observed, changed):
            add(verb, name, why, scope.name)
        for name, why in _retired_units(scope, observed):
            for verb in _retiring_verbs(_status(observed, name)):
                add(verb, name, why, scope.name)
    # systemd opens no socket while its service runs without it; a restart of the service opens it on the way. A socket that is restarted
    # takes its service along.
    for service, action in _services_of_new_sockets(verbs, observed):
        add("restart", service, f"{action.name} {action.why}", action.scope)
    _refuse_taken_ports(scopes, observed, {name for verb, name in verbs if verb in ("start", "restart")})
    actions = [a for verb in VERB_ORDER for (v, _), a in sorted(verbs.items(), key=_sockets_first) if v == verb and not _overruled(a, verbs)]
    owed_reload = [s.name for s in scopes for verb, _ in _owed(s, observed) if verb == "daemon-reload"]
    if reload_needed or stale or owed_reload:
        why = "unit files change" if reload_needed else "unit files changed since systemd read them"
        scope_name = reload_needed[0].scope if reload_needed else stale[0].scope if stale else owed_reload[0]
        actions.insert(0, Action("reload", "systemd", "manager", why, scope_name))
    return actions


def _sockets_first(item: tuple[tuple[str, str], Action]) -> tuple[bool, tuple[str, str]]:
    """A service needs its socket before it starts, and a socket that outlives its service would start it again."""
    (_, name), _ = item
    return not name.endswith(".socket"), item[0]


def _services_of_new_sockets(verbs: Mapping[tuple[str, str], Action], observed: Observed) -> list[tuple[str, Action]]:
    started = [(name.rpartition(".")[0] + ".service", a) for (verb, name), a in verbs.items() if verb in ("start", "restart") and name.endswith(".socket")]
    return [(service, a) for service, a in started if _status(observed, service).running and ("stop", service) not in verbs]


def _status(observed: Observed, name: str) -> UnitStatus:
    return observed.units.get(name) or UnitStatus()


def _owed(scope: Scope, observed: Observed) -> tuple[tuple[str, str], ...]:
    old = observed.manifests.get(scope.name)
    return old.owed if old is not None else ()


def _unit_verbs(unit: Unit, status: UnitStatus, changed: Mapping[str, Action]) -> Iterator[tuple[str, str]]:
    file_change = changed.get(f"{UNIT_DIRECTORY}/{unit.name}")
    if unit.masked and not status.masked:
        yield "mask", "is to be masked"
    in_place = file_change is not None and file_change.action != "remove" and status.file_state == "masked"  # the link that masks it is where its file goes
    if status.masked and not unit.masked and (unit.masked is False or unit.enabled or unit.state == "started" or in_place):
        yield "unmask", "is masked"
    if unit.enabled and (not status.enabled or status.masked):
        yield "enable", "does not start at boot"
    if unit.enabled is False and status.file_state in ("enabled", "enabled-runtime"):
        yield "disable", "starts at boot"
    if unit.state == "stopped" and (status.running or status.sub == "auto-restart"):
        yield "stop", "is to be stopped"
    if unit.state == "started" and not status.running:
        yield "start", "is not running" if status.sub != "auto-restart" else "keeps failing"
    if status.running and unit.state != "stopped":
        if file_change is not None and file_change.action != "remove":
            yield "restart", f"its file changes ({file_change.why})"
        elif unit.has_file and status.stale:
            yield "restart", "its file changed since it was started"


def _follow_up_verbs(scope: Scope, observed: Observed, changed: Mapping[str, Action]) -> Iterator[tuple[str, str, str]]:
    enabled = {unit.name for unit in scope.units if unit.enabled}
    for verb, unit in _owed(scope, observed):
        if unit in enabled if verb == "enable" else unit and _status(observed, unit).running:
            yield verb, unit, "owed by an interrupted run"
    for entry in scope.entries:
        if entry.path in changed:
            for unit in entry.restarts:
                if _status(observed, unit).running:
                    yield "restart", unit, f"{entry.path} changes"
            for unit in entry.reloads:
                if _status(observed, unit).running:
                    yield "reload-or-restart", unit, f"{entry.path} changes"


def _retired_units(scope: Scope, observed: Observed) -> Iterator[tuple[str, str]]:
    for name in scope.absent.units:
        yield name, "declared absent"
    old = observed.manifests.get(scope.name)
    declared = {unit.name for unit in scope.units}
    for path, (_, unit) in sorted(old.paths.items()) if old is not None else ():
        if unit and unit not in declared and unit not in scope.absent.units and path not in {e.path for e in scope.entries}:
            yield unit, "no longer declared"


def _retiring_verbs(status: UnitStatus) -> Iterator[str]:
    if status.running or status.active == "failed" or status.sub == "auto-restart":
        yield "stop"
    if status.file_state in ("enabled", "enabled-runtime"):
        yield "disable"


def _overruled(action: Action, verbs: Mapping[tuple[str, str], Action]) -> bool:
    """A unit that is started, stopped or restarted anyway needs nothing less."""
    stronger = {"restart": ("stop", "start"), "reload-or-restart": ("restart", "stop", "start")}
    return any((verb, action.name) in verbs for verb in stronger.get(action.action, ()))


def _refuse_taken_ports(scopes: Sequence[Scope], observed: Observed, starting: set[str]) -> None:
    for scope in scopes:
        for unit in scope.units:
            for port in unit.ports:
                holder = observed.ports.get(port)
                if unit.name in starting and holder is not None and not _is_own(unit.name, holder, observed):
                    raise StateError(
                        f"{scope.name}: {unit.name} is to listen on port {port}, which {holder} has taken. Nothing was changed."
                        f" Stop that process, or give the unit another port."
                    )


def _is_own(unit: str, holder: str, observed: Observed) -> bool:
    """Whether a port is held by the unit itself, by its service, or by systemd for its socket."""
    stem = unit.rpartition(".")[0]
    if holder == UNSEEN:  # a container without the right to look into processes
        return _status(observed, f"{stem}.service").running
    by_systemd = "(pid 1," in holder or "(pid 1)" in holder
    return f", {stem}.service)" in holder or (by_systemd and _status(observed, f"{stem}.socket").running)


# -- what is remembered


def _manifest(scope: Scope, observed: Observed, paths: Sequence[Action], old: Manifest | None) -> Manifest:
    made = {a.name for a in paths if a.scope == scope.name and a.kind == DIRECTORY and a.action == "create"} | set(old.made if old else ())
    removed = {a.name for a in paths if a.action == "remove"}
    return Manifest(
        scope=scope.name,
        paths={entry.path: (entry.kind, entry.unit) for entry in scope.entries},
        kept=tuple(sorted(entry.path for entry in scope.entries if entry.keep)),
        made=tuple(sorted(path for path in made - removed if path in observed.paths or any(a.name == path for a in paths))),
        users=tuple(sorted(user.name for user in scope.users)),
        groups=tuple(sorted(group.name for group in scope.groups)),
    )


def _journal(scope: Scope, observed: Observed, new: Manifest, actions: Sequence[Action]) -> Manifest:
    """What must not be forgotten from the first write to the last: the old and the new paths, and the unit actions that no state shows.

    A restart is owed to a unit that does not run, too: it may come up between two writes. An enablement is, as several links make it.
    """
    old = observed.manifests.get(scope.name) or Manifest(scope.name)
    owed = set(old.owed)
    if any(a.kind == "systemd" for a in actions):
        owed.add(("daemon-reload", ""))
    owed |= {(a.action, a.name) for a in actions if a.scope == scope.name and a.action in ("enable", "restart", "reload-or-restart")}
    changed = {a.name for a in actions if a.kind in (FILE, LINK) and a.action != "remove"}
    for entry in (e for e in scope.entries if e.path in changed):
        units = (entry.unit,) if entry.unit and "@." not in entry.unit else ()
        owed |= {("restart", unit) for unit in entry.restarts + units} | {("reload-or-restart", unit) for unit in entry.reloads}
    return Manifest(
        scope=scope.name,
        paths={**old.paths, **new.paths},
        kept=tuple(sorted({*new.kept, *(path for path in old.kept if path not in new.paths)})),
        made=tuple(sorted({*old.made, *new.made})),
        users=tuple(sorted({*old.users, *new.users})),
        groups=tuple(sorted({*old.groups, *new.groups})),
        owed=tuple(sorted(owed)),
        staged=old.staged,
    )
