# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of SQLite as PostgreSQL's, where they surely mean the same; what is not sure is refused, and told."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Callable

from . import fits, patterns
from .compare import among, compared
from .functions import called
from .parts import BOOLEAN, DOUBLE, NULL, NUMBERS, WHOLE, WORDS, Part, alike, as_double, as_number, as_truth, as_words, of_column
from .planned import ColumnPlan
from .syntax import (
    BETWEEN,
    CALL,
    CASE,
    CAST,
    COLLATE,
    COLUMN,
    GLOB,
    IN,
    INFIX,
    IS_NULL,
    LIKE,
    NOT,
    NUMBER,
    PREFIX,
    TEXT,
    Node,
    Unlike,
    parsed,
)  # fmt: skip
from .syntax import NULL as NOTHING

__all__ = ["Translator", "Unlike", "condition", "generated", "indexed"]
_LARGEST, _LARGEST_INT = 2**63 - 1, 2**31 - 1
Find = Callable[[Node], Part]
"""What a name stands for. Raises Unlike."""
Call = Callable[..., Part]
"""What a function of some parts is, as ``functions.called``."""


def condition(sql: str, columns: Mapping[str, ColumnPlan]) -> str:
    """Of a CHECK or a partial index."""
    return as_truth(Translator(find(columns)).part(parsed(sql)))


def indexed(sql: str, columns: Mapping[str, ColumnPlan], *, exact: bool) -> str:
    """Of an index. exact: it is unique, so that it has to mean the very same; else queries only have to find by it."""
    return Translator(find(columns), exact=exact).part(parsed(sql)).sql


def generated(sql: str, column: ColumnPlan, columns: Mapping[str, ColumnPlan], *, without: Container[str]) -> str:
    """What makes a column, as its type. without: columns that it cannot be made from, as they are generated, too."""
    part = Translator(find(columns, without)).part(parsed(sql))
    base = fits.base(column.type)
    if base == part.kind == BOOLEAN:
        return part.sql
    if base in (fits.PLAIN, fits.VARCHAR):
        return as_words(part).sql
    part = as_number(part)
    if base in fits.INTEGERS and part.kind == WHOLE:
        return f"({part.sql})::{column.type}"
    if base == fits.DOUBLE:
        return as_double(part).sql
    if base == fits.NUMERIC:
        return f"({part.sql})::text::numeric" if part.kind == DOUBLE else f"({part.sql})::{column.type}"
    raise Unlike(f"it makes {part.kind}, not {column.type}")


def find(columns: Mapping[str, ColumnPlan], without: Container[str] = ()) -> Find:
    """Names of one table's columns; what is in double quotes and none of them is a text, for SQLite."""
    by_name = {name.lower(): column for name, column in columns.items()}

    def found(node: Node) -> Part:
        column = by_name.get(node.value.lower())
        if column is not None and column.source in without:
            raise Unlike(f"{column.source} is generated itself")
        if column is not None:
            return of_column(column)
        if node.in_quotes and node.value.lower() not in ("rowid", "oid", "_rowid_"):
            return text(node.value)
        raise Unlike(f"{node.value} is no column")

    return found


def text(said: str) -> Part:
    """A text that is written out."""
    if "\0" in said:
        raise Unlike("a text of PostgreSQL has no NUL byte")
    return Part("'" + said.replace("'", "''") + "'", WORDS, text=said)


class Translator:
    """Node by node, from the leaves."""

    def __init__(self, find_name: Find, *, exact: bool = True, call: Call = called) -> None:
        self._find = find_name
        self._exact = exact
        self._called = call

    def part(self, node: Node) -> Part:
        """Raises Unlike where PostgreSQL would not surely mean the same."""
        found = self._known[node.kind](self, node)
        if found.kind == WORDS and node.kind != COLLATE and node.has(COLLATE):
            raise Unlike("COLLATE inside a text is SQLite's own")
        return found

    def truth(self, node: Node) -> str:
        """A condition."""
        return as_truth(self.part(node))

    def _column(self, node: Node) -> Part:
        return self._find(node)

    def _text(self, node: Node) -> Part:
        return text(node.value)

    def _number(self, node: Node) -> Part:
        if node.value.isdigit():
            number = int(node.value)
            if number > _LARGEST:
                raise Unlike(f"{node.value} is a real for SQLite")
            return Part(str(number), WHOLE, wide=number > _LARGEST_INT, number=str(number))
        if node.value[:2] in ("0x", "0X"):
            raise Unlike(f"{node.value} is SQLite's own form of a number")
        return Part(f"'{node.value}'::double precision", DOUBLE, real=True)

    def _nothing(self, _node: Node) -> Part:
        return Part("NULL", NULL)

    def _prefix(self, node: Node) -> Part:
        part = self.part(node.parts[0])
        if node.value == "+":
            return replace(part, collation="", said=False, column=None)
        part = as_number(part)
        if node.value == "~":
            if part.kind != WHOLE:
                raise Unlike("~ of what is no integer")
            return Part(f"(~ ({part.sql})::bigint)", WHOLE)
        number = f"-{part.number}" if part.number not in (None, "0") else None
        return Part(f"(- {part.sql})", part.kind, wide=part.wide, real=part.real, number=number)

    def _infix(self, node: Node) -> Part:
        left, right = map(self.part, node.parts)
        if node.value in ("AND", "OR"):
            return Part(f"({as_truth(left)} {node.value} {as_truth(right)})", BOOLEAN)
        if node.value == "||":
            return Part(f"({as_words(left).sql} || {as_words(right).sql})", WORDS)
        if node.value in "+-*/%&|":
            return _reckoned(node.value, left, right)
        return Part(compared(node.value, left, right), BOOLEAN)

    def _not(self, node: Node) -> Part:
        return Part(f"(NOT {self.truth(node.parts[0])})", BOOLEAN)

    def _is_null(self, node: Node) -> Part:
        return Part(f"({self.part(node.parts[0]).sql} IS {'NOT ' if node.negated else ''}NULL)", BOOLEAN)

    def _collate(self, node: Node) -> Part:
        return replace(self.part(node.parts[0]), collation=node.value, said=True)

    def _in(self, node: Node) -> Part:
        left, *listed = map(self.part, node.parts)
        if not listed:
            raise Unlike("IN () is SQLite's own")
        said = among(left, listed)
        return Part(f"(NOT {said})" if node.negated else said, BOOLEAN)

    def _between(self, node: Node) -> Part:
        part, low, high = map(self.part, node.parts)
        said = f"({compared('>=', part, low)} AND {compared('<=', part, high)})"
        return Part(f"(NOT {said})" if node.negated else said, BOOLEAN)

    def _like(self, node: Node) -> Part:
        part, pattern, *escape = map(self.part, node.parts)
        said = patterns.like(part, pattern, escape[0] if escape else None)
        return Part(f"(NOT {said})" if node.negated else said, BOOLEAN)

    def _glob(self, node: Node) -> Part:
        part, pattern = map(self.part, node.parts)
        said = patterns.glob(part, pattern)
        return Part(f"(NOT {said})" if node.negated else said, BOOLEAN)

    def _cast(self, node: Node) -> Part:
        part = self.part(node.parts[0])
        kept = replace(part, column=None, text=None, number=None)
        if node.value == "TEXT" and part.kind in (WORDS, WHOLE):
            return replace(as_words(kept), collation=part.collation)
        if node.value in ("INTEGER", "INT", "BIGINT") and part.kind in (WHOLE, BOOLEAN):
            return as_number(kept)
        if node.value in ("REAL", "FLOAT", "DOUBLE") and part.kind in NUMBERS:
            return replace(as_double(kept), real=True)
        raise Unlike(f"CAST AS {node.value} of {part.kind} is not the same")

    def _case(self, node: Node) -> Part:
        subject, *pairs, last = node.parts
        conditions = [self._when(node, subject, one) for one in pairs[::2]]
        values = [*map(self.part, pairs[1::2]), self.part(last)]
        whole = alike(values)
        said = ["NULL" if one.kind == NULL else as_double(one).sql if whole.kind == DOUBLE else one.sql for one in values]
        whens = " ".join(f"WHEN {one} THEN {value}" for one, value in zip(conditions, said))
        return Part(f"(CASE {whens} ELSE {said[-1]} END)", whole.kind, wide=whole.wide, real=whole.real)

    def _when(self, node: Node, subject: Node, one: Node) -> str:
        return compared("=", self.part(subject), self.part(one)) if node.value else self.truth(one)

    def _call(self, node: Node) -> Part:
        return self._called(node.value, [self.part(one) for one in node.parts], exact=self._exact)

    _known: Mapping[str, Callable[[Translator, Node], Part]] = {
        COLUMN: _column, TEXT: _text, NUMBER: _number, NOTHING: _nothing, PREFIX: _prefix, INFIX: _infix, NOT: _not, IS_NULL: _is_null, COLLATE: _collate,
        IN: _in, BETWEEN: _between, LIKE: _like, GLOB: _glob, CAST: _cast, CASE: _case, CALL: _call,
    }  # fmt: skip


def _reckoned(operator: str, left: Part, right: Part) -> Part:
    """Arithmetic as SQLite does it: in integers of 64 bits, else in doubles; what is divided by zero is NULL."""
    left, right = as_number(left), as_number(right)
    if left.kind == right.kind == WHOLE:
        first = left.sql if left.wide or right.wide else f"({left.sql})::bigint"
        second = f"NULLIF({right.sql}, 0)" if operator in "/%" else right.sql
        return Part(f"({first} {operator} {second})", WHOLE)
    if operator in "%&|":
        raise Unlike(f"{operator} of what is no integer")
    real = left.real or right.real
    if operator == "/" and not real:
        raise Unlike("a division that is one of integers for some rows")
    first, second = as_double(left).sql, as_double(right).sql
    return Part(f"({first} {operator} {f'NULLIF({second}, 0)' if operator == '/' else second})", DOUBLE, real=real)
