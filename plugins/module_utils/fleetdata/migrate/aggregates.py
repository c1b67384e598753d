# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query makes of many rows, in PostgreSQL's words."""

from __future__ import annotations

from collections.abc import Sequence

from . import functions
from .parts import BINARY, DOUBLE, NUMBERS, WHOLE, WORDS, Part, as_double
from .syntax import CALL, Node, Unlike

_NAMES = frozenset({"COUNT", "COUNT(*)", "SUM", "MIN", "MAX", "AVG", "TOTAL"})


def called(name: str, parts: Sequence[Part], *, exact: bool) -> Part:
    """A function, or what it makes of many rows."""
    if name == "COUNT(*)":
        return Part("count(*)", WHOLE)
    if name not in _NAMES or len(parts) != 1:
        return functions.called(name, parts, exact=exact)
    (part,) = parts
    if name == "COUNT":
        return Part(f"count({part.sql})", WHOLE)
    return _least_or_most(name, part) if name in ("MIN", "MAX") else _summed(name, part)


def _least_or_most(name: str, part: Part) -> Part:
    if part.kind == WORDS and part.collation in ("", BINARY):
        return Part(f'{name.lower()}({part.sql} COLLATE "C")', WORDS)
    if part.kind not in NUMBERS:
        raise Unlike(f"{name.lower()}() of what is no number")
    return Part(f"{name.lower()}({part.sql})", part.kind, wide=part.wide, real=part.real)


def _summed(name: str, part: Part) -> Part:
    """Integers to an integer, others in doubles, as SQLite does."""
    if part.kind not in NUMBERS:
        raise Unlike(f"{name.lower()}() of what is no number")
    if name == "SUM" and part.kind == WHOLE:
        return Part(f"(sum({part.sql}))::bigint", WHOLE)
    double = as_double(part).sql
    made = {"SUM": f"sum({double})", "AVG": f"avg({double})", "TOTAL": f"COALESCE(sum({double}), 0)"}
    return Part(made[name], DOUBLE, real=name != "SUM" or part.real)


def is_aggregate(node: Node) -> bool:
    """Whether it is one itself."""
    return node.kind == CALL and (node.value == "COUNT(*)" or (node.value in _NAMES and len(node.parts) == 1))


def has_aggregate(node: Node) -> bool:
    """Whether it is one, or something in it is."""
    return is_aggregate(node) or any(has_aggregate(part) for part in node.parts)
