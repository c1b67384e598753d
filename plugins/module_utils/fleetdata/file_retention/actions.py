# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``prune``: files leave the declared folders by age, count and size."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import socket
from collections.abc import Mapping, Sequence

from .. import argument_types, configuration
from ..answers import Answer
from ..errors import ConfigurationError
from ..request import Action, Request, now
from .model import Rule
from .rules import parse_all
from .run import Context, prune
from .told import pruned


def chosen(rules: Mapping[str, Rule], names: Sequence[str], *, max_share: float | None) -> list[Rule]:
    """The rules that are named, all of them without a name. max_share: instead of their own. Raises ConfigurationError."""
    for name in names:
        if name not in rules:
            near = difflib.get_close_matches(name, list(rules), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(rules)}."
            raise ConfigurationError(f"There is no rule {name!r}; {hint}")
    mine = [rule for name, rule in rules.items() if not names or name in names]
    return mine if max_share is None else [dataclasses.replace(rule, max_share=max_share) for rule in mine]


def _prune(request: Request) -> Answer:
    asked, part = request.asked, request.configuration.part(configuration.FILES)
    rules = chosen(parse_all(part.data, part.where), asked.names, max_share=asked.max_share)
    context = Context(archive=lambda: (request.archive, request.store), clock=now, host=socket.gethostname())
    return pruned(prune(rules=rules, context=context, check=asked.dry_run), check=asked.dry_run)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="rules by their declared names; none: all")
    parser.add_argument("--dry-run", action="store_true", help="prove and say what would go, file by file; delete nothing")
    parser.add_argument(
        "--max-share", type=argument_types.share, metavar="SHARE", help="the largest part of a folder that this run may delete, such as 0.6, instead of its own"
    )


ACTIONS: Mapping[str, Action] = {
    "prune": Action("delete files that the declared rules let go: by age, count and size, never what is in use or unproved", _arguments, _prune),
}
