# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the library found, as the command and the modules answer it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .. import errors
from ..answers import Answer, worst
from ..table import clean, number, size, table
from .bring_back import Restored
from .model import DAMAGED, DATABASE, FAILED, REFUSED, UNCHANGED, UPLOADED, Result
from .verify import DAMAGED as BAD
from .verify import FAILED as UNREAD
from .verify import GOOD, MISSING, STALE, Checked

_CODES = {DAMAGED: errors.DAMAGED, FAILED: errors.UNREACHABLE, REFUSED: errors.QUARANTINED}
_CHECKED = {BAD: errors.DAMAGED, UNREAD: errors.UNREACHABLE, STALE: errors.INCOMPLETE, MISSING: errors.INCOMPLETE}


def backed_up(results: Sequence[Result], *, bucket: str, check: bool) -> Answer:
    """What a run of backups did, or would."""
    count = Counter(result.status for result in results)
    proved = [result for result in results if result.proved]
    sent = {"files": sum(result.files for result in proved), "object_bytes": sum(result.object_bytes for result in proved)}
    pruned, stayed = sum(len(result.pruned) for result in results), sum(bool(result.stayed) for result in results)
    by_status = {status: count[status] for status in (UPLOADED, UNCHANGED, *_CODES)}
    summary = {"backups": len(proved), **by_status, **sent, "pruned": pruned, "stayed": stayed, "dry_run": check}
    would = "would be " if check else ""
    parts = [f"{number(len(proved), 'backup')} {would}proved in s3://{bucket} ({size(sent['object_bytes'])} sent, {by_status[UNCHANGED]:,} unchanged)"]
    parts += [f"{number(pruned, 'older one')} {would}deleted"] if pruned else []
    parts += [f"{stayed:,} of them empty, and none of theirs was deleted"] if stayed else []
    failed = len(results) - len(proved)
    parts += [f"{failed:,} failed, and none of theirs was deleted"] if failed else []
    return Answer(
        code=worst(errors.STAYED if result.stayed else _CODES.get(result.status, errors.OK) for result in results),
        summary=summary,
        sentence=", ".join(parts) + ".",
        listing=table(("STATUS", "NAME", "STAMP", "SIZE", "SENT", "HOLDS", "SECONDS"), [_row(result) for result in results]),
        problems=[clean(text) for result in results for text in _said(result)],
        files=[asdict(result) for result in results],
        counts={} if check else {"backups": len(proved), "files": sent["files"], "bytes": sent["object_bytes"], "pruned": pruned, "failed": failed},
        changed=any(result.status == UPLOADED or result.pruned for result in results),
        diff=[_difference(result) for result in results if result.status == UPLOADED or result.pruned],
    )


def _row(result: Result) -> tuple[Any, ...]:
    return (result.status, result.name, result.stamp, size(result.bytes), size(result.object_bytes), _holds(result.kind, result.counts), result.seconds)


def _holds(kind: str, counts: Any) -> str:
    if kind == DATABASE:
        return f"{number(sum(counts.values()), 'row')} in {number(len(counts), 'table')}"
    return f"{number(counts.get('files', 0), 'file')}, {size(counts.get('bytes', 0))}"


def _said(result: Result) -> list[str]:
    reason = [result.reason if result.path in result.reason else f"{result.path}: {result.reason}"] if result.reason else []
    return [*reason, *filter(None, [result.stayed]), *(f"{result.name}: {notice}" for notice in result.notices)]


def _difference(result: Result) -> dict[str, str]:
    gone = "".join(f"{result.name} of {stamp}\n" for stamp in result.pruned)
    new = f"{result.name} of {result.stamp} ({_holds(result.kind, result.counts)}, {number(result.bytes, 'byte')})\n" if result.status == UPLOADED else ""
    return {"before_header": result.path, "after_header": result.path, "before": gone, "after": new}


def restored(result: Restored, *, check: bool) -> Answer:
    """What came back, or would."""
    verb = "is there already" if not result.changed else "would come back" if check else "came back, proved,"
    kept = f" What was there is kept as {result.kept}." if result.kept else ""
    held = _holds(result.kind, result.counts)
    return Answer(
        code=errors.OK,
        summary={"status": result.status, "seconds": result.seconds, "bytes": result.bytes, "dry_run": check},
        sentence=clean(f"The backup of {result.name} of {result.stamp} {verb} in {result.path} ({held}, {result.seconds} s).{kept}"),
        files=[asdict(result)],
        counts={} if check else {"backups": 1, "files": result.files or int(result.changed), "bytes": result.bytes},
        changed=result.changed,
        diff=[_replaced(result)] if result.changed else [],
    )


def _replaced(result: Restored) -> dict[str, str]:
    after = f"backup of {result.name} of {result.stamp}, SHA-256 {result.content_sha256}\n{json.dumps(dict(result.counts), sort_keys=True)}\n"
    before = f"kept as {result.kept}\n" if result.kept else ""
    return {"before_header": result.path, "after_header": result.path, "before": before, "after": after}


def verified(results: Sequence[Checked], *, bucket: str) -> Answer:
    """What the backups were found to be. None at all is no success."""
    count = Counter(result.status for result in results)
    compared = sum(result.bytes for result in results)
    good, bad = count[GOOD], len(results) - count[GOOD]
    rows = [(result.status, result.name, result.stamp, size(result.bytes), result.rows) for result in results]
    code = worst(_CHECKED.get(result.status, errors.OK) for result in results)
    return Answer(
        code=code if good or code else errors.INCOMPLETE,
        summary={"backups": good, **{status: count[status] for status in (GOOD, *_CHECKED)}, "bytes": compared},
        sentence=f"{number(good, 'backup')} in s3://{bucket} read back and found good ({size(compared)})" + (f", {bad:,} not." if bad else "."),
        listing=table(("STATUS", "NAME", "STAMP", "SIZE", "HOLDS"), rows),
        problems=[clean(result.reason) for result in results if result.reason],
        files=[asdict(result) for result in results],
        counts={"backups": good, "bytes": compared, "failed": bad},
    )
