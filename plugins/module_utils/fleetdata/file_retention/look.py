# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a folder has of a rule: read, nothing written."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Sequence

from . import folders
from .model import DIRECTORIES, GOING, LOOKED_AT, Inode, Key, Rule, Seen, Unit
from .use import Use

_KINDS = ((stat.S_ISSOCK, "a socket"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISBLK, "a device"), (stat.S_ISCHR, "a device"))


def look(*, rule: Rule, use: Use) -> Seen:
    """Read what there is. Raises ConfigurationError for a path that a link is in."""
    try:
        with folders.folder(rule.folder) as root:
            return _Look(rule, use).all(root)
    except FileNotFoundError:
        return Seen(there=False)
    except PermissionError as error:
        return Seen(unreadable=(f"{rule.folder}: {error.strerror}.",))


def key(found: os.stat_result) -> Key:
    """What names an inode."""
    return found.st_dev, found.st_ino


def inode(found: os.stat_result, names: int = 1) -> Inode:
    """What is known of an inode. A directory's names within it (. and ..) are no names of its own, and its length is no content."""
    directory = stat.S_ISDIR(found.st_mode)
    links = 1 if directory else found.st_nlink
    return Inode(size=0 if directory else found.st_size, modified_ns=found.st_mtime_ns, links=links, names=names, disk=found.st_blocks * 512)


def tree(where: int, name: str) -> tuple[dict[Key, Inode], str]:
    """All that a directory in an open folder has, itself included, and why it must not go, if so. Raises OSError."""
    found = os.stat(name, dir_fd=where, follow_symlinks=False)
    inodes, oddity = {key(found): inode(found)}, ""
    inner = folders.enter(where, name)
    try:
        for below, its in folders.entries(inner):
            if stat.S_ISDIR(its.st_mode):
                more, odd = tree(inner, below)
            else:
                more, odd = {key(its): inode(its)}, next((f"it holds {what}" for is_kind, what in _KINDS if is_kind(its.st_mode)), "")
            oddity = oddity or odd
            for one, known in more.items():
                names = known.names + (inodes[one].names if one in inodes else 0)
                inodes[one] = Inode(known.size, known.modified_ns, known.links, names, known.disk)
    except folders.OtherFilesystemError:
        oddity = "it holds another filesystem"
    finally:
        os.close(inner)
    return inodes, oddity


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path below the folder is meant: a pattern with a slash has as many parts as the path, one without is about the name alone."""
    return any(_matches(path.split("/") if "/" in pattern else path.split("/")[-1:], pattern.split("/")) for pattern in patterns)


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """As in a shell, a dot at the beginning has to be said."""
    return len(parts) == len(pattern) and all(
        fnmatch.fnmatchcase(part, wanted) and part.startswith(".") <= wanted.startswith(".") for part, wanted in zip(parts, pattern)
    )


class _Look:
    def __init__(self, rule: Rule, use: Use) -> None:
        self._rule, self._use = rule, use
        self._units: list[Unit] = []
        self._unreadable: list[str] = []
        self._aside: list[str] = []
        self._elsewhere: list[str] = []
        self._targets = {os.path.realpath(link): link for link in rule.current}

    def all(self, root: int) -> Seen:
        self._folder(root, "", self._rule.depth)
        return Seen(
            units=tuple(self._units),
            unreadable=tuple(self._unreadable),
            aside=tuple(self._aside),
            elsewhere=tuple(self._elsewhere),
            missing_links=tuple(link for link in self._rule.current if not os.path.exists(link)),
        )

    def _folder(self, where: int, below: str, depth: int) -> None:
        for name, found in folders.entries(where):
            path = below + name
            if stat.S_ISDIR(found.st_mode):
                self._directory(where, name, path, depth)
            elif stat.S_ISREG(found.st_mode) and self._rule.units != DIRECTORIES and self._meant(path):
                self._add(path, name, key(found), {key(found): inode(found)}, "")

    def _directory(self, where: int, name: str, path: str, depth: int) -> None:
        try:
            if self._rule.units == DIRECTORIES and name.startswith((LOOKED_AT, GOING)):
                self._aside.append(path)
            elif self._rule.units == DIRECTORIES and self._meant(path):
                inodes, oddity = tree(where, name)
                self._add(path, name, next(iter(inodes)), inodes, oddity)
            elif depth:
                inner = folders.enter(where, name)
                try:
                    self._folder(inner, f"{path}/", depth - 1)
                finally:
                    os.close(inner)
        except folders.OtherFilesystemError:
            self._elsewhere.append(path)
        except (FileNotFoundError, NotADirectoryError):
            return  # it went meanwhile
        except PermissionError as error:
            self._unreadable.append(f"{self._rule.folder}/{path}: {error.strerror}.")

    def _meant(self, path: str) -> bool:
        return matches(path, self._rule.patterns) and not matches(path, self._rule.hold)

    def _add(self, path: str, name: str, its: Key, inodes: dict[Key, Inode], oddity: str) -> None:
        holder = self._current(path) or self._use.holder(inodes, name)
        self._units.append(Unit(path=path, key=its, inodes=inodes, holder=holder, oddity=oddity))

    def _current(self, path: str) -> str:
        """Which declared link leads to it or into it."""
        full = f"{self._rule.folder}/{path}"
        return next((f"{link} leads to it" for target, link in self._targets.items() if f"{target}/".startswith(f"{full}/")), "")
