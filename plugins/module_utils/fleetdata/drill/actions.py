# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions drill and recover, from their arguments to their answers."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import getpass
import hashlib
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from .. import answers, argument_types, sources
from ..backup import settings as backup_settings
from ..backup.model import Backups as DeclaredBackups
from ..configuration import BACKUPS, DRILL, RETENTION
from ..errors import UsageError
from ..request import Action, Request, now
from ..retention.model import ROWS
from ..retention.rules import parse_all
from ..store import connect
from ..table import clean, number, table
from . import rules
from .backups import Backups
from .model import Drill
from .recover import RECOVERED, Asked, Recovered, exit_code, recover
from .reports import Reports
from .rows import Rows
from .run import Context, Drilled, Part, Shelf, drill


def _declared(request: Request) -> Drill:
    part = request.configuration.part(DRILL)
    return rules.parse(part.data, part.where)


def _drill(request: Request) -> answers.Answer:
    declared = _declared(request)
    if request.asked.days:
        declared = dataclasses.replace(declared, days=request.asked.days)
    began = now()
    context = Context(
        host=socket.gethostname(), user=getpass.getuser(), by=_by(os.environ), version=_version(), seed=request.asked.seed or began.isoformat(), clock=now
    )  # fmt: skip
    return drilled(drill(declared=declared, parts=_parts(request, declared, began), shelf=_shelf(request), context=context))


def _shelf(request: Request) -> Shelf:
    """Records lie in the archive; on a host without one, where its backups are."""
    if request.configuration.declared is not None or BACKUPS not in request.configuration.parts:
        return Shelf(store=request.store, prefix=request.archive.prefix)
    backups = _backups(request)
    return Shelf(store=connect(archive=backups.archive), prefix=backups.prefix)


def _backups(request: Request) -> DeclaredBackups:
    part = request.configuration.part(BACKUPS)
    return backup_settings.parse(part.data, part.where)


def _parts(request: Request, declared: Drill, began: datetime.datetime) -> dict[str, Part]:
    """What is declared on this host, and so drilled."""
    parts: dict[str, Part] = {}
    if request.configuration.declared is not None:
        parts["reports"] = Reports(store=request.store, archive=request.archive, importer=declared.importer, now=began, clock=time.monotonic)
    if RETENTION in request.configuration.parts:
        part = request.configuration.part(RETENTION)
        retentions = parse_all(part.data, part.where)
        tables = {name: [rule.table for rule in one.rules.values() if not rule.forever and rule.proof == ROWS] for name, one in retentions.items()}
        parts["rows"] = Rows(store=request.store, archive=request.archive, tables=tables, clock=time.monotonic)
    if BACKUPS in request.configuration.parts:
        backups = _backups(request)
        store = connect(archive=backups.archive)
        parts["backups"] = Backups(store=store, declared=backups, rpo_hours=declared.rpo_hours, now=began, clock=time.monotonic)
    return parts


def _recover(request: Request) -> answers.Answer:
    asked, declared = request.asked, _declared(request)
    if declared.importer is None:
        raise UsageError("There is no importer: declare one for the drill (importer), or bring rows back as they were with fleetdata restore-rows.")
    unknown = [report for report in declared.importer.reports if report not in request.archive.reports]
    if unknown:
        sources.reports(archive=request.archive, name=unknown[0])  # which says what there is
    database = os.path.abspath(asked.database or declared.importer.database)
    wanted = _wanted(asked, database)
    scratch = os.path.join(declared.folder, "scratch")
    with request.progress("recover") as progress:
        results = recover(
            store=request.store, archive=request.archive, application=declared.importer, asked=wanted, scratch=scratch, check=asked.dry_run, progress=progress
        )
    return recovered(results, database=database, check=asked.dry_run)


def _wanted(asked: argparse.Namespace, database: str) -> Asked:
    """The days that were asked for: a range, or the last ones there are."""
    if asked.last_days and not asked.first and not asked.last:
        today = now().date()
        first = (today - datetime.timedelta(days=asked.last_days)).isoformat()
        return Asked(database=database, first=first, last=today.isoformat(), since=asked.since, archived=True)
    if asked.last_days or not asked.first or not asked.last:
        raise UsageError("Say which days: --from DAY --to DAY, or --last-days N. See fleetdata recover --help.")
    return Asked(database=database, first=asked.first, last=asked.last, since=asked.since)


def drilled(result: Drilled) -> answers.Answer:
    """What a drill found."""
    compared = [check for check in result.checks if check.compared]
    faults = [check for check in result.checks if check.code]
    rows = sum(check.rows for check in compared)
    summary = {
        "compared": len(compared), "rows": rows, "faults": len(faults), "seconds": round(result.seconds, 3),
        "seconds_for_all": round(result.seconds_for_all, 3), "newest": dict(result.newest), "record": result.path, "record_sha256": result.record.sha256,
    }  # fmt: skip
    newest = f", newest {', '.join(f'{name} {moment}' for name, moment in sorted(result.newest.items()))}" if result.newest else ""
    verdict = f"{number(len(faults), 'fault')} found" if faults else "passed" if compared else "nothing was compared, which is a failure"
    times = f"restored in {result.seconds:.1f} s, everything would take about {result.seconds_for_all:.0f} s{newest}"
    return answers.Answer(
        code=result.code,
        summary=summary,
        sentence=clean(f"Drill {result.record.number}: {verdict}. {number(len(compared), 'thing')} compared ({number(rows, 'row')}), {times}. {result.path}"),
        listing=table(("STATUS", "WHAT", "NAME", "DAY", "ROWS"), [(one.status, one.kind, one.name, one.day, one.rows or None) for one in result.checks]),
        problems=[clean(f"{one.kind} {one.name} {one.day}".rstrip() + f": {one.reason}") for one in faults],
        files=[dataclasses.asdict(check) for check in result.checks],
        counts={"compared": len(compared), "rows": rows, "faults": len(faults)},
        changed=True,
    )


def recovered(results: list[Recovered], *, database: str, check: bool) -> answers.Answer:
    """What came back into a database, or would."""
    back = [one for one in results if one.status == RECOVERED]
    rows = sum(one.archived - one.before for one in back)
    by_table = {name: sum(one.rows for one in results if one.table == name) for name in sorted({one.table for one in results})}
    archived = {name: sum(one.archived for one in results if one.table == name) for name in by_table}
    what = f"{number(len({one.day for one in back}), 'day')} ({number(rows, 'row')})"
    did = f"{what} would come back into" if check else f"{what} came back into" if back else "Nothing was missing in"
    compared = "; ".join(f"{name} {by_table[name]:,} of {archived[name]:,} rows" for name in by_table)
    return answers.Answer(
        code=exit_code(results),
        summary={
            "days": len({one.day for one in back}),
            "rows": rows,
            "before": sum(one.before for one in results),
            "tables": by_table,
            "archived": archived,
            "dry_run": check,
        },
        sentence=clean(f"{did} {database}: {compared}."),
        listing=table(
            ("STATUS", "TABLE", "DAY", "ARCHIVED", "BEFORE", "ROWS"), [(one.status, one.table, one.day, one.archived, one.before, one.rows) for one in results]
        ),
        problems=[clean(one.reason) for one in results if one.reason],
        files=[dataclasses.asdict(one) for one in results],
        counts={} if check else {"days": len({one.day for one in back}), "rows": rows},
        changed=bool(back),
    )


def _by(environment: Mapping[str, str]) -> str:
    """By what it is run, as far as can be told."""
    if environment.get("STEADY_JOB"):
        return f"job {environment['STEADY_JOB']}"
    return f"sudo of {environment['SUDO_USER']}" if environment.get("SUDO_USER") else "hand"


def _version() -> str:
    """Which command it is: the digest of its own sources, which differs as soon as one of them does."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes())
    return f"fleetdata {digest.hexdigest()[:16]}"


def _drill_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", metavar="TEXT", help="what the days are drawn by (default: the moment; the record has it)")
    parser.add_argument("--days", type=argument_types.positive, metavar="N", help="draw so many days instead of those declared")


def _recover_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", type=argument_types.day, metavar="DAY", dest="first", help="the first day, such as 2026-01-31")
    parser.add_argument("--to", type=argument_types.day, metavar="DAY", dest="last", help="the last day, included")
    parser.add_argument("--last-days", type=argument_types.positive, metavar="N", help="instead: those of the last N days that are archived")
    parser.add_argument("--database", metavar="FILE", help="another database than the application's own; made by the importer if it is not there")
    parser.add_argument("--since", metavar="MOMENT", default="", help="also import anew what was archived from this moment on, such as 2026-01-31T08:00:00Z")
    parser.add_argument("--dry-run", action="store_true", help="say what would come back, write nothing")


ACTIONS: Mapping[str, Action] = {
    "drill": Action("restore drawn days and the newest backup into scratch, compare them with what was proved, and write a record", _drill_arguments, _drill),
    "recover": Action("bring days back into a database through the application's importer", _recover_arguments, _recover),
}
