# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a folder may go, and when; what was found in it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

FILES, DIRECTORIES = "files", "directories"
"""What goes as one: a file, or a directory with all that is in it, such as a release."""

NONE, ARCHIVED, COPIED = "none", "archived", "copied"
"""What proves that a file may go: nothing, which has to be acknowledged; its content, read back from the S3 archive; an equal file in another folder."""

LOOKED_AT, GOING = ".fleetdata-looked-at-", ".fleetdata-going-"
"""What the name of a directory begins with for its last look, and then while it is deleted. A killed run leaves it; the next one takes it back, or finishes."""

Key = tuple[int, int]
"""A filesystem's number and an inode's number in it."""


@dataclass(frozen=True)
class Rule:
    """What of one folder may go.

    folder: absolute, without a symbolic link in it. patterns: of the names that the rule is about, or with a slash of paths below the folder; hold: of those
    among them that never go. depth: how many folders below are looked into. units: FILES or DIRECTORIES.
    file_day: a regular expression with the groups year, month and day, for the day in a name; empty for when it was changed last.
    series: a regular expression for the path below the folder; paths with equal groups (or equal text, without groups) are a series; empty for one series.
    keep_last: how many of each series always stay, the newest ones that are whole. keep_days: what is of an earlier day goes; 0 for any age. max_bytes: what
    all may take, the oldest go first; 0 for any size. Without both, all go but keep_last.
    current: symbolic links whose targets are in use. settle_seconds: how long something must not have changed.
    proof: NONE, ARCHIVED or COPIED. acknowledged: for NONE, who says so and why, in words. report: for ARCHIVED, the files' report type, empty for the one
    whose pattern has a file's name. copies: for COPIED, the folder that has them, by equal paths.
    max_share: the largest part, 0 to 1, of the files and of their bytes that one run may delete. idle_days: how old the newest may be before the clock is
    doubted; 0 for any age.
    """

    name: str
    folder: str
    patterns: tuple[str, ...]
    hold: tuple[str, ...] = ()
    depth: int = 0
    units: str = FILES
    file_day: str = ""
    series: str = ""
    keep_last: int = 1
    keep_days: int = 0
    max_bytes: int = 0
    current: tuple[str, ...] = ()
    settle_seconds: float = 300.0
    proof: str = NONE
    acknowledged: str = ""
    report: str = ""
    copies: str = ""
    max_share: float = 0.3
    idle_days: int = 30


@dataclass(frozen=True)
class Inode:
    """What is stored once under one or more names. links: all of its names anywhere; names: those seen here. disk: bytes that it takes on disk."""

    size: int
    modified_ns: int
    links: int
    names: int
    disk: int

    @property
    def state(self) -> tuple[int, int]:
        """What differs once it was written to."""
        return self.size, self.modified_ns


@dataclass(frozen=True)
class Unit:
    """What goes as one. path: below the folder. key: of the file or directory itself. inodes: all that it has. holder: who uses it, empty when nobody does.

    oddity: why it cannot go, whatever its age.
    """

    path: str
    key: Key
    inodes: Mapping[Key, Inode]
    holder: str = ""
    oddity: str = ""

    @property
    def size(self) -> int:
        """Bytes of its content, without holes being counted less."""
        return sum(inode.size for inode in self.inodes.values())

    @property
    def modified(self) -> datetime.datetime:
        """When anything in it was changed last, UTC."""
        newest = max(inode.modified_ns for inode in self.inodes.values())
        return datetime.datetime.fromtimestamp(newest // 10**9, datetime.timezone.utc)

    def is_as(self, other: Unit) -> bool:
        """Whether it still is what it was."""
        mine, theirs = ({key: inode.state for key, inode in unit.inodes.items()} for unit in (self, other))
        return self.key == other.key and mine == theirs


@dataclass(frozen=True)
class Seen:
    """What a folder has of a rule. there: whether the folder is. unreadable: sentences on what could not be looked into. aside: paths that a killed run left.

    elsewhere: paths of other filesystems, which are not looked into. missing_links: of ``current``, those that are not there.
    """

    units: tuple[Unit, ...] = ()
    there: bool = True
    unreadable: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    missing_links: tuple[str, ...] = field(default=())
