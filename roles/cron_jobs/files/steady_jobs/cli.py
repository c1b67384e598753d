# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``job``.

``job run NAME`` exits as the job did: its exit code (of the first step that did not end well), 128 + the signal that ended
it, 124 after a time-out, 65 if it moved less than expected, 75 if refused because a run is still going on (or waiting
for another job), 78 if the job cannot be started as declared.
"""

from __future__ import annotations

import argparse
import sys

from . import status
from .model import BY_CATCH_UP, BY_CRON, BY_HAND, JobError, Paths, load
from .run import run
from .system import System
from .tick import tick
from .work import UNUSABLE


def main(arguments: list[str], system: System | None = None) -> int:
    """Do what ``arguments`` say; return the exit code."""
    asked = _parser().parse_args(arguments)
    paths, system = Paths(root=asked.root), system or System()
    try:
        if asked.action == "list":
            return status.show_list(paths)
        if asked.action == "status":
            return status.show(paths, system.now(), as_json=asked.json, check=asked.check)
        if asked.action == "history":
            return status.show_history(paths, asked.name, as_json=asked.json)
        if asked.action == "tick":
            return tick(paths, system)
        return run(paths, load(paths, asked.name), system, trigger=asked.trigger, tail=asked.tail)
    except JobError as error:
        print(f"job: {error}", file=sys.stderr)
    except PermissionError as error:
        print(f"job: {error.filename}: {error.strerror}; use sudo", file=sys.stderr)
    return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="job", description="Run and show this host's declared jobs.")
    parser.add_argument("--root", default="", help="a directory in which /etc, /var and /run are looked for")
    commands = parser.add_subparsers(dest="action", required=True)
    one = commands.add_parser("run", help="run a job now, exactly as cron does")
    one.add_argument("name")
    one.add_argument(
        "--trigger", choices=[BY_HAND, BY_CRON, BY_CATCH_UP], default=BY_HAND, help="who asks; but by hand, it runs only for a due time unanswered"
    )
    one.add_argument("--tail", type=int, default=0, metavar="LINES", help="print the last lines of its output")
    commands.add_parser("list", help="show the declared jobs")
    shown = commands.add_parser("status", help="show how each job's last run ended and when the next must have")
    shown.add_argument("--json", action="store_true", help="as JSON, for programs")
    shown.add_argument("--check", action="store_true", help="exit with 1 if a job is overdue or did not end well")
    past = commands.add_parser("history", help="show the last runs of a job")
    past.add_argument("name")
    past.add_argument("--json", action="store_true", help="as JSON, for programs")
    commands.add_parser("tick", help="start what was missed, tell who is overdue; a timer calls it")
    return parser
