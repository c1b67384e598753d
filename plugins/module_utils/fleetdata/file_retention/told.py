# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the rules answers: a row for each file that was to go, totals, a sentence, an exit code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..answers import Answer, worst
from ..errors import STAYED
from ..table import clean, number, size, table
from .run import CHANGED, DELETED, IN_USE, PLANNED, STOPPED, TAKEN_BACK, Report, Result

_WORDS = {IN_USE: "in use", CHANGED: "changed meanwhile", STOPPED: "not deleted: unproved, or refused by the system"}


def pruned(report: Report, *, check: bool) -> Answer:
    """What a run did, or in a check would do."""
    gone = [result for result in report.results if result.status in (DELETED, PLANNED)]
    totals = {status: sum(result.status == status for result in report.results) for status in _WORDS}
    summary = {"files": len(gone), "bytes": sum(result.bytes for result in gone), **totals, "refused": len(report.refused), "dry_run": check}
    refused = [f"{rule}: nothing was deleted. {reason}" for rule, reason in report.refused.items()]
    return Answer(
        code=worst([*(result.code for result in report.results), *(STAYED for _ in refused)]),
        summary=summary,
        sentence=_sentence(summary, check=check),
        listing=_listing(report.results) + "".join(f"{clean(notice)}\n" for notice in report.notices),
        problems=[clean(problem) for problem in [*refused, *(_said(result) for result in report.results if result.code)]],
        files=[dataclasses.asdict(result) for result in report.results],
        more={"refused": dict(report.refused), "notices": list(report.notices)},
        counts={} if check else {name: int(summary[name]) for name in ("files", "bytes", *_WORDS, "refused")},
        changed=any(result.status in (DELETED, PLANNED, TAKEN_BACK) for result in report.results),
        diff=[_difference(result) for result in gone],
    )


def _said(result: Result) -> str:
    return result.reason if result.path in result.reason else f"{result.path}: {result.reason}"


def _difference(result: Result) -> dict[str, str]:
    """What Ansible shows of a file that goes."""
    proof = f", proved by {result.uri}" if result.uri else ""
    return {"before_header": result.path, "after_header": result.path, "before": f"{result.path} ({result.why}{proof})\n", "after": ""}


def _listing(results: Sequence[Result]) -> str:
    rows = [(one.status, one.rule, one.day, size(one.bytes), one.path, one.why or one.reason.rstrip(".")) for one in results]
    return table(("STATUS", "RULE", "DAY", "FREED", "FILE", "WHY"), rows)


def _sentence(summary: dict[str, int], *, check: bool) -> str:
    if not any(summary[name] for name in ("files", "refused", *_WORDS)):
        return "Nothing is to go."
    parts = [f"{number(summary['files'], 'file')} {'would be ' if check else ''}deleted ({size(summary['bytes'])} {'to be ' if check else ''}freed)"]
    parts += [f"{summary[status]:,} {words}" for status, words in _WORDS.items() if summary[status]]
    parts += [f"{number(summary['refused'], 'rule')} refused"] if summary["refused"] else []
    return ", ".join(parts) + "."
