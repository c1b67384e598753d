# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations that a play's roles leave for one call at its end.

Each task runs in a process of its own, so they are handed on in a file. It lies in the run's private temporary folder, which only this
user can read and Ansible removes at the end: contents may be secret, so they must be neither facts nor registered results.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Gathered:
    """What the tasks of a play declared for one host, in order: scopes of host_state, the contents by path, arguments of release_gate."""

    scopes: list[Any] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    gates: list[Any] = field(default_factory=list)


def add(*, folder: str, host: str, scopes: Sequence[Any] = (), contents: Mapping[str, bytes] | None = None, gates: Sequence[Any] = ()) -> None:
    """Append what one task declares to what earlier tasks declared for this host."""
    earlier = _read(_path(folder, host))
    encoded = {path: base64.b64encode(data).decode() for path, data in {**earlier.contents, **(contents or {})}.items()}
    descriptor = os.open(_path(folder, host), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"scopes": [*earlier.scopes, *scopes], "contents": encoded, "gates": [*earlier.gates, *gates]}, stream)


def take(*, folder: str, host: str) -> Gathered:
    """Return all that was added for this host, and forget it."""
    path = _path(folder, host)
    gathered = _read(path)
    if os.path.exists(path):
        os.unlink(path)
    return gathered


def _path(folder: str, host: str) -> str:
    return os.path.join(folder, f"host-state-{quote(host, safe='')}.json")


def _read(path: str) -> Gathered:
    try:
        with open(path, encoding="utf-8") as stream:
            stored = json.load(stream)
    except FileNotFoundError:
        return Gathered()
    return Gathered(stored["scopes"], {path: base64.b64decode(data) for path, data in stored["contents"].items()}, stored["gates"])
