# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a folder: a line of JSON for each file, link and directory, in the order of a walk, so that two lists are compared in passing."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import DamageError
from .keys import file_key

FILE, LINK, DIRECTORY = "file", "link", "directory"


@dataclass(frozen=True)
class Entry:
    """One thing in a folder. path: relative, bytes that are no UTF-8 as os.fsdecode has them. mode: permissions. modified: nanoseconds since 1970.

    target: of a link, which is never followed. The rest is a file's: bytes and SHA-256 of the content and of the object that holds it, and its version.
    """

    path: str
    kind: str
    mode: int = 0
    modified: int = 0
    target: str = ""
    bytes: int = 0
    sha256: str = ""
    object_bytes: int = 0
    object_sha256: str = ""
    version_id: str = ""
    archived_at: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """What entries are sorted by."""
        return tuple(self.path.split("/"))

    def seems(self, other: Entry) -> bool:
        """Whether a file looks like another: then it is not read again."""
        return (self.kind, self.bytes, self.modified) == (other.kind, other.bytes, other.modified) == (FILE, self.bytes, self.modified)


@dataclass(frozen=True)
class Stored:
    """A file's object as ``reading`` proves it."""

    bucket: str
    key: str
    version_id: str
    object_bytes: int
    object_sha256: str
    content_bytes: int
    content_sha256: str
    archived_at: str

    @property
    def uri(self) -> str:
        """The object's address."""
        return f"s3://{self.bucket}/{self.key}"


def stored(entry: Entry, *, bucket: str, prefix: str, name: str) -> Stored:
    """The object of a file."""
    return Stored(
        bucket=bucket,
        key=file_key(prefix=prefix, name=name, sha256=entry.sha256),
        version_id=entry.version_id,
        object_bytes=entry.object_bytes,
        object_sha256=entry.object_sha256,
        content_bytes=entry.bytes,
        content_sha256=entry.sha256,
        archived_at=entry.archived_at,
    )


def walk(folder: str, below: str = "") -> Iterator[Entry]:
    """What is in a folder, as it is found, without contents. Sockets, pipes and devices are none of it. What goes away meanwhile is left out."""
    try:
        names = sorted(os.listdir(os.path.join(folder, below)))
    except FileNotFoundError:
        return
    for name in names:
        path = f"{below}/{name}" if below else name
        try:
            found = os.lstat(os.path.join(folder, path))
            entry = _entry(folder, path, found)
        except FileNotFoundError:
            continue
        if entry:
            yield entry
        if stat.S_ISDIR(found.st_mode):
            yield from walk(folder, path)


def _entry(folder: str, path: str, found: os.stat_result) -> Entry | None:
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISREG(found.st_mode):
        return Entry(path, FILE, mode, found.st_mtime_ns, bytes=found.st_size)
    if stat.S_ISLNK(found.st_mode):
        return Entry(path, LINK, target=os.readlink(os.path.join(folder, path)))
    return Entry(path, DIRECTORY, mode) if stat.S_ISDIR(found.st_mode) else None


def line(entry: Entry) -> bytes:
    """An entry as it is written."""
    said = {name: value for name, value in dataclasses.asdict(entry).items() if value not in ("", 0)}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def read(path: str) -> Iterator[Entry]:
    """The entries of a list that was proved. Raises DamageError for one that leads out of the folder."""
    with open(path, "rb") as file:
        for text in file:
            entry = Entry(**json.loads(text))
            if not entry.path or entry.path.startswith("/") or {"", ".", ".."} & set(entry.order):
                raise DamageError(f"The list of files names {entry.path!r}, which is not within the folder.")
            yield entry


def paired(now: Iterable[Entry], before: Iterable[Entry]) -> Iterator[tuple[Entry, Entry | None]]:
    """Each entry that is there now, with the one that the earlier list has of its path. Both are sorted."""
    earlier = iter(before)
    other = next(earlier, None)
    for entry in now:
        while other and other.order < entry.order:
            other = next(earlier, None)
        yield entry, other if other and other.path == entry.path else None
