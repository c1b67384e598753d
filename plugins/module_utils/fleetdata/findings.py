# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command and the modules answer about what is in the archive: listed, restored, verified, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from . import calendar_text, calendar_view, check, errors, restore, verify
from .answers import Answer
from .catalogue import MISSING, Catalogue, Day, Revision
from .model import UNCHANGED
from .reading import DAMAGED, FAILED
from .table import clean, number, size, table

COUNTS, SUPERSEDED = "counts", "superseded"
"""Of the revisions of a day: the one that counts, and the others that were proved."""


def listed(catalogues: Sequence[Catalogue], *, bucket: str) -> Answer:
    """What the manifests say is archived. Nothing is read back: that is what ``verified`` tells."""
    rows = [row for one in catalogues for day in one.days.values() for row in _revisions(day)]
    counting = [row for row in rows if row["status"] == COUNTS]
    problems = [clean(oddity.reason) for one in catalogues for oddity in one.oddities]
    totals = {name: sum(row[name] for row in counting) for name in ("rows", "bytes", "object_bytes")}
    summary = {"days": len(counting), "revisions": sum(row["status"] in (COUNTS, SUPERSEDED) for row in rows), "oddities": len(problems), **totals}
    amount = f"{number(totals['rows'], 'row')}, {size(totals['bytes'])} in {size(totals['object_bytes'])}"
    sentence = f"{number(len(counting), 'day')} archived in s3://{bucket}: {amount}." if rows else f"Nothing of this is archived in s3://{bucket}."
    shown = [(row["report"], row["day"], row["revision"], row["status"], row["rows"], size(row["bytes"]), row["archived_at"], row["uri"]) for row in rows]
    heading = ("REPORT", "DAY", "REVISION", "STATUS", "ROWS", "SIZE", "ARCHIVED AT", "OBJECT")
    return Answer(code=errors.OK, summary=summary, sentence=sentence, listing=table(heading, shown), problems=problems, files=rows)


def _revisions(day: Day) -> Iterator[dict[str, Any]]:
    for revision in day.revisions:
        manifest = revision.manifest
        yield {
            "report": day.report,
            "day": day.day,
            "revision": revision.number,
            "status": _status(day, revision),
            "reason": revision.oddity.reason if revision.oddity else "",
            "uri": manifest.uri if manifest else "",
            "version_id": manifest.version_id if manifest else "",
            "rows": manifest.rows if manifest else 0,
            "first_day": min(manifest.days, default=None) if manifest else None,
            "last_day": max(manifest.days, default=None) if manifest else None,
            "bytes": manifest.content_bytes if manifest else 0,
            "content_sha256": manifest.content_sha256 if manifest else "",
            "object_bytes": manifest.object_bytes if manifest else revision.bytes or 0,
            "object_sha256": manifest.object_sha256 if manifest else "",
            "archived_at": manifest.archived_at if manifest else "",
        }


def _status(day: Day, revision: Revision) -> str:
    if revision.oddity:
        return revision.oddity.kind
    return COUNTS if revision.manifest is not None and revision.manifest is day.counting else SUPERSEDED


def restored(results: Sequence[restore.Restored], *, into: str, check: bool) -> Answer:
    """What a restore brought back, or in a check would."""
    by_status = Counter(result.status for result in results)
    back = [result for result in results if result.changed]
    summary = {
        "files": len(results),
        **{status: by_status[status] for status in (restore.RESTORED, UNCHANGED, MISSING, DAMAGED, restore.DIFFERS, FAILED)},
        "rows": sum(result.rows for result in back),
        "bytes": sum(result.bytes for result in back),
        "dry_run": check,
    }
    did = "would come back" if check else "came back and verified"
    said = [f"{number(len(back), 'day')} {did} in {into} ({number(summary['rows'], 'row')}, {size(summary['bytes'])})"]
    said += [f"{count:,} {status}" for status, count in sorted(by_status.items()) if status != restore.RESTORED]
    code = restore.exit_code(results)
    return Answer(
        code=code,
        summary=summary,
        sentence=clean(", ".join(said)) + "." if results else "There is no such day.",
        listing=table(
            ("STATUS", "REPORT", "DAY", "REVISION", "ROWS", "SIZE", "FILE"),
            [(one.status, one.report, one.day, one.revision or None, one.rows, size(one.bytes), one.path) for one in results],
        ),
        problems=[clean(f"{one.report} of {one.day}: {one.reason}") for one in results if one.reason],
        files=[{**asdict(one), "changed": one.changed} for one in results],
        counts={} if check else {"rows": summary["rows"], "files": len(back)},
        changed=bool(back),
        diff=[{"before_header": one.path, "after_header": one.path, "before": "", "after": _content(one)} for one in back],
    )


def _content(one: restore.Restored) -> str:
    what = f"{number(one.rows, 'row')}, {number(one.bytes, 'byte')}, SHA-256 {one.content_sha256}"
    return f"{one.path} ({one.report} of {one.day}, revision {one.revision}: {what})\n"


def verified(results: Sequence[verify.Verified], *, bucket: str) -> Answer:
    """What was read back and compared, and all that is wrong."""
    totals = verify.totals(results)
    read = f"{number(totals.objects, 'object')} of {number(totals.days, 'day')} read back from s3://{bucket}"
    wrong = f"{number(totals.faults, 'fault')} found" if totals.faults else "all as they were proved"
    sentence = f"{read} ({number(totals.rows, 'row')}, {size(totals.bytes)}): {wrong}." if results else f"Nothing of this is archived in s3://{bucket}."
    odd = [one for one in results if one.status != verify.GOOD]
    return Answer(
        code=verify.exit_code(results),
        summary=asdict(totals),
        sentence=sentence,
        listing=table(("STATUS", "REPORT", "DAY", "REVISION", "KEY"), [(one.status, one.report, one.day, one.revision or None, one.key) for one in odd]),
        problems=[clean(one.reason) for one in odd],
        files=[{**asdict(one), "fault": one.fault} for one in results],
        counts={"rows": totals.rows, "files": totals.objects, "faults": totals.faults},
    )


def checked(findings: Sequence[check.Finding], *, bucket: str, dry_run: bool) -> Answer:
    """Whether the credentials and the bucket are as they must be."""
    count = Counter(finding.status for finding in findings)
    wrong = [finding for finding in findings if finding.status == check.WRONG]
    tried = "read" if dry_run else "tried"
    verdict = f"{number(len(wrong), 'thing')} to put right" if wrong else "all as it must be"
    unknown = f", {count[check.UNKNOWN]:,} not readable" if count[check.UNKNOWN] else ""
    return Answer(
        code=errors.USAGE if wrong else errors.OK,
        summary={**{status: count[status] for status in (check.GOOD, check.WRONG, check.UNKNOWN)}, "dry_run": dry_run},
        sentence=f"{number(len(findings), 'thing')} {tried} in s3://{bucket}: {verdict}{unknown}.",
        listing=table(("STATUS", "WHAT", "FOUND", "WHERE"), [(one.status, one.what, one.found, one.where) for one in findings]),
        problems=[f"{one.where}: {one.what}: {one.found}. {one.advice}" for one in wrong],
        more={"checks": [asdict(finding) for finding in findings]},
    )


def shown(calendar: calendar_view.Calendar, *, style: calendar_text.Style, check: bool) -> Answer:
    """The calendar. check: whether missing and conflicting days are errors."""
    states = {problem.state for problem in calendar.problems}
    code = errors.DAMAGED if calendar_view.CONFLICTING in states else errors.INCOMPLETE if calendar_view.MISSING in states else errors.OK
    said: Any = calendar_view.as_dict(calendar)
    return Answer(
        code=code if check else errors.OK,
        summary=said["totals"],
        sentence="",  # the calendar begins with its own
        listing=calendar_text.text(calendar, style=style),
        more={"calendar": said},
    )
