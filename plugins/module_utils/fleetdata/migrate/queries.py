# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries of SQLite as views have them: read word by word, into what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, TypeVar

from .syntax import Node, Parser, Unlike
from .tokens import NAME, STRING, WORD, tokens

_One = TypeVar("_One")
_CLAUSES = frozenset({
    "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "ON", "USING", "JOIN", "LEFT", "INNER", "CROSS", "NATURAL", "RIGHT",
    "FULL", "WINDOW", "AS", "ASC", "DESC", "OFFSET", "SELECT", "INDEXED", "NOT", "OVER", "FILTER", "NULLS",
})  # fmt: skip


@dataclass(frozen=True)
class Item:
    """What is selected. node: None for a *, of one table where that is named. name: after AS."""

    node: Node | None
    name: str = ""
    table: str = ""


@dataclass(frozen=True)
class From:
    """table: or a query. alias: by which its columns are called. join: how it is joined to what is before it. on: by which condition."""

    table: str
    alias: str
    join: str = ""
    on: Node | None = None
    query: Select | None = None


@dataclass(frozen=True)
class Select:
    """A query. order: of what, and whether downwards. union: another query that is appended; all: with what is double."""

    items: tuple[Item, ...]
    sources: tuple[From, ...] = ()
    where: Node | None = None
    group: tuple[Node, ...] = ()
    having: Node | None = None
    order: tuple[tuple[Node, bool], ...] = ()
    limit: tuple[str, ...] = ()
    distinct: bool = False
    union: Select | None = None
    every: bool = False


def read(sql: str) -> Select:
    """A whole query. Raises Unlike for what is not known here."""
    parser = Parser(tokens(sql))
    found = _select(parser)
    parser.skip(";")
    if parser.here is not None:
        raise Unlike(f"{parser.here.text} is not known")
    return found


def _select(parser: Parser) -> Select:
    parser.need("SELECT")
    distinct = parser.skip("DISTINCT")
    parser.skip("ALL")
    items = _several(parser, _item)
    sources = _sources(parser) if parser.skip("FROM") else ()
    where = parser.expression() if parser.skip("WHERE") else None
    group = _several(parser, Parser.expression) if parser.skip("GROUP", "BY") else ()
    having = parser.expression() if parser.skip("HAVING") else None
    union, every = None, False
    if parser.skip("UNION"):
        every = parser.skip("ALL")
        union = _select(parser)
    order = _several(parser, _term) if parser.skip("ORDER", "BY") else ()
    limit = _limit(parser) if parser.skip("LIMIT") else ()
    if union and (order or limit or union.order or union.limit):
        raise Unlike("a UNION in an order of its own")
    return Select(items, sources, where, group, having, order, limit, distinct, union, every)


def _several(parser: Parser, one: Callable[[Parser], _One]) -> tuple[_One, ...]:
    found = [one(parser)]
    while parser.skip(","):
        found.append(one(parser))
    return tuple(found)


def _item(parser: Parser) -> Item:
    if parser.skip("*"):
        return Item(None)
    node = parser.expression()
    if node.value == "*" and node.table:
        return Item(None, table=node.table)
    return Item(node, _alias(parser))


def _alias(parser: Parser) -> str:
    said = parser.skip("AS")
    token = parser.here
    if token is None or not (said or token.kind in (NAME, STRING) or (token.kind == WORD and token.text.upper() not in _CLAUSES)):
        return ""
    return parser.take().value


def _term(parser: Parser) -> tuple[Node, bool]:
    node = parser.expression()
    down = parser.skip("DESC")
    parser.skip("ASC")
    return node, down


def _limit(parser: Parser) -> tuple[str, ...]:
    found = [parser.take().text]
    if parser.skip("OFFSET"):
        found.append(parser.take().text)
    if not all(number.isdigit() for number in found):
        raise Unlike("a LIMIT that is no number")
    return tuple(found)


def _sources(parser: Parser) -> tuple[From, ...]:
    found = [_source(parser, "")]
    while join := _join(parser):
        found.append(_source(parser, join))
    return tuple(found)


def _join(parser: Parser) -> str:
    if parser.skip(",") or parser.skip("CROSS", "JOIN"):
        return "CROSS JOIN"
    if parser.skip("JOIN") or parser.skip("INNER", "JOIN"):
        return "JOIN"
    return "LEFT JOIN" if parser.skip("LEFT", "JOIN") or parser.skip("LEFT", "OUTER", "JOIN") else ""


def _source(parser: Parser, join: str) -> From:
    query, table = None, ""
    if parser.skip("("):
        query = _select(parser)
        parser.need(")")
    else:
        token = parser.take()
        if token.kind not in (WORD, NAME):
            raise Unlike(f"{token.text} is no table")
        table = token.value
    alias = _alias(parser) or table
    on = parser.expression() if join and parser.skip("ON") else None
    return From(table, alias, join if on or not join else "CROSS JOIN" if join != "LEFT JOIN" else join, on, query)
