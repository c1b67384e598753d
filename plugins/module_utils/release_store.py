# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of one application on its host.

``<root>/releases/<id>/{app,venv,release.json}`` and the link ``<root>/current``. ``release.json`` is written last, so a
release without it was never finished and counts for nothing. Beside it lie, for root only, ``env`` (the environment that the
release was proved with) and ``rejected.json`` (why it must not be switched to again by itself).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone

from ansible_collections.steady.fleet.plugins.module_utils.host_state import files

_ID = re.compile(r"[0-9a-f]{12}\Z")


class ReleaseError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Record:
    """What ``release.json`` says. Times are ISO 8601 in UTC; ``proved_at`` is empty until the gate saw it healthy."""

    id: str
    source: str = ""
    requirements_sha256: str = ""
    python: str = ""
    built_at: str = ""
    proved: bool = False
    proved_at: str = ""
    imports: list[str] = field(default_factory=list)


FAILED, WITHDRAWN = "failed", "withdrawn"


@dataclass(frozen=True)
class Rejection:
    """What ``rejected.json`` says: ``kind`` is ``failed`` (at the gate, together with the environment of that digest) or ``withdrawn`` (by a person)."""

    kind: str
    at: str
    why: str
    environment: str = ""


@dataclass(frozen=True)
class Store:
    """A snapshot of what lies on the host."""

    root: str
    current: str | None
    records: dict[str, Record]
    unfinished: list[str]
    rejected: dict[str, Rejection] = field(default_factory=dict)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def release_path(root: str, release: str) -> str:
    if not _ID.match(release):
        raise ReleaseError(f"{release!r} is not a release id (12 hexadecimal digits)")
    return os.path.join(root, "releases", release)


def _record(path: str) -> Record | None:
    try:
        with open(os.path.join(path, "release.json"), encoding="utf-8") as stream:
            data = json.load(stream)
        known = {name: data[name] for name in Record.__dataclass_fields__ if name in data}
        record = Record(**known)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return record if record.id == os.path.basename(path) else None


def _rejection(path: str) -> Rejection | None:
    try:
        with open(os.path.join(path, "rejected.json"), encoding="utf-8") as stream:
            return Rejection(**json.load(stream))
    except (OSError, ValueError, TypeError):
        return None


def read(root: str) -> Store:
    """Read the releases of ``root``; an absent root is an empty store."""
    base = os.path.join(root, "releases")
    try:
        names = sorted(name for name in os.listdir(base) if _ID.match(name))
    except OSError:
        names = []
    records = {name: record for name in names for record in [_record(os.path.join(base, name))] if record}
    current = None
    link = os.path.join(root, "current")
    if os.path.islink(link):
        name = os.path.basename(os.path.realpath(link))
        current = name if name in names else None
    rejected = {name: found for name in records for found in [_rejection(os.path.join(base, name))] if found}
    return Store(root=root, current=current, records=records, unfinished=[n for n in names if n not in records], rejected=rejected)


def way_back(store: Store) -> str | None:
    """The release to return to: the one proved last, other than the current one and those that a person has withdrawn."""
    withdrawn = {name for name, found in store.rejected.items() if found.kind == WITHDRAWN}
    proved = [r for r in store.records.values() if r.proved and r.id != store.current and r.id not in withdrawn]
    return max(proved, key=lambda r: (r.proved_at, r.built_at)).id if proved else None


def plan_prune(store: Store, *, keep: int, current: str | None = None) -> list[str]:
    """Which releases to remove so that at most ``keep`` stay. Never the current one nor the way back from it."""
    current = current or store.current
    if current is None:
        return []
    held = {current, way_back(replace(store, current=current))}
    newest = sorted(store.records.values(), key=lambda r: (r.built_at, r.id), reverse=True)
    for record in newest:
        if len(held - {None}) >= keep:
            break
        held.add(record.id)
    return sorted(name for name in [*store.records, *store.unfinished] if name not in held)


def write_record(path: str, record: Record) -> None:
    """Put ``release.json`` in place atomically and durably."""
    text = json.dumps(asdict(record), indent=2, sort_keys=True) + "\n"
    files.write_atomically(os.path.join(path, "release.json"), text.encode(), mode=0o644)


def is_proved_last(store: Store, release: str) -> bool:
    """Whether ``release`` was proved, and none after it."""
    last = max(store.records.values(), key=lambda r: r.proved_at)
    return store.records[release].proved and last.id == release


def prove(store: Store, release: str, *, environment: bytes | None = None) -> None:
    """Note that ``release`` answered healthily with this environment, unless it is noted already as the one that did so last."""
    path = release_path(store.root, release)
    if environment is not None and environment != environment_of(store.root, release):
        files.write_atomically(os.path.join(path, "env"), environment, mode=0o600)
    if not is_proved_last(store, release):
        write_record(path, replace(store.records[release], proved=True, proved_at=now()))
    if release in store.rejected:
        files.remove_if_there(os.path.join(path, "rejected.json"))


def environment_of(root: str, release: str) -> bytes | None:
    """The environment file that a release was proved with; ``None`` where there was none."""
    return read_file(os.path.join(release_path(root, release), "env"))


def read_file(path: str) -> bytes | None:
    """The content of a file, ``None`` where it is not there."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def reject(root: str, release: str, rejection: Rejection) -> None:
    """Note why a release must not be switched to again by itself. For root only: the digest is one of secrets."""
    text = json.dumps(asdict(rejection), indent=2, sort_keys=True) + "\n"
    files.write_atomically(os.path.join(release_path(root, release), "rejected.json"), text.encode(), mode=0o600)


def switch(root: str, release: str) -> None:
    """Point ``current`` at ``release`` in one step: at no instant is there no link."""
    files.link_atomically(os.path.join(root, "current"), os.path.join("releases", release))
    files.sync_directory(root)


def remove(root: str, releases: Sequence[str]) -> None:
    """Remove release trees; the mark of completeness goes first, so a kill leaves no half release that looks whole."""
    for release in releases:
        path = release_path(root, release)
        marker = os.path.join(path, "release.json")
        if os.path.lexists(marker):
            os.unlink(marker)
            files.sync_directory(path)
        shutil.rmtree(path)
