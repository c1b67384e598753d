# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LIKE and GLOB: the first regards no case of A-Z in SQLite, the second is one of its own."""

from __future__ import annotations

import re

from .compare import folded
from .parts import WORDS, Part
from .syntax import Unlike

_SPECIAL = frozenset(r".^$*+?()[]{}|\\")


def like(part: Part, pattern: Part, escape: Part | None) -> str:
    """Raises Unlike."""
    if part.kind != WORDS or pattern.text is None:
        raise Unlike("LIKE of what is no text, or by a pattern that is not written out")
    sign = escape.text or "" if escape is not None else ""
    if escape is not None and not _is_used(sign, pattern.text):
        raise Unlike("ESCAPE is not used as PostgreSQL does")
    quoted = sign.replace("'", "''")
    return f"({folded(part)} LIKE {folded(pattern)} ESCAPE '{quoted}')"


def _is_used(sign: str, pattern: str) -> bool:
    """Whether a sign for escapes stands only where all agree what it means."""
    behind = re.sub(f"{re.escape(sign)}[%_{re.escape(sign)}]", "", pattern) if sign else ""
    return len(sign) == 1 and not sign.isalpha() and sign not in "%_" and sign not in behind


def glob(part: Part, pattern: Part) -> str:
    """As a regular expression. Raises Unlike."""
    if part.kind != WORDS or part.text is not None or pattern.text is None:  # PostgreSQL refuses a regular expression of a text that is written out
        raise Unlike("GLOB of what is no column's text, or by a pattern that is not written out")
    said = regular(pattern.text).replace("'", "''")
    return f"(({part.sql} COLLATE \"C\") ~ '{said}')"


def regular(pattern: str) -> str:
    """A pattern of GLOB as a regular expression of PostgreSQL. Raises Unlike."""
    found = ""
    place = 0
    while place < len(pattern):
        one = pattern[place]
        if one == "[":
            end, said = _bracket(pattern, place)
            found, place = found + said, end
            continue
        found += {"*": ".*", "?": "."}.get(one, f"\\{one}" if one in _SPECIAL else one)
        place += 1
    return f"^(?:{found})$"


def _bracket(pattern: str, place: int) -> tuple[int, str]:
    """A set of characters: where it ends, and itself."""
    match = re.compile(r"\[(\^?)([A-Za-z0-9 _.,:;@#/+-]+)\]").match(pattern, place)
    if not match:
        raise Unlike("GLOB with such a set of characters is SQLite's own")
    inner = match.group(2)
    if not re.fullmatch(r"(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.,:;@#/+])*-?", inner) or any(a > b for a, b in re.findall(r"(\w)-(\w)", inner)):
        raise Unlike("GLOB with such a set of characters is SQLite's own")
    return match.end(), f"[{match.group(1)}{inner}]"
