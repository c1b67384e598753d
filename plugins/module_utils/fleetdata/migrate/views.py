# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views, as queries of PostgreSQL: where all that they select, join and count surely means the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..sql import quoted
from . import aggregates, names
from .compare import folded
from .expressions import Translator, text
from .model import Named
from .parts import BOOLEAN, DOUBLE, NOCASE, NUMBERS, NUMERIC, WHOLE, WORDS, Part, of_column, opaque
from .planned import TablePlan
from .queries import From, Item, Select, read
from .syntax import COLUMN, NUMBER, Node, Unlike

Columns = dict[str, Part]
"""What a table, view or query has, by its name there; sql: its name in the target."""


@dataclass(frozen=True)
class Scope:
    """What a query selects from: by alias, in their order, and the names that it gives itself."""

    sources: Mapping[str, Columns]
    named: Mapping[str, Node] = field(default_factory=dict)

    def find(self, node: Node) -> Part:
        """A column. Raises Unlike where it is none, or one of two."""
        there = [(alias, part) for alias, columns in self.sources.items() for name, part in columns.items() if _is_named(node, alias, name)]
        if len(there) == 1:
            alias, part = there[0]
            known = part if part.column is None else of_column(part.column)
            return replace(known, sql=f"{quoted(alias)}.{part.sql}")
        if there or not node.in_quotes or node.table or node.value.lower() in ("rowid", "oid", "_rowid_"):
            raise Unlike(f"{node.value} is no column, or one of two")
        return text(node.value)


class Views:
    """The views of a database, each translated when it is asked for."""

    def __init__(self, *, views: Sequence[Named], tables: Mapping[str, TablePlan], taken: names.Names) -> None:
        self._taken = taken
        self._views = {view.name.lower(): view for view in views}
        self._tables = {table.source.name.lower(): table for table in tables.values()}
        self._done: dict[str, tuple[Named, Columns]] = {}
        self._begun: set[str] = set()

    def translated(self, name: str) -> tuple[Named, Columns]:
        """A view of the target, and its columns. Those it needs come before it in ``in_order``. Raises Unlike."""
        key = name.lower()
        if key in self._done:
            return self._done[key]
        if key in self._begun:
            raise Unlike(f"{name} cannot be said, or selects from itself")
        self._begun.add(key)
        view = self._views[key]
        if not view.columns:
            raise Unlike("SQLite itself cannot read it")
        sql, columns = self._select(read(view.sql), [names.shortened(column) for column in view.columns])
        self._done[key] = Named(name=self._taken.give(view.name), sql=sql, columns=view.columns), dict(zip(view.columns, columns.values()))
        return self._done[key]

    @property
    def in_order(self) -> tuple[Named, ...]:
        """Those that were translated, each after those it selects from."""
        return tuple(view for view, _ in self._done.values())

    def _columns(self, source: From) -> tuple[str, Columns]:
        """What stands after FROM, and its columns."""
        if source.query is not None:
            sql, columns = self._select(source.query, None)
            return f"({sql}) AS {quoted(source.alias)}", columns
        table = self._tables.get(source.table.lower())
        if table is not None:
            columns = {column.source: opaque(column) for column in table.columns}
            return f"{quoted(table.name)} AS {quoted(source.alias)}", columns
        if source.table.lower() not in self._views:
            raise Unlike(f"{source.table} is not among what is migrated")
        view, columns = self.translated(source.table)
        return f"{quoted(view.name)} AS {quoted(source.alias)}", columns

    def _select(self, query: Select, given: Sequence[str] | None) -> tuple[str, Columns]:
        """given: the names of what is selected, else they are as the query says."""
        sources: dict[str, Columns] = {}
        said = ""
        for source in query.sources:
            sql, columns = self._columns(source)
            if source.alias in sources or not source.alias:
                raise Unlike("two of its tables have one name")
            sources[source.alias] = columns
            on = "" if source.on is None else f" ON {Translator(Scope(sources).find).truth(source.on)}"
            said += f" {source.join} {sql}{on or (' ON TRUE' if source.join == 'LEFT JOIN' else '')}" if source.join else f" FROM {sql}"
        items = [one for item in query.items for one in _spread(item, sources)]
        scope = Scope(sources, {item.name.lower(): item.node for item in items if item.name and item.node})
        parts = [_selected(item, scope) for item in items]
        if query.union is not None:
            parts = [replace(part, column=None, real=False) if part.kind else part for part in parts]
        outputs = list(given) if given is not None else [item.name or _own(item) for item in items]
        if len(outputs) != len(parts) or len(set(outputs)) != len(outputs):
            raise Unlike("its columns have no names of their own")
        listed = ", ".join(f"{part.sql} AS {quoted(name)}" for part, name in zip(parts, outputs))
        sql = f"SELECT {'DISTINCT ' if query.distinct else ''}{listed}{said}{_rest(query, scope, items, parts)}"
        if query.union is not None:
            sql = f"{sql} UNION {'ALL ' if query.every else ''}{self._united(query, parts, outputs)}"
        return sql, {name: replace(part, sql=quoted(name), number=None, text=None, said=False) for name, part in zip(outputs, parts)}

    def _united(self, query: Select, parts: Sequence[Part], outputs: Sequence[str]) -> str:
        if query.union is None:
            return ""
        sql, columns = self._select(query.union, outputs if len(query.union.items) == len(outputs) else None)
        if any(part.kind != other.kind or not part.kind for part, other in zip(parts, columns.values())) or len(columns) != len(parts):
            raise Unlike("a UNION of columns of several types")
        if not query.every:
            _distinct([*parts, *columns.values()])
        return sql


def _spread(item: Item, sources: Mapping[str, Columns]) -> list[Item]:
    """A * as the columns that it stands for."""
    if item.node is not None:
        return [item]
    chosen = {alias: columns for alias, columns in sources.items() if item.table.lower() in ("", alias.lower())}
    return [Item(Node(COLUMN, name, table=alias), name) for alias, columns in chosen.items() for name in columns]


def _own(item: Item) -> str:
    if item.node is None or item.node.kind != COLUMN:
        raise Unlike("a column that it selects has no name")
    return item.node.value


def _selected(item: Item, scope: Scope) -> Part:
    """A column of the result: as it is, whatever it holds, or computed, with truth as 0 and 1."""
    node = item.node or Node(NUMBER, "0")
    there = [(alias, part) for alias, columns in scope.sources.items() for name, part in columns.items() if _is_named(node, alias, name)]
    if len(there) == 1:
        try:
            return scope.find(node)
        except Unlike:  # its values are of several kinds, which does not matter where it is only shown
            alias, part = there[0]
            return replace(part, kind="", sql=f"{quoted(alias)}.{part.sql}")
    part = Translator(scope.find, call=aggregates.called).part(node)
    if part.kind == BOOLEAN and part.column is None:
        return Part(f"({part.sql})::integer", WHOLE, wide=False)
    if part.kind not in (*NUMBERS, WORDS, BOOLEAN):
        raise Unlike(f"{part.sql} has no type")
    return replace(part, sql=f"{part.sql}::text") if part.text is not None else part


def _is_named(node: Node, alias: str, name: str) -> bool:
    return node.kind == COLUMN and name.lower() == node.value.lower() and node.table.lower() in ("", alias.lower())


def _rest(query: Select, scope: Scope, items: Sequence[Item], parts: Sequence[Part]) -> str:
    """WHERE, GROUP BY, HAVING, ORDER BY and LIMIT."""
    plain, counting = Translator(scope.find), Translator(scope.find, call=aggregates.called)
    sql = f" WHERE {plain.truth(query.where)}" if query.where else ""
    groups = [node if _is_source(node, scope) else _meant(node, scope, items) for node in query.group]
    if groups or query.having or any(item.node and aggregates.has_aggregate(item.node) for item in items):
        said = [_no_place(plain.part(node)) for node in groups]
        _distinct(said)
        order = [_meant(node, scope, items) for node, _ in query.order]
        _check_groups([*(item.node for item in items if item.node), *order, *([query.having] if query.having else [])], {part.sql for part in said}, plain)
        sql += f" GROUP BY {', '.join(part.sql for part in said)}" if said else ""
        sql += f" HAVING {counting.truth(query.having)}" if query.having else ""
    if query.distinct:
        _distinct(parts)
    if query.order:
        if query.distinct:
            raise Unlike("DISTINCT in an order of its own")
        sql += f" ORDER BY {', '.join(_ordered(counting.part(_meant(node, scope, items)), down) for node, down in query.order)}"
    return sql + "".join(f" {word} {number}" for word, number in zip(("LIMIT", "OFFSET"), query.limit))


def _meant(node: Node, scope: Scope, items: Sequence[Item]) -> Node:
    """What GROUP BY and ORDER BY name by its place in the result, or by its name there."""
    if node.kind == NUMBER and node.value.isdigit():
        place = int(node.value)
        if not 1 <= place <= len(items):
            raise Unlike(f"{place} is no column of it")
        return items[place - 1].node or node
    if node.kind == COLUMN and not node.table and node.value.lower() in scope.named:
        return scope.named[node.value.lower()]
    return node


def _is_source(node: Node, scope: Scope) -> bool:
    """Whether a name is one of a column, which in GROUP BY goes before one that the query gives itself."""
    return any(_is_named(node, alias, name) for alias, columns in scope.sources.items() for name in columns)


def _check_groups(nodes: Sequence[Node], groups: set[str], plain: Translator) -> None:
    """What stands beside a count has to be the same in all rows of a group: SQLite takes it from any of them."""
    for node in nodes:
        if aggregates.is_aggregate(node) or (not aggregates.has_aggregate(node) and plain.part(node).sql in groups):
            continue
        if node.kind == COLUMN and plain.part(node).text is None:
            raise Unlike(f"{node.value} stands beside a count, but is not in GROUP BY")
        _check_groups(node.parts, groups, plain)


def _distinct(parts: Sequence[Part]) -> None:
    """What is double has to be double for both."""
    for part in parts:
        if part.kind not in (*NUMBERS, WORDS, BOOLEAN) or part.collation == NOCASE:
            raise Unlike(f"{part.sql} may be double for one, and not for the other")


def _no_place(part: Part) -> Part:
    """A number that is written out would name a place in the result, and a text is refused there."""
    if part.number is None and part.text is None:
        return part
    return replace(part, sql=f"{part.sql}::{'bigint' if part.text is None else 'text'}", number=None, text=None)


def _ordered(part: Part, down: bool) -> str:
    """NULL is the least of all in SQLite, and texts go byte by byte."""
    said = _no_place(part).sql
    if part.kind == WORDS:
        said = folded(part) if part.collation == NOCASE and part.text is None else f'{said} COLLATE "C"'
    elif part.kind not in (WHOLE, DOUBLE, NUMERIC, BOOLEAN) and (part.column is None or part.column.type not in _ORDERED):
        raise Unlike(f"{part.sql} has another order")
    return f"{said} DESC NULLS LAST" if down else f"{said} ASC NULLS FIRST"


_ORDERED = ("date", "timestamp with time zone")
