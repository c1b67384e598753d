# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers of a scope: its manifest from the last finished run, and the journal of a run that has begun to write.

A scope's manifest is the truth between runs. The journal, one file beside the manifests, holds for each scope that is being converged the
union of what was and what shall be. It is durable before the first write and goes after the last, so where it exists a run was cut short,
and the next run of that scope plans from it: nothing that was owed, made or staged is forgotten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote

from .errors import StateError
from .files import make_directories, remove_if_there, staged_path, sync_directory, write_atomically
from .model import STATE_DIRECTORY

JOURNAL = "journal"
"""Its name in the state directory. No scope's manifest can have it: those end in .json."""


@dataclass(frozen=True)
class Manifest:
    """``paths`` maps a declared path to its kind and unit; ``kept`` may stay; ``made`` are directories made here.

    Only the journal has more: ``owed`` are (verb, unit), ``staged`` are files that may lie beside their targets, ``begun`` is true.
    """

    scope: str
    paths: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owed: tuple[tuple[str, str], ...] = ()
    staged: tuple[str, ...] = ()
    begun: bool = False


def load_all(*, directory: str = STATE_DIRECTORY) -> dict[str, Manifest]:
    """Every scope's manifest, or what the journal says of it. Raises StateError for a file that cannot be read."""
    manifests = {}
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return {}
    for name in names:
        if name.endswith(".json"):
            manifest = _parse(_read(os.path.join(directory, name)), os.path.join(directory, name))
            manifests[manifest.scope] = manifest
    return {**manifests, **journalled(directory=directory)}


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except ValueError as error:
        raise _unreadable(path, error) from error


def _parse(raw: Any, path: str) -> Manifest:
    try:
        return Manifest(
            scope=raw["scope"],
            paths={path: (kind, unit) for path, (kind, unit) in raw["paths"].items()},
            kept=tuple(raw["kept"]),
            made=tuple(raw["made"]),
            users=tuple(raw["users"]),
            groups=tuple(raw["groups"]),
            owed=tuple((verb, unit) for verb, unit in raw["owed"]),
            staged=tuple(raw.get("staged", ())),
            begun=bool(raw.get("begun", False)),
        )
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: Exception) -> StateError:
    return StateError(
        f"the manifest {path} cannot be read ({error!r}), so it is not known what this scope owns. Restore it from a backup,"
        " or remove it: what is declared is then adopted again, and leftovers of older declarations stay."
    )


def _write(directory: str, name: str, content: Any) -> None:
    make_directories(directory, mode=0o700)
    write_atomically(os.path.join(directory, name), (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def _name(scope: str) -> str:
    return quote(scope, safe="") + ".json"


# -- the journal


def journalled(*, directory: str = STATE_DIRECTORY) -> dict[str, Manifest]:
    """The journal's entries by scope; none where the last run finished."""
    path = os.path.join(directory, JOURNAL)
    try:
        return {raw["scope"]: _parse(raw, path) for raw in _read(path)}
    except FileNotFoundError:
        return {}


def write_journal(entries: Mapping[str, Manifest], *, directory: str = STATE_DIRECTORY) -> None:
    """Make these entries, and no others, the journal, durably."""
    path = os.path.join(directory, JOURNAL)
    if entries:
        _write(directory, JOURNAL, [asdict(replace(entry, begun=True)) for _, entry in sorted(entries.items())])
    elif os.path.exists(path):
        os.unlink(path)
        remove_if_there(staged_path(path))
        sync_directory(directory)


def finish(manifests: Iterable[Manifest], *, directory: str = STATE_DIRECTORY) -> None:
    """Everything is done: save each scope's manifest where it is new, forget a scope that owns nothing, then strike them from the journal."""
    done = {manifest.scope: manifest for manifest in manifests}
    for scope, manifest in done.items():
        path = os.path.join(directory, _name(scope))
        saved = _parse(_read(path), path) if os.path.exists(path) else Manifest(scope)
        if manifest == saved:
            continue
        if manifest != Manifest(scope):
            _write(directory, _name(scope), asdict(manifest))
        else:
            os.unlink(path)
            sync_directory(directory)
    write_journal({scope: entry for scope, entry in journalled(directory=directory).items() if scope not in done}, directory=directory)


@contextmanager
def owing(scope: str, *, restarts: Iterable[str], staged: Iterable[str] = (), directory: str = STATE_DIRECTORY) -> Iterator[None]:
    """For a step outside a converge: journal that these units are to be restarted, until the body has ended well."""
    before = journalled(directory=directory)
    old = load_all(directory=directory).get(scope) or Manifest(scope)
    owed = {*old.owed, *(("restart", unit) for unit in restarts)}
    entry = replace(old, owed=tuple(sorted(owed)), staged=tuple(sorted({*old.staged, *staged})))
    write_journal({**before, scope: entry}, directory=directory)
    yield
    write_journal(before, directory=directory)
