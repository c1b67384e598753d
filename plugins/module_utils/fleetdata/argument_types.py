# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an argument of the command may be: each returns its value, or raises ArgumentTypeError with what is allowed."""

from __future__ import annotations

import argparse
import datetime

from .config import DEFAULT_PATH


def day(text: str) -> str:
    """A day, such as 2026-01-31."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from None


def share(text: str) -> float:
    """A part of a whole, above 0 and 1 at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 0.6, above 0 and 1 at most")
    return value


def positive(text: str) -> int:
    """A whole number from 1."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def common(parser: argparse.ArgumentParser) -> None:
    """What may stand before or after any action; what is not said there must not hide what was said before."""
    parser.add_argument("--config", metavar="PATH", default=argparse.SUPPRESS, help=f"the declared archive (default: $FLEETDATA_CONFIG or {DEFAULT_PATH})")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document, for programs")
