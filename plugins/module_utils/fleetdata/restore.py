# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived days back as CSV files, each proved before it has its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import errors, folder
from .catalogue import MISSING, Catalogue, Day, Wanted, catalogue
from .folder import Folder
from .limits import Progress
from .model import UNCHANGED, Archive, Manifest
from .reading import DAMAGED, FAILED, Reader, Trouble, each, named
from .store import Store

RESTORED, DIFFERS = "restored", "differs"
"""What became of a day, beside UNCHANGED, MISSING, DAMAGED (or deleted) and FAILED. DIFFERS: a file of its name has another content."""

_CODES = {DAMAGED: errors.DAMAGED, FAILED: errors.UNREACHABLE, DIFFERS: errors.CONFLICT, MISSING: errors.INCOMPLETE}


@dataclass(frozen=True)
class Restored:
    """What became of one day, or what would. reason: a sentence unless all is well. path: its file, written or not.

    bytes, content_sha256: of the CSV. kept: where a file of other content lies now that had the name.
    """

    report: str
    day: str
    status: str
    reason: str = ""
    path: str = ""
    uri: str = ""
    version_id: str = ""
    revision: int = 0
    rows: int = 0
    bytes: int = 0
    content_sha256: str = ""
    kept: str = ""

    @property
    def changed(self) -> bool:
        """Whether the file was written, or would be."""
        return self.status == RESTORED


@dataclass(frozen=True)
class Step:
    """One day of a plan. result: what will become of it unless its object is damaged. manifest: of that object, None if there is none to read."""

    result: Restored
    manifest: Manifest | None = None


def restore(*, store: Store, archive: Archive, wanted: Wanted, into: Folder, check: bool = False, progress: Progress | None = None) -> list[Restored]:
    """Bring days back as CSV files; one result for each, also for those between the first and the last that are not archived.

    A file of the same content is left; one of another content too, and is an error, unless the folder says ``replace``. check: write nothing, say what
    would be. Needs s3:ListBucket, s3:GetObject and s3:GetObjectVersion. Raises ConfigurationError (arguments, directory, disk space) and
    StoreError (when the list or a manifest cannot be had).
    """
    found = [catalogue(store=store, archive=archive, report=report, first=wanted.first, last=wanted.last) for report in dict.fromkeys(wanted.reports)]
    with folder.explained(into):
        steps = [step for one in found for step in plan(archive=archive, found=one, wanted=wanted, into=into)]
        folder.check_space(into, sum(step.result.bytes for step in steps if step.result.changed))
        if check:
            return [step.result for step in steps]
        with into.locked():
            return _apply(Reader(store, progress), steps, archive.concurrency)


def exit_code(results: Sequence[Restored]) -> int:
    """The exit code for what became of the days. None at all is INCOMPLETE."""
    seen = {result.status for result in results}
    return next((code for status, code in _CODES.items() if status in seen), errors.OK if results else errors.INCOMPLETE)


def plan(*, archive: Archive, found: Catalogue, wanted: Wanted, into: Folder) -> Iterator[Step]:
    """What is to be done for each day. Reads files of the folder, and nothing else."""
    for day in wanted.days(found.days):
        path = into.file(archive, report=found.report, day=day)
        yield _step(Restored(report=found.report, day=day, status=MISSING, path=path), found.days.get(day), into)


def _step(result: Restored, day: Day | None, into: Folder) -> Step:
    newest = day.newest if day else None
    if day is None or newest is None:
        why = " ".join(oddity.reason for oddity in day.oddities) if day else "It is not in the archive."
        return Step(dataclasses.replace(result, reason=f"No revision of {result.report} of {result.day} is proved. {why}"))
    manifest = newest.manifest
    if manifest is None:
        return Step(_damaged(result, newest.oddity.reason if newest.oddity else ""))
    result = dataclasses.replace(
        result, uri=manifest.uri, version_id=manifest.version_id, revision=manifest.revision, rows=manifest.rows, bytes=manifest.content_bytes,
        content_sha256=manifest.content_sha256, reason=f"Its proved version is read. {newest.oddity.reason}" if newest.oddity else "",
    )  # fmt: skip
    if newest.oddity and not manifest.version_id:
        return Step(_damaged(result, newest.oddity.reason))
    return Step(_beside(result, manifest, into), manifest)


def _beside(result: Restored, manifest: Manifest, into: Folder) -> Restored:
    """The result as far as what is in the folder decides it."""
    there = folder.holds(result.path, manifest)
    if there:
        return dataclasses.replace(result, status=UNCHANGED)
    if there is False and not into.replace:
        reason = f"{result.path} has another content than {named(manifest)}. It was left; move it away, or restore with replace."
        return dataclasses.replace(result, status=DIFFERS, reason=reason)
    return dataclasses.replace(result, status=RESTORED, kept=folder.kept_name(result.path))


def _damaged(result: Restored, reason: str) -> Restored:
    return dataclasses.replace(result, status=DAMAGED, reason=reason, kept="")


def _apply(reader: Reader, steps: Sequence[Step], at_once: int) -> list[Restored]:
    folder.prepare(step.result.path for step in steps if step.manifest)
    reader.expect([step.manifest for step in steps if step.manifest and step.result.changed])
    results = each(of=steps, do=lambda step: _bring(reader, step), at_once=at_once)
    folder.settle(result.path for result in results if result.changed)
    return results


def _bring(reader: Reader, step: Step) -> Restored:
    """Do one step. Raises OSError if the folder cannot be written."""
    result = step.result
    if step.manifest is None or not result.changed:
        return result
    kept = reader.read(step.manifest, lambda blocks: folder.write(result.path, blocks), name=result.path)
    if isinstance(kept, Trouble):
        return dataclasses.replace(result, status=FAILED if kept.kind == FAILED else DAMAGED, reason=kept.reason, kept="")
    return dataclasses.replace(result, kept=kept)
