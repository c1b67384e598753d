# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command and the modules answer: rows, totals, a sentence and an exit code, from what the library found."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import errors
from .errors import ConfigurationError, ContentError, DamageError, FleetDataError, StoreError, UsageError
from .model import CONFLICT, DAMAGED, FAILED, QUARANTINED, UNCHANGED, UPLOADED, Outcome
from .table import clean, number, size, table

_STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGHUP, 128 + signal.SIGINT)
WORST_FIRST = (*_STOPPED, errors.DAMAGED, errors.UNREACHABLE, errors.USAGE, errors.CONFLICT, errors.QUARANTINED, errors.STAYED, errors.INCOMPLETE, errors.OK)
"""Of several exit codes the first one here is the command's."""


@dataclass(frozen=True)
class Answer:
    """code: the exit code. summary: totals by name. files: a row each; things: their name in JSON. listing, sentence: for a person. problems: a sentence each.

    more: what else JSON has. counts: what was moved, for a job's wrapper. changed, diff: for Ansible.
    """

    code: int
    summary: Mapping[str, Any]
    sentence: str
    listing: str = ""
    problems: Sequence[str] = ()
    files: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    changed: bool = False
    diff: Sequence[Mapping[str, str]] = ()
    things: str = "files"

    @property
    def text(self) -> str:
        """The answer as a person reads it."""
        return self.listing + "".join(f"{problem}\n" for problem in self.problems) + (f"{self.sentence}\n" if self.sentence else "")

    @property
    def document(self) -> dict[str, Any]:
        """The answer as JSON has it."""
        return {"ok": self.code == errors.OK, "summary": dict(self.summary), self.things: [dict(row) for row in self.files], **self.more}


def worst(codes: Iterable[int]) -> int:
    """The exit code that stands for several."""
    return min(codes, key=WORST_FIRST.index, default=errors.OK)


def refusal(error: FleetDataError) -> dict[str, Any]:
    """An error as JSON has it."""
    return {"ok": False, "error": {"kind": _kind(error), "message": str(error)}}


def system(error: OSError) -> str:
    """What the host's system refused, as a sentence."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    return f"{where}{error.strerror or type(error).__name__}."


def _kind(error: FleetDataError) -> str:
    if isinstance(error, StoreError):
        return f"s3-{error.kind}"
    names = {UsageError: "usage", ConfigurationError: "configuration", ContentError: "content", DamageError: "damage"}
    return next((name for kind, name in names.items() if isinstance(error, kind)), "other")


_CODES = {CONFLICT: errors.CONFLICT, QUARANTINED: errors.QUARANTINED, DAMAGED: errors.DAMAGED, FAILED: errors.UNREACHABLE}
"""The exit codes of what became of a file, where it is not archived as it is."""


_WORDS = {
    UNCHANGED: "archived before",
    CONFLICT: "in conflict with what is archived",
    QUARANTINED: "not archived for what they hold",
    DAMAGED: "read back wrong",
    FAILED: "not archived: S3 or the file failed",
}


def archived(outcomes: Sequence[Outcome], *, bucket: str, check: bool) -> Answer:
    """What an archive run did, or in a check would do."""
    count = Counter(outcome.status for outcome in outcomes)
    uploaded = [outcome for outcome in outcomes if outcome.status == UPLOADED]
    by_status = {status: count[status] for status in (UPLOADED, UNCHANGED, *_CODES)}
    summary = {
        "files": len(outcomes),
        **by_status,
        "deleted": sum(outcome.deleted for outcome in outcomes),
        "rows": sum(outcome.rows for outcome in uploaded),
        "bytes": sum(outcome.bytes for outcome in uploaded),
        "object_bytes": sum(outcome.object_bytes for outcome in uploaded),
        "dry_run": check,
    }
    return Answer(
        code=worst(_CODES.get(outcome.status, errors.OK) for outcome in outcomes),
        summary=summary,
        sentence=_archived_sentence(summary, bucket=bucket),
        listing=_outcome_table(outcomes),
        problems=[_said(outcome) for outcome in outcomes if outcome.status in _CODES],
        files=[asdict(outcome) for outcome in outcomes],
        counts={} if check else {"rows": summary["rows"], "files": by_status.pop(UPLOADED), **by_status},
        changed=any(outcome.changed for outcome in outcomes),
        diff=[_difference(outcome) for outcome in outcomes if outcome.changed],
    )


def _said(outcome: Outcome) -> str:
    """A file's reason, which names the file once."""
    return clean(outcome.reason if outcome.path in outcome.reason else f"{outcome.path}: {outcome.reason}")


def _difference(outcome: Outcome) -> dict[str, str]:
    """What Ansible shows of a file: what the archive and the file's directory hold of it, before and after."""
    source = f"{outcome.path}\n"
    held = ""
    if outcome.status == UPLOADED:
        what = f"{number(outcome.rows, 'row')}, {number(outcome.bytes, 'byte')}, SHA-256 {outcome.content_sha256}"
        held = f"{outcome.uri} ({outcome.report} of {outcome.day}, revision {outcome.revision}: {what})\n"
    gone = outcome.deleted or outcome.status == QUARANTINED
    return {"before_header": outcome.path, "after_header": outcome.path, "before": source, "after": held + ("" if gone else source)}


def _outcome_table(outcomes: Sequence[Outcome]) -> str:
    rows = [(one.status, one.report, one.day, one.revision or None, one.rows, size(one.bytes), one.path) for one in outcomes]
    notes = [f"{_said(one)}\n" for one in outcomes if one.reason and one.status not in _CODES]
    return table(("STATUS", "REPORT", "DAY", "REVISION", "ROWS", "SIZE", "FILE"), rows) + "".join(notes)


def _archived_sentence(summary: Mapping[str, int], *, bucket: str) -> str:
    if not summary["files"]:
        return "There was no file to archive."
    check = summary["dry_run"]
    moved = f"{number(summary['rows'], 'row')}, {size(summary['bytes'])}"
    parts = [f"{number(summary[UPLOADED], 'file')} {'would be archived' if check else 'archived and read back'} in s3://{bucket} ({moved})"]
    parts += [f"{summary[status]:,} {words}" for status, words in _WORDS.items() if summary[status]]
    parts += [f"{number(summary['deleted'], 'source')} {'would be ' if check else ''}deleted"] if summary["deleted"] else []
    return ", ".join(parts) + "."
