# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``restore-rows``: archived rows come back into a database."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from .. import argument_types
from ..answers import Answer
from ..request import Action, Request
from . import databases
from .bring_back import Asked
from .restoring import ALL, Into, restore_rows, told


def _run(request: Request) -> Answer:
    said = request.asked
    asked = Asked(name=said.name, table=said.table, first=said.first, last=said.last)
    into = Into(path=os.path.abspath(said.into), create=said.create)
    declared = databases.names(request.configuration)
    with request.progress("restore") as progress:
        restored = restore_rows(
            asked=asked, into=into, store=request.store, archive=request.archive, declared=declared, check=said.dry_run, progress=progress
        )  # fmt: skip
    return told(restored, into=into.path, check=said.dry_run)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="NAME", required=True, help="the database, as it is declared for retention")
    parser.add_argument("--table", metavar="TABLE", default=ALL, help="one table (default: all that have archived rows)")
    parser.add_argument("--from", type=argument_types.day, metavar="DAY", dest="first", help="the first day, such as 2026-01-31 (default: the first archived)")
    parser.add_argument("--to", type=argument_types.day, metavar="DAY", dest="last", help="the last day, included (default: the last archived)")
    parser.add_argument("--into", metavar="FILE", required=True, help="the database that the rows come into; rows that are there are never changed")
    parser.add_argument("--create", action="store_true", help="make the database and its tables as they were; foreign keys are not enforced then")
    parser.add_argument("--dry-run", action="store_true", help="say what would come back; change nothing")


ACTIONS: Mapping[str, Action] = {"restore-rows": Action("bring archived rows back into a SQLite database", _arguments, _run)}
