# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to archived objects after they were proved, as the versions of their keys tell: put over, hidden, deleted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from . import keys
from .catalogue import OVERWRITTEN, Oddity
from .model import Archive
from .reading import DELETED
from .store import Version

HIDDEN = "hidden"
"""A delete marker lies on an object, which is still there."""

UNVERSIONED = "null"
"""How S3 names the version of an object that was put while its bucket kept none."""


def judge(*, archive: Archive, proved: Mapping[str, str], versions: Iterable[Version]) -> list[Oddity]:
    """What the versions of keys tell, one sentence a key at most. Pure.

    proved: the version that its manifest names, by object key. versions: all there are of the keys to judge.
    """
    by_key: dict[str, list[Version]] = {key: [] for key in proved}
    for version in versions:
        by_key.setdefault(version.key, []).append(version)
    found = []
    for key, there in sorted(by_key.items()):
        place = keys.read_key(archive, key)
        kind, reason = _of_key(archive.bucket, key, there, proved.get(key))
        if place and kind:
            found.append(Oddity(kind, key, reason, place.report, place.day, place.revision))
    return found


def _of_key(bucket: str, key: str, versions: Sequence[Version], recorded: str | None) -> tuple[str, str]:
    """The kind and the sentence, empty when all is well. recorded: None for manifests and for objects without one."""
    uri = f"s3://{bucket}/{key}"
    there = [version.version_id for version in versions if not version.deleted]
    if recorded is None and not there:
        return DELETED, f"{uri} was deleted for good; only its delete marker is left. Archive the day's file again."
    wanted = there[-1] if recorded is None else recorded or UNVERSIONED
    if wanted not in there:
        left = f"left are {', '.join(there)}, which were not proved" if there else "nothing is left of it"
        return DELETED, f"{uri}: version {wanted} was deleted for good; {left}. Archive the day's file again."
    top = next((version for version in versions if version.latest), versions[0])
    if top.version_id == wanted:
        return "", ""
    command = f"aws s3api delete-object --bucket {bucket} --key {shlex.quote(key)} --version-id {top.version_id}"
    if top.deleted:
        return HIDDEN, f"{uri} was deleted, but its version {wanted} is still there under the delete marker {top.version_id}. To bring it back: {command}"
    return OVERWRITTEN, f"{uri}: version {top.version_id} was put over version {wanted}, which is still there. To take it away: {command}"
