# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for files that cannot be archived, each with its reason beside it. No name there is ever overwritten."""

from __future__ import annotations

import filecmp
import itertools
import os
import shutil

from .source import Source

REASON = ".reason.txt"
"""What the name of a reason's file has behind the file's own."""


def target(*, directory: str, source: Source) -> str:
    """Where the file would go: its own name, with a number behind it if that is taken by another content."""
    names = itertools.chain([source.name], (f"{source.name}.{number}" for number in itertools.count(1)))
    return next(path for name in names if _is_free(path := os.path.join(directory, name), source.path))


def move(*, directory: str, source: Source, reason: str) -> str:
    """Move a file and write its reason beside it; where to. Killed, it leaves the file in one place at least, and a re-run finishes.

    Raises OSError, or UnsettledError when the file was changed meanwhile.
    """
    os.makedirs(directory, mode=0o750, exist_ok=True)
    path = target(directory=directory, source=source)
    if not os.path.lexists(path):
        _link(source.path, path)
    with open(path + REASON, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(reason + "\n")
    source.remove()
    return path


def _is_free(path: str, source: str) -> bool:
    """Whether nothing is there, or what a killed run left of this very move."""
    if not os.path.lexists(path):
        return not os.path.lexists(path + REASON)
    return os.path.isfile(path) and not os.path.islink(path) and filecmp.cmp(path, source, shallow=False)


def _link(source: str, path: str) -> None:
    """Give the file a second name, or make a copy where that cannot be; neither replaces anything."""
    try:
        os.link(source, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        copy = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
        shutil.copy2(source, copy, follow_symlinks=False)
        with open(copy, "rb") as file:
            os.fsync(file.fileno())
        os.link(copy, path, follow_symlinks=False)
        os.unlink(copy)
