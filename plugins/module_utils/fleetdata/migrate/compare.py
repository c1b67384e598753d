# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparisons: SQLite compares by affinity and collation, PostgreSQL by type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from . import conversions, fits, kinds
from .parts import BINARY, BOOLEAN, NOCASE, NULL, NUMBERS, WHOLE, WORDS, Part, as_number
from .syntax import Unlike

EQUALITY = ("=", "<>", "IS", "IS NOT")
_SAME = {"IS": "IS NOT DISTINCT FROM", "IS NOT": "IS DISTINCT FROM"}
_MOMENTS = (conversions.MOMENT, conversions.SECONDS, conversions.MILLISECONDS, conversions.MICROSECONDS, conversions.JULIAN)
_NUMBER = re.compile(r"-?\d{1,18}")


def compared(operator: str, left: Part, right: Part) -> str:
    """A condition. Raises Unlike."""
    left, right = _paired(left, right, operator)
    return f"({left.sql} {_SAME.get(operator, operator)} {right.sql})"


def among(left: Part, listed: Sequence[Part]) -> str:
    """Whether it is one of several, by its own collation. Raises Unlike."""
    pairs = [_paired(left, replace(one, collation="", said=False), "=") for one in listed]
    if len({one.sql for one, _ in pairs}) == 1:
        return f"({pairs[0][0].sql} IN ({', '.join(other.sql for _, other in pairs)}))"
    return f"({' OR '.join(f'{one.sql} = {other.sql}' for one, other in pairs)})"


def folded(part: Part) -> str:
    """A text with A-Z as a-z, and nothing else, which is what SQLite does."""
    if part.text is not None:
        return _quoted("".join(chr(ord(one) + 32) if "A" <= one <= "Z" else one for one in part.text))
    return f'lower({part.sql} COLLATE "C")'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def collation_of(left: Part, right: Part) -> str:
    """The collation by which SQLite compares two."""
    said = next((part.collation for part in (left, right) if part.said), "")
    return said or left.collation or right.collation or BINARY


def _paired(left: Part, right: Part, operator: str) -> tuple[Part, Part]:
    if NULL in (left.kind, right.kind):
        raise Unlike("a comparison with NULL is never true")
    if left.kind == WORDS and right.kind == WORDS:
        return _texts(left, right, operator)
    left, right = _literal(left, right), _literal(right, left)
    if left.kind == BOOLEAN and right.kind == BOOLEAN and operator in EQUALITY:
        return left, right
    if {left.kind, right.kind} <= {*NUMBERS, BOOLEAN}:
        return as_number(left), as_number(right)
    if left.kind != right.kind or not _are_alike(left, right, operator):
        raise Unlike(f"SQLite compares {left.sql} and {right.sql} otherwise")
    return left, right


def _texts(left: Part, right: Part, operator: str) -> tuple[Part, Part]:
    collation = collation_of(left, right)
    if collation == NOCASE:
        return replace(left, sql=folded(left)), replace(right, sql=folded(right))
    if collation != BINARY:
        raise Unlike(f"collation {collation} is SQLite's own")
    if operator in EQUALITY:
        return left, right
    return replace(left, sql=f'({left.sql} COLLATE "C")'), right


def _literal(part: Part, other: Part) -> Part:
    """A value that is written out, as the other one's type has it."""
    if part.number in ("0", "1") and other.kind == BOOLEAN and other.column is not None:
        return Part("TRUE" if part.number == "1" else "FALSE", BOOLEAN)
    if part.text is not None and other.kind == WHOLE and other.column is not None and _NUMBER.fullmatch(part.text):
        return Part(str(int(part.text)), WHOLE)
    if part.text is not None and other.kind == fits.DATE and kinds.kind_of(part.text.encode()) == kinds.DATE:
        return Part(f"'{part.text}'::date", fits.DATE, column=other.column)
    return part


def _are_alike(left: Part, right: Part, operator: str) -> bool:
    """Columns of one type: their order is the same where both have the same form, and their equality where a value has but one."""
    one, other = left.column, right.column
    if one is None or other is None or one.conversion != other.conversion:
        return False
    if one.conversion == conversions.MOMENT:
        return operator not in EQUALITY and one.values.texts.keys() | other.values.texts.keys() in _ONE_FORM
    return one.conversion in (conversions.DATE, conversions.BYTES, *_MOMENTS[1:])


_ONE_FORM: tuple[set[str], ...] = ({kinds.MOMENT}, {kinds.DATE}, {kinds.MOMENT_ZONE}, set())
