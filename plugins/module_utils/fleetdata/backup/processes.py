# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a file open, as the system tells."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ..errors import ConfigurationError


@dataclass(frozen=True)
class User:
    """A process that has a file open."""

    pid: int
    name: str


def holders(paths: Iterable[str], *, proc: str = "/proc") -> list[User]:
    """The processes that have one of the files open, by number. Raises ConfigurationError where not all of them can be seen."""
    if os.geteuid():
        raise ConfigurationError("Only root sees which processes have the database open. Run this as root.")
    wanted = {(found.st_dev, found.st_ino) for found in map(os.stat, filter(os.path.exists, paths))}
    numbers = sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    return [User(pid, _name(proc, pid)) for pid in numbers if wanted & _open(f"{proc}/{pid}/fd")]


def _open(directory: str) -> set[tuple[int, int]]:
    """What a process has open; nothing of one that has ended meanwhile."""
    found = set()
    with suppress(OSError):
        for name in os.listdir(directory):
            with suppress(OSError):
                at = os.stat(f"{directory}/{name}")
                found.add((at.st_dev, at.st_ino))
    return found


def _name(proc: str, pid: int) -> str:
    try:
        with open(f"{proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "a process"
