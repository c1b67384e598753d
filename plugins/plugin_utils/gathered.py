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
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def add(*, folder: str, host: str, scopes: list[Any], contents: Mapping[str, bytes]) -> None:
    """Append what one task declares, and the contents by path, to what earlier tasks declared for this host."""
    earlier_scopes, earlier_contents = _read(_path(folder, host))
    encoded = {path: base64.b64encode(data).decode() for path, data in {**earlier_contents, **contents}.items()}
    descriptor = os.open(_path(folder, host), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"scopes": earlier_scopes + scopes, "contents": encoded}, stream)


def take(*, folder: str, host: str) -> tuple[list[Any], dict[str, bytes]]:
    """Return all that was added for this host, in order, and forget it."""
    path = _path(folder, host)
    gathered = _read(path)
    if os.path.exists(path):
        os.unlink(path)
    return gathered


def _path(folder: str, host: str) -> str:
    return os.path.join(folder, f"host-state-{quote(host, safe='')}.json")


def _read(path: str) -> tuple[list[Any], dict[str, bytes]]:
    try:
        with open(path, encoding="utf-8") as stream:
            stored = json.load(stream)
    except FileNotFoundError:
        return [], {}
    return stored["scopes"], {path: base64.b64decode(data) for path, data in stored["contents"].items()}
