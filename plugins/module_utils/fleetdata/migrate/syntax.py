# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of SQLite, read as SQLite reads them: with its precedence, which is not everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .tokens import NAME, STRING, WORD, Token, tokens

COLUMN, TEXT, NUMBER, NULL, CALL, CAST, CASE, COLLATE, IN, BETWEEN, LIKE, GLOB, IS_NULL, NOT, PREFIX, INFIX = (
    "column", "text", "number", "null", "call", "cast", "case", "collate", "in", "between", "like", "glob", "is null", "not", "prefix", "infix",
)  # fmt: skip


class Unlike(Exception):
    """An expression that PostgreSQL does not have, or that would mean something else there; the message says why."""


@dataclass(frozen=True)
class Node:
    """kind: one of the above. value: a name, a text, a number, an operator, a function, a type. negated: NOT IN, NOT LIKE and so on.

    parts: what it is made of. table: of a column that is said with it. in_quotes: of a column in double quotes, which may be a text after all.
    """

    kind: str
    value: str = ""
    parts: tuple[Node, ...] = ()
    negated: bool = False
    table: str = ""
    in_quotes: bool = False

    def has(self, kind: str) -> bool:
        """Whether something of a kind is in it."""
        return self.kind == kind or any(part.has(kind) for part in self.parts)


_OR, _AND, _NOT, _EQUAL, _LESS, _BITS, _PLUS, _TIMES, _CONCAT, _COLLATE = range(10)
_INFIX = {
    "OR": _OR, "AND": _AND, "=": _EQUAL, "==": _EQUAL, "<>": _EQUAL, "!=": _EQUAL, "IS": _EQUAL, "<": _LESS, "<=": _LESS, ">": _LESS, ">=": _LESS,
    "&": _BITS, "|": _BITS, "+": _PLUS, "-": _PLUS, "*": _TIMES, "/": _TIMES, "%": _TIMES, "||": _CONCAT,
}  # fmt: skip
_SAME = {"==": "=", "!=": "<>"}
_VALUES = {"NULL": Node(NULL), "TRUE": Node(NUMBER, "1"), "FALSE": Node(NUMBER, "0")}
_NEVER_COLUMNS = frozenset(
    {
        "SELECT",
        "EXISTS",
        "RAISE",
        "NOT",
        "AND",
        "OR",
        "IN",
        "IS",
        "FROM",
        "WHERE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "CURRENT_TIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
    }
)


def parsed(sql: str) -> Node:
    """An expression. Raises Unlike for what is not known here."""
    parser = Parser(tokens(sql))
    node = parser.expression()
    if parser.here is not None:
        raise Unlike(f"{parser.here.text} is not known")
    return node


class Parser:
    """Reads expressions from words; what comes behind one is left to the caller."""

    def __init__(self, found: Sequence[Token]) -> None:
        self._found = found
        self._place = 0

    @property
    def here(self) -> Token | None:
        """The next word, None at the end."""
        return self._found[self._place] if self._place < len(self._found) else None

    def says(self, *words: str) -> bool:
        """Whether the next word is one of these."""
        return self.here is not None and self.here.says(*words)

    def skip(self, *words: str) -> bool:
        """Whether the next words are these, which then are read."""
        some = self._found[self._place : self._place + len(words)]
        if len(some) != len(words) or not all(token.says(word) for token, word in zip(some, words)):
            return False
        self._place += len(words)
        return True

    def need(self, *words: str) -> None:
        """Read these words. Raises Unlike where others stand there."""
        if not self.skip(*words):
            raise Unlike(f"{self.here.text if self.here else 'the end'} stands where {' '.join(words)} is expected")

    def take(self) -> Token:
        """The next word, read."""
        token = self.here
        if token is None:
            raise Unlike("it ends too early")
        self._place += 1
        return token

    def expression(self, level: int = _OR) -> Node:
        """Everything that binds at least as close as a level."""
        node = Node(NOT, parts=(self.expression(_NOT),)) if level <= _NOT and self.skip("NOT") else self._operand()
        while self.here is not None:
            further = self._further(node, level)
            if further is None:
                return node
            node = further
        return node

    def _further(self, left: Node, level: int) -> Node | None:
        """What an operator makes of what stands before it; None where the expression ends here."""
        if self.skip("COLLATE"):
            return Node(COLLATE, self.take().value.upper(), (left,))
        if level <= _EQUAL:
            found = self._predicate(left)
            if found is not None:
                return found
        token = self.here
        binds = _INFIX.get(token.text.upper(), -1) if token is not None and token.kind not in (NAME, STRING) else -1
        if token is None or binds < level:
            return None
        self.take()
        name = token.text.upper()
        if name == "IS" and self.skip("NOT"):
            name = "IS NOT"
        if self.says("DISTINCT"):
            raise Unlike("IS DISTINCT FROM is not known")
        right = self.expression(binds + 1)
        if name in ("IS", "IS NOT") and right.kind == NULL:
            return Node(IS_NULL, parts=(left,), negated=name == "IS NOT")
        return Node(INFIX, _SAME.get(name, name), (left, right))

    def _predicate(self, left: Node) -> Node | None:
        """IN, LIKE, GLOB, BETWEEN and NULL, perhaps with NOT before it."""
        for words, negated in ((("ISNULL",), False), (("NOTNULL",), True), (("NOT", "NULL"), True)):
            if self.skip(*words):
                return Node(IS_NULL, parts=(left,), negated=negated)
        begin = self._place
        negated = self.skip("NOT")
        if self.skip("IN"):
            self.need("(")
            return Node(IN, parts=(left, *self.listed()), negated=negated)
        if self.skip("BETWEEN"):
            low = self.expression(_LESS)
            self.need("AND")
            return Node(BETWEEN, parts=(left, low, self.expression(_LESS)), negated=negated)
        for kind in (LIKE, GLOB):
            if self.skip(kind.upper()):
                right = self.expression(_LESS)
                escape = (self.expression(_LESS),) if self.skip("ESCAPE") else ()
                return Node(kind, parts=(left, right, *escape), negated=negated)
        self._place = begin
        return None

    def listed(self) -> tuple[Node, ...]:
        """What stands between commas, up to the bracket that closes them, which is read."""
        found: list[Node] = []
        while not self.skip(")"):
            if found:
                self.need(",")
            found.append(self.expression())
        return tuple(found)

    def _operand(self) -> Node:
        for sign in ("-", "+", "~"):
            if self.skip(sign):
                return Node(PREFIX, sign, (self._operand(),))
        if self.skip("("):
            node = self.expression()
            self.need(")")
            return node
        token = self.take()
        if token.kind == STRING:
            return Node(TEXT, token.value)
        if token.kind not in (NAME, WORD):
            if token.text[0].isdigit() or token.text[0] == ".":
                return Node(NUMBER, token.text)
            raise Unlike(f"{token.text} is not known")
        return self._named(token)

    def _named(self, token: Token) -> Node:
        """A column, a function, or a word that is a value."""
        word = token.text.upper()
        if token.kind == NAME or not (self.says("(") or word in _VALUES or word == "CASE" or word in _NEVER_COLUMNS):
            if self.skip("."):
                return Node(COLUMN, self.take().value, table=token.value)
            return Node(COLUMN, token.value, in_quotes=token.text.startswith('"'))
        if word in _VALUES:
            return _VALUES[word]
        if word == "CASE":
            return self._case()
        if word in _NEVER_COLUMNS:
            raise Unlike(f"{word} is not known here")
        self.need("(")
        return self._cast() if word == "CAST" else self._call(word)

    def _call(self, name: str) -> Node:
        if self.skip("*"):
            self.need(")")
            return Node(CALL, f"{name}(*)")
        if self.says("DISTINCT"):
            raise Unlike(f"{name}(DISTINCT …) is not known")
        return Node(CALL, name, self.listed())

    def _cast(self) -> Node:
        node = self.expression()
        self.need("AS")
        kind = []
        while not self.skip(")"):
            kind.append(self.take().text.upper())
        return Node(CAST, " ".join(kind), (node,))

    def _case(self) -> Node:
        """parts: what is compared (NULL for none, then value is empty), pairs of a condition and a value, and the value of ELSE."""
        subject = None if self.says("WHEN") else self.expression()
        found = [subject or Node(NULL)]
        while self.skip("WHEN"):
            found.append(self.expression())
            self.need("THEN")
            found.append(self.expression())
        found.append(self.expression() if self.skip("ELSE") else Node(NULL))
        self.need("END")
        return Node(CASE, "of" if subject else "", tuple(found))
