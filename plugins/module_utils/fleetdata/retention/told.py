# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command and the module answer about a run of retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from .. import answers, errors
from ..answers import Answer
from ..table import clean, number, size, table
from .databases import Outcome
from .model import NONE
from .run import DELETED, PLANNED, STOPPED

REFUSED = "refused"
"""What became of a table, or a whole database, of which nothing may go."""
_NOTHING = {"rows": 0, "deleted": 0, "bytes": 0, "proof": "", "uri": "", "version_id": "", "revision": 0, "sha256": ""}


def retained(outcomes: Sequence[Outcome], *, bucket: str, check: bool, stopped: int = 0) -> Answer:
    """What a run did, or in a check would do. stopped: the signal that ended it before its time."""
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    days = [row for row in rows if row["status"] in (DELETED, PLANNED)]
    unproved = [loss for outcome in outcomes for loss in _unproved(outcome, check=check)]
    summary = {
        "databases": len(outcomes),
        "days": len(days),
        "rows": sum(row["rows" if check else "deleted"] for row in rows),
        "bytes": sum(row["bytes"] for row in days),
        "unproved": sum(loss["rows"] for loss in unproved),
        "stopped": sum(row["status"] == STOPPED for row in rows),
        "refused": sum(row["status"] == REFUSED for row in rows),
        "left": sum(outcome.report.left for outcome in outcomes),
        "freed": sum(outcome.report.space.freed for outcome in outcomes if outcome.report.space),
        "dry_run": check,
    }
    notices = [clean(notice) for outcome in outcomes for notice in _notices(outcome)]
    notices += [_loss(loss, check=check) for loss in unproved]
    return Answer(
        code=answers.worst([*_codes(outcomes), *([128 + stopped] if stopped else [])]),
        summary=summary,
        sentence=_sentence(summary, bucket=bucket) + (" Stopped; run again to go on." if stopped else ""),
        listing=_listing(rows, check=check) + "".join(f"{notice}\n" for notice in notices),
        problems=list(_problems(rows)),
        files=rows,
        more={"notices": notices, "without_proof": unproved},
        counts={} if check else {name: summary[name] for name in ("rows", "days", "stopped", "refused")},
        changed=summary["rows"] > 0,
        diff=list(_differences(rows, check=check)),
    )


def _rows(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """A row for each day of a table, and for each table or database that is refused."""
    name = outcome.retention.name
    if outcome.error:
        yield {"database": name, "table": "", "day": "", "status": REFUSED, "reason": str(outcome.error), **_NOTHING}
    for refused, reason in outcome.report.refused.items():
        yield {"database": name, "table": refused, "day": "", "status": REFUSED, "reason": reason, **_NOTHING}
    for result in outcome.report.results:
        row = asdict(result)
        del row["code"]
        yield {"database": name, "rows": row.pop("planned"), **row}


def _unproved(outcome: Outcome, *, check: bool) -> Iterator[dict[str, Any]]:
    """What goes for good, for every table of which that was acknowledged."""
    for rule in outcome.retention.rules.values():
        if rule.proof == NONE:
            results = [result for result in outcome.report.results if result.table.lower() == rule.table.lower()]
            gone = sum(result.planned if check else result.deleted for result in results)
            yield {"database": outcome.retention.name, "table": rule.table, "rows": gone, "acknowledged": rule.acknowledged}


def _loss(loss: dict[str, Any], *, check: bool) -> str:
    what = f"{number(loss['rows'], 'row')} {'would go' if check else 'went'} for good, without a proof (proof: {NONE})"
    return clean(f"{loss['database']}.{loss['table']}: {what}, as was acknowledged: {loss['acknowledged']}")


def _codes(outcomes: Sequence[Outcome]) -> Iterator[int]:
    for outcome in outcomes:
        yield outcome.error.code if outcome.error else errors.OK
        yield errors.STAYED if outcome.report.refused else errors.OK
        yield from (result.code for result in outcome.report.results)


def _notices(outcome: Outcome) -> Iterator[str]:
    name, space = outcome.retention.name, outcome.report.space
    yield from (f"{name}: {notice}" for notice in outcome.report.notices)
    if space:
        yield f"{name}: {space.reason}" + (f" {size(space.freed)} given back to the disk." if space.freed > 0 else "")


def _problems(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A sentence for each reason; the days that have one and the same are told together."""
    bad = [row for row in rows if row["status"] in (STOPPED, REFUSED)]
    for (database, name, reason), group in groupby(bad, key=lambda row: (row["database"], row["table"], row["reason"])):
        days = [row["day"] for row in group if row["day"]]
        when = f", {days[0]} to {days[-1]} ({number(len(days), 'day')})" if len(days) > 1 else f", {days[0]}" if days else ""
        yield clean(f"{'.'.join(filter(None, (database, name)))}{when}: {reason}")


def _listing(rows: Sequence[dict[str, Any]], *, check: bool) -> str:
    """Without a stop or a late row, a run's differs from that of the check before it in the first column alone."""
    shown = [(row["status"], row["database"], row["table"], row["day"], row["rows" if check else "deleted"], size(row["bytes"]), row["proof"]) for row in rows]
    return table(("STATUS", "DATABASE", "TABLE", "DAY", "ROWS", "SIZE", "PROOF"), shown)


def _sentence(summary: dict[str, Any], *, bucket: str) -> str:
    check, stays = summary["dry_run"], []
    for name, words in (("stopped", "stopped"), ("left", "not begun")):
        stays += [f"{number(summary[name], 'day')} {words}"] if summary[name] else []
    stays += [f"{summary['refused']:,} refused"] if summary["refused"] else []
    if not summary["rows"]:
        return f"Nothing {'would go' if check else 'went'}: {', '.join(stays)}." if stays else "Nothing has to go."
    days = "" if summary["stopped"] else f" of {number(summary['days'], 'day')}"
    went = f"{number(summary['rows'], 'row')}{days} {'would go' if check else 'went'}" + (f" ({size(summary['bytes'])})" if summary["bytes"] else "")
    how = f", {'each once' if check else 'each after'} it {'is' if check else 'was'} read back from s3://{bucket}"
    if summary["unproved"]:
        how = f", {summary['unproved']:,} of them without a proof" + (
            "" if summary["unproved"] == summary["rows"] else f", the others read back from s3://{bucket}"
        )
    return ", ".join([went + how, *stays]) + "."


def _differences(rows: Sequence[dict[str, Any]], *, check: bool) -> Iterator[dict[str, str]]:
    """What Ansible shows of a table: its days before and after."""
    for (database, name), group in groupby(rows, key=lambda row: (row["database"], row["table"])):
        before = after = ""
        for row in group:
            left = row["rows"] - (row["rows"] if check and row["status"] == PLANNED else row["deleted"])
            before += f"{row['day']}: {number(row['rows'], 'row')}\n" if row["rows"] else ""
            after += f"{row['day']}: {number(left, 'row')}\n" if left > 0 else ""
        if before != after:
            yield {"before_header": f"{database}.{name}", "after_header": f"{database}.{name}", "before": before, "after": after}
