# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of SQLite's SQL, as SQLite itself cuts them: what is a name, a text, a comment. Needed where no PRAGMA tells what was declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WORD, NAME, STRING, OTHER = "word", "name", "string", "other"
"""A bare word, a name in quotes of any of SQLite's kinds, a text, anything else."""
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*\n?|/\*.*?(?:\*/|\Z))
      |(?P<string>'(?:[^']|'')*')
      |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      |(?P<blob>[xX]'[0-9A-Fa-f]*')
      |(?P<word>[^\W\d][\w$]*)
      |(?P<other>0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|->>|->|\|\||<<|>>|<=|>=|<>|!=|==|.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One word of a text. text: as written. value: of a name or text what it means, of a bare word itself. start, end: where it is."""

    kind: str
    text: str
    value: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these bare words, in capitals, or signs."""
        return self.kind in (WORD, OTHER) and self.text.upper() in words


def tokens(sql: str) -> list[Token]:
    """The words of a statement, without space and comments."""
    return list(_tokens(sql))


def _tokens(sql: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(sql):
        kind, text = str(found.lastgroup), found.group()
        if kind == "space":
            continue
        if kind not in (WORD, NAME, STRING):
            kind = OTHER
        yield Token(kind, text, _value(kind, text), found.start(), found.end())


def _value(kind: str, text: str) -> str:
    if kind not in (NAME, STRING):
        return text
    closing = text[-1]
    return text[1:-1].replace(closing * 2, closing) if closing != "]" else text[1:-1]


def closing(found: Sequence[Token], start: int) -> int:
    """Where the bracket that opens at ``start`` is closed; the end when it is not."""
    depth = 0
    for place in range(start, len(found)):
        depth += found[place].says("(") - found[place].says(")")
        if depth == 0:
            return place
    return len(found)


def parts(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts between the commas that are in no bracket."""
    depth = begin = 0
    for place, token in enumerate(found):
        depth += token.says("(") - token.says(")")
        if depth == 0 and token.says(","):
            yield found[begin:place]
            begin = place + 1
    if begin < len(found):
        yield found[begin:]


def between(sql: str, found: Sequence[Token]) -> str:
    """The text of some words in a row, as it was written."""
    return sql[found[0].start : found[-1].end] if found else ""
