# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said to the command ``fleetdata``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import NoReturn

from .actions import ALL as ACTIONS
from .argument_types import common
from .config import DEFAULT_PATH
from .errors import UsageError

EXIT_CODES = """\
exit codes (of several the first one here):
  5    damaged: S3 gave back something else than was sent, or an archived object is missing, altered or swapped; PostgreSQL holds something else than SQLite
  7    S3 or PostgreSQL could not be reached, did not answer in time, or refused the credentials; or a file could not be read
  2    an argument or the configuration is wrong, and nothing was done; check: something is to be put right
  4    conflict: another content is archived for that day already, or is where something comes back; nothing was overwritten
  3    quarantined: a file is not as declared and was not archived; a database is empty or corrupt and was not backed up; rows did not fit PostgreSQL's tables
  8    stayed: something that was to go is still there, as a check refused it; a migration has differences to be resolved; nothing was lost
  6    incomplete: a day, rows or a backup that was asked for is not there, there was nothing to check, or a backup or recovery is older or slower than declared
  0    all is well
  130, 143  stopped by Ctrl-C, SIGTERM; run it again, it goes on where it was
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See {self.prog} --help.")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments by name. Raises UsageError; --help ends the program."""
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fleetdata",
        description="Archive CSV reports in S3 and get them back, proved by reading them again. Nothing in the archive is ever overwritten or deleted.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(config=os.environ.get("FLEETDATA_CONFIG", DEFAULT_PATH), json=False)
    common(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    for name, action in ACTIONS.items():
        action.arguments(_action(actions, name, action.purpose))
    return parser


def _action(actions: argparse._SubParsersAction[_Parser], name: str, purpose: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    common(parser)
    return parser
