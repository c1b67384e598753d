# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where backups lie: key from name and stamp, and back."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from ..keys import MANIFEST
from .model import DATABASE, FOLDER

ENDINGS = {DATABASE: ".sqlite.gz", FOLDER: ".files.gz"}
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Place:
    """What a key says. manifest: whether it is the key of a manifest."""

    stamp: str
    kind: str
    manifest: bool


def object_key(*, prefix: str, name: str, kind: str, stamp: str) -> str:
    """The key of the object of one backup: the copy of a database, the list of a folder's files."""
    return f"{prefix}{name}/{stamp[:4]}/{stamp[4:6]}/{stamp[6:8]}/{name}-{stamp}{ENDINGS[kind]}"


def file_key(*, prefix: str, name: str, sha256: str) -> str:
    """The key of the object that holds a file of a folder, by the file's content."""
    return f"{files_stem(prefix=prefix, name=name)}{sha256[:2]}/{sha256}.gz"


def files_stem(*, prefix: str, name: str) -> str:
    """What the keys of a folder's files begin with."""
    return f"{prefix}{name}/objects/"


def stem(*, prefix: str, name: str) -> str:
    """What the keys of all backups of a name begin with, and those of a folder's files do not: the year's first digit."""
    return f"{prefix}{name}/2"


def read_key(*, prefix: str, name: str, key: str) -> Place | None:
    """What a key says, None when it is none of a backup of this name."""
    manifest = key.endswith(MANIFEST)
    bare = key[: -len(MANIFEST)] if manifest else key
    for kind, ending in ENDINGS.items():
        match = re.search(r"-(\d{8}T\d{6}Z)" + re.escape(ending) + r"\Z", bare, re.ASCII)
        if match and bare == object_key(prefix=prefix, name=name, kind=kind, stamp=match[1]) and is_stamp(match[1]):
            return Place(stamp=match[1], kind=kind, manifest=manifest)
    return None


def stamped(moment: datetime.datetime) -> str:
    """The stamp of a moment, which has its zone."""
    return moment.astimezone(datetime.timezone.utc).strftime(_STAMP)


def moment(stamp: str) -> datetime.datetime:
    """The moment of a stamp. Raises ValueError."""
    return datetime.datetime.strptime(stamp, _STAMP).replace(tzinfo=datetime.timezone.utc)


def is_stamp(text: str) -> bool:
    """Whether a text is a stamp."""
    try:
        return stamped(moment(text)) == text
    except ValueError:
        return False
