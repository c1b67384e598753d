# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fleetdata migrate STEP``: what can be said to each step, and the library called with it; its findings are the answer."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ..answers import Answer
from ..argument_types import common
from ..request import Action, Request, write_page
from . import chosen, findings, looking, report_html
from .planned import Plan


def _plan(request: Request) -> Answer:
    migration = chosen.migration(request.asked, request.configuration, alone=True)
    plan = looking.plan_of(migration, stopped=request.asked.stopped)
    return _answer(request, plan, findings.planned(plan))


def _answer(request: Request, plan: Plan, answer: Answer) -> Answer:
    """An answer, and the page of it where one was asked for."""
    if request.asked.html:
        write_page(request.asked.html, report_html.page(plan, answer))
    return answer


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    chosen.arguments(parser)
    parser.add_argument("--stopped", action="store_true", help="the application is stopped, so nobody minds that the database is locked")
    parser.add_argument("--html", metavar="FILE", help="write the report as one HTML page, too")


STEPS: Mapping[str, Action] = {
    "plan": Action("look at every value and say what becomes of each table and column, and what is in the way; writes nothing", _plan_arguments, _plan),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=type(parser))
    for name, step in STEPS.items():
        described = f"{step.purpose[0].upper()}{step.purpose[1:]}."
        one = steps.add_parser(name, help=step.purpose, description=described, epilog=parser.epilog, formatter_class=parser.formatter_class, allow_abbrev=False)
        common(one)
        step.arguments(one)


def _run(request: Request) -> Answer:
    return STEPS[request.asked.step].run(request)


ACTIONS: Mapping[str, Action] = {
    "migrate": Action("bring a SQLite database to PostgreSQL, proved: plan, run, verify, cutover, back, done", _arguments, _run),
}
