# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fleetdata migrate STEP``: what can be said to each step, and the library called with it; its findings are the answer."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from ..answers import Answer
from ..argument_types import common
from ..backup.services import Services
from ..errors import FleetDataError
from ..progress import Progress
from ..request import Action, Request, now, write_page
from ..table import number
from . import chosen, outcomes, report_html, steps
from .back import back
from .connection import connect
from .cutover import cutover
from .handing import Handing
from .migration import Migration
from .spoken import as_arguments


def _plan(request: Request) -> Answer:
    return _told(request, steps.plan(_migration(request, alone=True), stopped=request.asked.stopped))


def _load(request: Request) -> Answer:
    asked, migration = request.asked, _migration(request)
    if asked.dry_run:
        return _told(request, steps.plan(migration, stopped=asked.stopped))
    with _progress(request, "migrate") as progress:
        return _told(request, steps.migrate(migration, progress=progress, resume=not asked.afresh, stopped=asked.stopped))


def _verify(request: Request) -> Answer:
    with _progress(request, "verify") as progress:
        return _told(request, steps.proved(_migration(request), progress=progress, stopped=request.asked.stopped))


def _cutover(request: Request) -> Answer:
    with _handing(request, "cut-over") as how:
        return outcomes.handed(cutover(how), name=how.migration.name, check=how.check)


def _back(request: Request) -> Answer:
    with _handing(request, "back") as how:
        return outcomes.handed(back(how), name=how.migration.name, check=how.check)


def _done(request: Request) -> Answer:
    return steps.end(_migration(request), check=request.asked.dry_run)


def _migration(request: Request, *, alone: bool = False) -> Migration:
    return chosen.migration(request.asked, request.configuration, alone=alone)


def _told(request: Request, step: steps.Step) -> Answer:
    """An answer, and the page of it where one was asked for."""
    if request.asked.html:
        write_page(request.asked.html, report_html.page(step.plan, step.answer))
    return step.answer


def _progress(request: Request, verb: str) -> AbstractContextManager[Progress]:
    return request.progress(verb, thing="table", amount=partial(number, thing="row"), rate=True)


@contextmanager
def _handing(request: Request, verb: str) -> Iterator[Handing]:
    asked, migration = request.asked, _migration(request)
    with request.progress(verb, thing="table") as progress:
        yield Handing(
            migration=migration,
            connect=partial(connect, migration.target),
            clock=now,
            services=Services(names=tuple(asked.service)),
            check=asked.dry_run,
            progress=progress,
        )


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    chosen.arguments(parser)
    parser.add_argument("--stopped", action="store_true", help="the application is stopped, so nobody minds that the database is locked")
    parser.add_argument("--html", metavar="FILE", help="write the report as one HTML page, too")


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    _plan_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="the plan, written nowhere: as fleetdata migrate plan")
    parser.add_argument("--afresh", action="store_true", help="take over nothing of a run that was killed")


def _handing_arguments(parser: argparse.ArgumentParser) -> None:
    chosen.arguments(parser)
    parser.add_argument("--service", metavar="UNIT", action="append", default=[], help="a systemd unit that uses the database; it is stopped, and stays so")
    parser.add_argument("--dry-run", action="store_true", help="say what would be brought to the other side, bring nothing")


def _done_arguments(parser: argparse.ArgumentParser) -> None:
    chosen.arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say whether there is something to drop, drop nothing")


STEPS: Mapping[str, Action] = {
    "plan": Action("look at every value and say what becomes of each table and column, and what is in the way; writes nothing", _plan_arguments, _plan),
    "run": Action("load into a schema aside, compare every value, put all in place at once; the application may go on writing", _run_arguments, _load),
    "verify": Action("compare what PostgreSQL holds now with what SQLite holds now", _plan_arguments, _verify),
    "cutover": Action("with the application stopped, bring what it wrote since; from then on PostgreSQL has the rows", _handing_arguments, _cutover),
    "back": Action(
        "with the application stopped, bring what it wrote in PostgreSQL into the SQLite database, which has the rows again", _handing_arguments, _back
    ),
    "done": Action("end a migration: what PostgreSQL keeps for the cut-over and the way back is dropped", _done_arguments, _done),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    added = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=type(parser))
    for name, step in STEPS.items():
        described = f"{step.purpose[0].upper()}{step.purpose[1:]}."
        one = added.add_parser(name, help=step.purpose, description=described, epilog=parser.epilog, formatter_class=parser.formatter_class, allow_abbrev=False)
        common(one)
        step.arguments(one)


def _run(request: Request) -> Answer:
    try:
        return STEPS[request.asked.step].run(request)
    except FleetDataError as error:
        if request.asked.target:  # which only goes with a database that is named itself
            error.args = (as_arguments(str(error)),)
        raise


ACTIONS: Mapping[str, Action] = {
    "migrate": Action("bring a SQLite database to PostgreSQL, proved: plan, run, verify, cutover, back, done", _arguments, _run),
}
