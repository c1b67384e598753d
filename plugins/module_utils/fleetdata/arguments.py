# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said to the command ``fleetdata``."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Sequence
from typing import NoReturn

from .check import ARCHIVE, RESTORE
from .config import DEFAULT_PATH
from .errors import UsageError

EXIT_CODES = """\
exit codes (of several the first one here):
  5    damaged: S3 gave back something else than was sent, or an archived object is missing, altered or swapped
  7    S3 could not be reached, did not answer in time, or refused the credentials; or a file could not be read
  2    an argument or the configuration is wrong, and nothing was done; check: something is to be put right
  4    conflict: another content is archived for that day already; nothing was overwritten
  3    quarantined: a file is not what its report type declares; it was not archived
  6    incomplete: a day that was asked for is not in the archive, or there was nothing to check
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
    _common(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=_Parser)
    _archive(_action(actions, "archive", "archive files, and prove each one by reading it back"))
    _restore(_action(actions, "restore", "bring days back as verified CSV files"))
    _range(_action(actions, "ls", "list the archived days from their manifests"))
    _verify(_action(actions, "verify", "read archived objects back and compare them with their manifests"))
    _calendar(_action(actions, "calendar", "show every day of every report: archived, conflicting, missing, late"))
    check = _action(actions, "check", "show whether the credentials can do exactly what they must, and whether the bucket is as declared")
    check.add_argument("--for", dest="use", choices=[ARCHIVE, RESTORE], default=ARCHIVE, help="what the credentials are for (default: archive)")
    check.add_argument("--dry-run", action="store_true", help="read only: no probe object is written")
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
    _common(parser)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    """May stand before or after the action; what is not said there must not hide what was said before."""
    parser.add_argument("--config", metavar="PATH", default=argparse.SUPPRESS, help=f"the declared archive (default: $FLEETDATA_CONFIG or {DEFAULT_PATH})")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document, for programs")


def _archive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="CSV files; none: all that the declared patterns name")
    parser.add_argument("--report", metavar="NAME", help="the report that the files are; left out: whose declared pattern names them")
    parser.add_argument("--dry-run", action="store_true", help="read and check the files, say what would become of them, write nothing")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--delete-source", action="store_true", default=None, help="delete each file once it is proved")
    source.add_argument("--keep-source", action="store_false", default=None, dest="delete_source", help="keep the files, whatever the configuration says")
    parser.add_argument("--revisions", action="store_true", default=None, help="keep another content for an archived day beside it; it then counts")


def _range(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--report", metavar="NAME", default=None if required else "all", required=required, help="one report, or all")
    parser.add_argument("--from", type=_day, metavar="DAY", dest="first", required=required, help="the first day, such as 2026-01-31")
    parser.add_argument("--to", type=_day, metavar="DAY", dest="last", required=required, help="the last day, included")


def _restore(parser: argparse.ArgumentParser) -> None:
    _range(parser, required=True)
    parser.add_argument("--into", metavar="DIR", required=True, help="the directory for the files; made if it is not there")
    parser.add_argument("--flat", action="store_true", help="all files directly in that directory")
    parser.add_argument("--replace", action="store_true", help="replace files there that have another content")
    parser.add_argument("--dry-run", action="store_true", help="say what would come back, write nothing")


def _verify(parser: argparse.ArgumentParser) -> None:
    _range(parser)
    parser.add_argument("--sample", type=_positive, metavar="N", help="read only N days back, drawn by the seed")
    parser.add_argument("--seed", metavar="TEXT", help="what the sample is drawn by (default: today, so that every day draws others)")
    parser.add_argument("--deep", action="store_true", help="count rows, days and columns again, too")


def _calendar(parser: argparse.ArgumentParser) -> None:
    _range(parser)
    parser.add_argument("--html", metavar="FILE", help="write it as one self-contained HTML page, too")
    parser.add_argument("--check", action="store_true", help="exit with 6 if a day is missing, with 5 if one holds an object that does not count")


def _day(text: str) -> str:
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from None


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
