# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File steps that survive a kill and a power cut."""

from __future__ import annotations

import os
from urllib.parse import quote

from .errors import StateError


def staged_path(path: str, *, below: str | None = None) -> str:
    """Where a file is staged: beside its target, or in ``below`` where the target's directory is still missing.

    The name is fixed, so that a later run overwrites what a killed one left. cron, sudo and systemd ignore it for its dot,
    logrotate for its tilde.
    """
    directory = below or os.path.dirname(path)
    name = quote(os.path.relpath(path, directory), safe="")  # a.d/x.conf and b.d/x.conf may both wait for their directories
    return os.path.join(directory, f".{name}.steady~")


def existing_ancestor(path: str) -> str:
    """The nearest directory above ``path`` that exists."""
    directory = os.path.dirname(path)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return directory


def stage(staged: str, data: bytes, *, mode: int = 0o600) -> None:
    """Write ``data`` to a new file and flush it to the disk."""
    remove_if_there(staged)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str, *, mode: int = 0o755) -> None:
    """Make a directory and what is missing above it, each in one step with its final mode, and durably."""
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        make_directories(parent)
    if not os.path.isdir(path):
        os.mkdir(path, mode)
        sync_directory(parent)


def sync_directory(path: str) -> None:
    """Make what was created, renamed or removed in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step: readers see the old content or the new, never a part."""
    staged = staged_path(path)
    stage(staged, data, mode=mode)
    os.rename(staged, path)
    sync_directory(os.path.dirname(path))


def link_atomically(path: str, target: str) -> None:
    """Point a link at ``target`` in one step."""
    staged = staged_path(path)
    remove_if_there(staged)
    os.symlink(target, staged)
    os.rename(staged, path)


def remove_if_there(path: str) -> None:
    """Unlink a file or link that may be missing."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def refuse_foreign_links(scope: str, path: str) -> None:
    """Raise StateError where a user other than root could lead a write of root elsewhere by a link above ``path``."""
    parent = os.path.dirname(path)
    while parent != "/":
        try:
            status = os.lstat(parent)
        except OSError:
            status = None
        if status is not None and os.path.islink(parent) and status.st_uid != 0:
            raise StateError(f"{scope}: {path} leads through {parent}, a link that root does not own. Remove that link, then run again.")
        parent = os.path.dirname(parent)
