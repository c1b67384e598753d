# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with a content, given what the bucket holds of its day. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .catalogue import LOST, MARKED, OVERWRITTEN, UNFINISHED, Day, Revision
from .model import Manifest

UPLOAD, KEEP, EXAMINE, REFUSE = "upload", "keep", "examine", "refuse"
"""Upload it as a revision; it is archived already; first see what an object without manifest holds; another content is archived."""


@dataclass(frozen=True)
class Held:
    """What an object without manifest was found to hold. damage: why it cannot be read, empty when it can."""

    version_id: str
    object_bytes: int
    object_sha256: str
    content_bytes: int
    content_sha256: str
    compression: str
    encoder: str
    damage: str = ""


@dataclass(frozen=True)
class Step:
    """What comes next. number: of the revision. manifest: of the one that holds the content (KEEP). reason: a sentence, where there is more to say."""

    kind: str
    number: int
    manifest: Manifest | None = None
    reason: str = ""


def plan(*, day: Day, sha256: str, revisions: bool, held: Mapping[int, Held], failed: Mapping[int, str]) -> Step:
    """The next step for a content. held: what unfinished revisions were found to hold. failed: how revisions did not read back just now."""
    same = [revision for revision in reversed(day.revisions) if revision.manifest and revision.proved and revision.manifest.content_sha256 == sha256]
    for revision in same:
        if _stands(revision) and revision.number not in failed:
            return Step(KEEP, revision.number, revision.manifest, _superseded(day, revision))
    unfinished = [revision for revision in day.revisions if revision.oddity and revision.oddity.kind == UNFINISHED]
    for revision in unfinished:
        if revision.number not in held:
            return Step(EXAMINE, revision.number)
    others = [revision for revision in day.revisions if revision not in same and not _void(revision, held)]
    number = max((revision.number for revision in day.revisions), default=0) + 1
    if others and not revisions:
        return Step(REFUSE, others[-1].number, others[-1].manifest, _refusal(others[-1]))
    return Step(UPLOAD, number, reason=_why_next(others[-1:] or same[:1], failed))


def _stands(revision: Revision) -> bool:
    return not (revision.oddity and revision.oddity.kind in (LOST, OVERWRITTEN))


def _void(revision: Revision, held: Mapping[int, Held]) -> bool:
    """Whether a revision holds nothing that could be overlooked: it is marked as damaged, or cannot be unpacked."""
    if revision.number in held:
        return bool(held[revision.number].damage)
    return bool(revision.oddity and revision.oddity.kind == MARKED)


def _superseded(day: Day, revision: Revision) -> str:
    newest = day.newest
    if newest is None or newest.number == revision.number:
        return ""
    return f"It is revision {revision.number} of {day.day}; revision {newest.number} came after it and counts."


def _refusal(other: Revision) -> str:
    if other.manifest is None:
        why = other.oddity.reason if other.oddity else f"{other.key} has no manifest."
        return f"Another content lies there, or it cannot be told: {why} Nothing was overwritten."
    kept = other.manifest
    return (
        f"Another content is archived: {kept.rows} rows, SHA-256 {kept.content_sha256[:12]}…, archived at {kept.archived_at} from {kept.source_host}. "
        "Nothing was overwritten; set revisions to keep both, or see which one is right."
    )


def _why_next(before: list[Revision], failed: Mapping[int, str]) -> str:
    if not before:
        return ""
    number, oddity = before[0].number, before[0].oddity
    doubt = failed.get(number) or (oddity.reason if oddity else "")
    if doubt:
        return f"Revision {number} cannot be relied on: {doubt}"
    rows = f" ({before[0].manifest.rows} rows)" if before[0].manifest else ""  # a correction with far fewer catches the eye
    return f"It supersedes revision {number}{rows}, which stays."
