# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run, a verification, a cut-over or the way back did, as the command and the modules answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .. import errors
from ..answers import Answer
from ..table import clean, number, size, table
from . import describe, findings, handing
from .migration import COUNT, Migration
from .report import LOADED, Report, TableResult
from .state import BACK, CUT_OVER, Record
from .verify import TableProof


def ran(report: Report) -> Answer:
    """What was loaded, and what did not fit."""
    plan, results = report.plan, report.tables
    misfits = sum(result.misfits for result in results)
    summary: dict[str, Any] = {
        "tables": len(results),
        "rows": sum(result.rows for result in results),
        "bytes": sum(result.bytes for result in results),
        "misfits": misfits,
        "kept": sum(result.kept for result in results),
        "seconds": round(sum(report.phases.values()), 1),
        "dry_run": False,
    }
    return Answer(
        code=report.code,
        summary=summary,
        sentence=_ran(report, summary),
        listing=_listing(report),
        problems=[clean(misfit.said) for misfit in report.misfits],
        files=[_row(describe.row(plan.tables[result.source]), result) for result in results],
        things="tables",
        more={**describe.document(plan), "misfits": [asdict(one) for one in report.misfits], "phases": dict(report.phases)},
        counts={"tables": len(results), "rows": summary["rows"], "misfits": misfits},
        changed=True,
        diff=[findings.difference(plan, planned) for planned in plan.tables.values()],
    )


def _row(planned: dict[str, Any], result: TableResult) -> dict[str, Any]:
    found = {"rows": result.rows, "bytes": result.bytes, "misfits": result.misfits, "kept": result.kept, "digest": str(result.digest)}
    return {**planned, "status": result.status, **found}


def _listing(report: Report) -> str:
    plan = report.plan
    rows = [(one.status, one.source, f"{plan.migration.schema}.{one.target}", one.rows, size(one.bytes), one.misfits) for one in report.tables]
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.phases.items())
    _, accepted, notices = describe.split(plan)
    told = (
        f"{number(len(accepted), 'difference')} accepted, {number(len(notices), 'notice')}: fleetdata migrate plan tells them.\n" if accepted or notices else ""
    )
    return table(("STATUS", "TABLE", "IN POSTGRESQL", "ROWS", "SENT", "MISFITS"), rows) + f"Seconds: {phases}.\n" * bool(phases) + told


def _ran(report: Report, summary: dict[str, Any]) -> str:
    migration = report.plan.migration
    how = "by number of rows" if migration.verify == COUNT else "value by value"
    what = (
        f"{number(summary['tables'], 'table')}, {number(summary['rows'], 'row')} are in schema {migration.schema} of {migration.target.said}, compared {how}."
    )
    if report.status == LOADED:
        return what
    return f"{what} {number(summary['misfits'], 'row')} did not fit: each is in the table of its name with __misfit behind."


def compared(proofs: Sequence[TableProof], *, migration: Migration) -> Answer:
    """What both sides were found to hold. Nothing at all is no success."""
    differing = [proof for proof in proofs if not proof.same]
    rows = sum(proof.stored for proof in proofs)
    how = "by number of rows" if migration.verify == COUNT else "value by value"
    sentence = f"{number(len(proofs), 'table')}, {number(rows, 'row')} compared {how}: {f'{len(differing):,} differ' if differing else 'all the same'}."
    return Answer(
        code=errors.DAMAGED if differing else errors.OK,
        summary={"tables": len(proofs), "rows": rows, "differing": len(differing)},
        sentence=sentence,
        listing=table(
            ("", "TABLE", "IN SQLITE", "IN POSTGRESQL", "ASIDE"),
            [("same" if proof.same else "DIFFERS", proof.table, proof.rows, proof.stored, proof.aside) for proof in proofs],
        ),
        problems=[clean(proof.said) for proof in differing],
        files=[{**asdict(proof), "status": "same" if proof.same else "differs"} for proof in proofs],
        things="tables",
        counts={"tables": len(proofs), "rows": rows, "differing": len(differing)},
    )


def there(record: Record, *, check: bool) -> Answer:
    """What had been loaded before, and is not touched."""
    plan = record.plan
    tables = [{**describe.row(planned), "status": "unchanged"} for planned in plan.tables.values()]
    rows = sum(count for count, _ in record.sums.values())
    return Answer(
        code=errors.OK,
        summary={"tables": len(tables), "rows": rows, "blocking": 0, "dry_run": check},
        sentence=f"The migration {record.name} was {record.state} at {record.stamp}; nothing to do. What was written since comes by cutover, or back.",
        files=tables,
        things="tables",
        more=describe.document(plan),
    )


def handed(outcome: handing.Outcome, *, name: str, check: bool) -> Answer:
    """What a cut-over or the way back brought to the other side."""
    moved = [asdict(one) for one in outcome.tables]
    came, went = sum(one.came for one in outcome.tables), sum(one.went for one in outcome.tables)
    kept = f" The SQLite database as it was is kept as {outcome.kept}." if outcome.kept else ""
    changed = outcome.status != handing.UNCHANGED
    return Answer(
        code=errors.OK,
        summary={"status": outcome.status, "tables": len(moved), "rows": outcome.rows, "came": came, "went": went, "dry_run": check},
        sentence=clean(f"{_handed(outcome.status, name)} {number(came, 'row')} came, {number(went, 'row')} went, of {outcome.rows:,} compared.{kept}"),
        listing=table(("TABLE", "CAME", "WENT", "ROWS"), [(one.table, one.came, one.went, one.rows) for one in outcome.tables])
        + "".join(f"{clean(notice)}\n" for notice in outcome.notices),
        files=moved,
        things="tables",
        more={"kept": outcome.kept, "notices": list(outcome.notices)},
        counts={} if check else {"tables": len(moved), "rows": came},
        changed=changed,
        diff=[_difference(one) for one in outcome.tables] if changed else [],
    )


_NEXT = {
    CUT_OVER: "PostgreSQL has the rows: switch the application to it, then start it.",
    BACK: "SQLite has the rows: switch the application to it, then start it.",
}


def _handed(status: str, name: str) -> str:
    return f"{name}: {status}. {_NEXT.get(status, '')}".rstrip()


def _difference(moved: handing.Moved) -> dict[str, str]:
    return {
        "before_header": moved.table,
        "after_header": moved.table,
        "before": f"{number(moved.went, 'row')} that only this side had\n",
        "after": f"{number(moved.came, 'row')} that only the other side had\n",
    }


def done(known: bool, *, name: str, check: bool) -> Answer:
    """What was kept for the way back is dropped."""
    would = "would be " if check else ""
    sentence = f"{name}: {would}done; what was kept for the way back {'would go' if check else 'is gone'}." if known else f"{name}: is done already."
    return Answer(
        code=errors.OK, summary={"status": "done" if known else handing.UNCHANGED, "dry_run": check}, sentence=sentence, things="tables", changed=known
    )
