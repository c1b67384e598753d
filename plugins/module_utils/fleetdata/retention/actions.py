# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``retain``: rows leave the declared databases, each after it was read back from S3."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Mapping

from .. import argument_types
from ..answers import Answer
from ..request import Action, Request, now
from ..table import number
from . import databases, told
from .run import Context


def _retain(request: Request) -> Answer:
    asked = request.asked
    chosen = databases.chosen(databases.declared(request.configuration), asked.names, max_share=asked.max_share)
    with request.progress("retain", thing="day", amount=lambda count: number(count, "row")) as progress:
        context = Context(
            store=request.store, archive=request.archive, work="", host=socket.gethostname(), clock=now, stop=request.stop, progress=progress
        )  # fmt: skip
        outcomes = databases.retain_each(retentions=chosen, context=context, check=asked.dry_run)
    stopped = request.stop.number if request.stop.is_set() else 0
    return told.retained(outcomes, bucket=request.archive.bucket, check=asked.dry_run, stopped=stopped)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="databases by their declared names; none: all")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, table by table and day by day; write nothing")
    parser.add_argument(
        "--max-share", type=argument_types.share, metavar="SHARE", help="the largest part of a table that this run may delete, such as 0.6, instead of its own"
    )


ACTIONS: Mapping[str, Action] = {
    "retain": Action("delete rows that are older than declared, each after it was read back from S3", _arguments, _retain),
}
