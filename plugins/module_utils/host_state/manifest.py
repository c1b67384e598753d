# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers of a scope between runs: what was declared, what was made, and which unit actions are still owed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from urllib.parse import quote

from .errors import StateError
from .files import write_atomically
from .model import STATE_DIRECTORY


@dataclass(frozen=True)
class Manifest:
    """``paths`` maps a declared path to its kind and unit; ``kept`` may stay; ``made`` are directories made here; ``owed`` are (verb, unit)."""

    scope: str
    paths: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owed: tuple[tuple[str, str], ...] = ()


def load_all(*, directory: str = STATE_DIRECTORY) -> dict[str, Manifest]:
    """Read every scope's manifest. Raises StateError for one that cannot be read."""
    manifests = {}
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return {}
    for name in names:
        if name.endswith(".json"):
            manifest = _load(os.path.join(directory, name))
            manifests[manifest.scope] = manifest
    return manifests


def _load(path: str) -> Manifest:
    try:
        with open(path, encoding="utf-8") as stream:
            raw = json.load(stream)
        return Manifest(
            scope=raw["scope"],
            paths={path: (kind, unit) for path, (kind, unit) in raw["paths"].items()},
            kept=tuple(raw["kept"]),
            made=tuple(raw["made"]),
            users=tuple(raw["users"]),
            groups=tuple(raw["groups"]),
            owed=tuple((verb, unit) for verb, unit in raw["owed"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"the manifest {path} cannot be read ({error!r}), so it is not known what this scope owns. Restore it from a backup,"
            " or remove it: what is declared is then adopted again, and leftovers of older declarations stay."
        ) from error


def save(manifest: Manifest, *, directory: str = STATE_DIRECTORY) -> None:
    """Write a manifest, durably, readable by root only."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    data = json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n"
    write_atomically(os.path.join(directory, quote(manifest.scope, safe="") + ".json"), data.encode())


def drop(scope: str, *, directory: str = STATE_DIRECTORY) -> None:
    """Forget a scope."""
    try:
        os.unlink(os.path.join(directory, quote(scope, safe="") + ".json"))
    except FileNotFoundError:
        return
