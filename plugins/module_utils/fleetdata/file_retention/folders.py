# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and what is in them, reached step by step from an open one: no symbolic link is followed, no other filesystem entered."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigurationError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def folder(path: str) -> Iterator[int]:
    """An open folder by its absolute path. Raises FileNotFoundError; ConfigurationError where a part of the path is a link or no folder."""
    steps = path.split("/")[1:]
    reached = os.open("/", _STEP)
    try:
        for number, step in enumerate(steps, start=1):
            here = "/" + "/".join(steps[:number])
            try:
                inner = os.open(step, _DIRECTORY if number == len(steps) else _STEP, dir_fd=reached)
            except NotADirectoryError:
                what = f"a symbolic link, to {os.path.realpath(here)}" if os.path.islink(here) else "no folder"
                raise ConfigurationError(f"{path}: {here} is {what}. Nothing goes through a link; name the folder where it really lies.") from None
            os.close(reached)
            reached = inner
        yield reached
    finally:
        os.close(reached)


@contextmanager
def parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """The open folder that a path below an open one lies in, and the name there. Raises OSError, also where a link is in between."""
    *steps, name = path.split("/")
    reached = os.dup(root)
    try:
        for step in steps:
            inner = enter(reached, step)
            os.close(reached)
            reached = inner
        yield reached, name
    finally:
        os.close(reached)


def enter(where: int, name: str) -> int:
    """Open a folder in an open one; the caller closes it. Raises OSError, for a link and for another filesystem's root, too."""
    inner = os.open(name, _DIRECTORY, dir_fd=where)
    if mount(inner) != mount(where):
        os.close(inner)
        raise OtherFilesystemError(name)
    return inner


class OtherFilesystemError(OSError):
    """A folder is where another filesystem begins."""


def open_file(where: int, name: str) -> int:
    """Open a plain file in an open folder for reading; the caller closes it. Raises OSError, for a link, too."""
    return os.open(name, _FILE, dir_fd=where)


def mount(file: int) -> tuple[int, str]:
    """What tells one filesystem, and one place of it in the tree, from another."""
    with open(f"/proc/self/fdinfo/{file}", encoding="ascii") as lines:
        places = [line for line in lines if line.startswith("mnt_id:")]
    return os.fstat(file).st_dev, "".join(places)


def entries(where: int) -> list[tuple[str, os.stat_result]]:
    """What an open folder has now, by name; links are not followed."""
    found = []
    for name in sorted(os.listdir(where)):
        try:
            found.append((name, os.stat(name, dir_fd=where, follow_symlinks=False)))
        except FileNotFoundError:
            continue  # it went meanwhile
    return found


def empty(where: int) -> None:
    """Delete all that an open folder has, and what is below; links go, not what they name. Raises OSError; then the rest is still there."""
    for name, found in entries(where):
        if stat.S_ISDIR(found.st_mode):
            inner = enter(where, name)
            try:
                empty(inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=where)
        else:
            os.unlink(name, dir_fd=where)
