# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns that the target alone has: SQLite says nothing of them, so that rows that are copied anew keep what is in them, or get what the migration says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import ContentError
from ..sql import quoted, statement
from .changes import Server
from .state import SCHEMA

_KEPT, _CAME = f"{SCHEMA}.kept", f"{SCHEMA}.came"
"""Tables of one transaction: what rows had that went; rows that come."""
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND NOT attname = ANY(%s) ORDER BY attnum
"""


def columns(server: Server) -> dict[str, str]:
    """Their types, by name, but for those that the server makes of others."""
    known = [column.target for column in server.table.columns]
    return {str(name): str(kind) for name, kind in server.connection.execute(_COLUMNS, (server.name, known))}


class Alone:
    """Of one table, while rows of it go and come in one transaction. fill: values as texts, by column. written: whether an application may have written."""

    def __init__(self, server: Server, fill: Mapping[str, str], *, written: bool) -> None:
        self._server, self._written = server, written
        self._types = columns(server)
        self._fill = {name: value for name, value in fill.items() if name in self._types}
        by_source = {column.source: column.target for column in server.table.loaded}
        key = [by_source.get(name, "") for name in server.table.key]
        self._key = key if all(key) else []

    @contextmanager
    def into(self) -> Iterator[str]:
        """Delete by ``delete`` first. Where rows are to be copied to; behind the block they are in the table."""
        if not self._types:
            yield self._server.name
            return
        names = ", ".join(quoted(column.target) for column in self._server.table.loaded)
        self._run(statement("CREATE TABLE", _CAME, "AS SELECT", names, "FROM", self._server.name, "WITH NO DATA"))
        yield _CAME
        same = " AND ".join(f"kept.{quoted(name)} = came.{quoted(name)}" for name in self._key) or "FALSE"
        self._insert(names, [(name, f"kept.{quoted(name)}") for name in self._types], statement("JOIN", _KEPT, "ON", same))
        filled = [(name, f"CAST(%s AS {self._types[name]})") for name in self._fill]
        self._insert(names, filled, statement("WHERE NOT EXISTS (SELECT FROM", _KEPT, "WHERE", same, ")"), tuple(self._fill.values()))
        self._run(statement("DROP TABLE", _CAME, ",", _KEPT))

    def delete(self, places: Any) -> None:
        """Rows that are to go. Raises ContentError where something would be lost with them."""
        if not self._types:
            self._server.delete(places)
            return
        listed = ", ".join(map(quoted, (*self._key, *self._types)))
        self._run(statement("CREATE TABLE", _KEPT, "AS SELECT", listed, "FROM", self._server.name, "WITH NO DATA"))
        gone = self._server.delete(places, into=_KEPT, listed=listed)
        if gone and self._written and not self._key:
            raise ContentError(
                f"{self._server.name} has no key in SQLite, so what PostgreSQL alone has in {', '.join(self._types)} cannot be kept for the {gone} rows that"
                " changed in SQLite. Nothing was copied. Give the table a key, or drop these columns of the target, then run again."
            )

    def _insert(self, names: str, more: list[tuple[str, str]], rest: str, bound: tuple[str, ...] = ()) -> None:
        into = ", ".join((names, *(quoted(name) for name, _ in more)))
        chosen = ", ".join((*(f"came.{quoted(column.target)}" for column in self._server.table.loaded), *(sql for _, sql in more)))
        said = statement("INSERT INTO", self._server.name, f"({into}) OVERRIDING SYSTEM VALUE SELECT", chosen, "FROM", _CAME, rest)
        self._run(said, bound)

    def _run(self, sql: str, bound: tuple[str, ...] = ()) -> None:
        said = sql if not bound else sql.replace("%", "%%").replace("CAST(%%s", "CAST(%s")
        self._server.connection.execute(said.encode(), bound or None)
