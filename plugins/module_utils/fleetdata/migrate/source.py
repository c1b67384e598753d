# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SQLite database declares, from its PRAGMAs and, where they are silent, from its text."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..sql import quoted, statement, words
from . import ddl
from .model import STORED, VIRTUAL, Column, ForeignKey, Index, Named, Source, Table
from .tokens import tokens

_PLAIN, _VIRTUAL, _STORED = 0, 2, 3
_GENERATED = {_VIRTUAL: VIRTUAL, _STORED: STORED}
_EXPRESSION = -2
_ROWID = -1
_NOT_SQLITE = "file is not a database"
_EXPORT = "An encrypted database has to be exported by whoever has its key, with .dump or VACUUM INTO."
_ADVICE = {
    "readonly": "SQLite has to write beside it, to set right what a crash left or to keep others in step: run this as root, or as the user that it belongs to.",
    "unable to open": "SQLite has to write beside it: copy it, with its -wal, to where this may write, or run this as the user that it belongs to.",
}
"""By what SQLite says: what to do next."""


def read(database: sqlite3.Connection, *, path: str) -> Source:
    """Everything. Raises ConfigurationError where the file is none that SQLite reads."""
    try:
        return _read(database, path)
    except sqlite3.DatabaseError as error:
        raise unreadable(path, str(error)) from None


def unreadable(path: str, said: str) -> ConfigurationError:
    """A file of which SQLite says something."""
    why = "it is encrypted, or no SQLite database at all" if _NOT_SQLITE in said else said
    next_ = next((advice for word, advice in _ADVICE.items() if word in said), _EXPORT)
    return ConfigurationError(f"{path}: cannot be read ({why}). {next_}")


def _read(database: sqlite3.Connection, path: str) -> Source:
    objects = [tuple(words(value) for value in row) for row in database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid")]
    virtual = tuple(_virtual(database, name, sql, objects) for kind, name, _, sql in objects if kind == "table" and _is_virtual(sql))
    aside = {name for each in virtual for name in (each.name, *each.shadows)}
    numbers = _numbers(database)
    texts = {name: sql for kind, name, _, sql in objects if kind in ("table", "index") and sql}
    names = [name for kind, name, _, _ in objects if kind == "table" and name not in aside and not name.startswith("sqlite_")]
    return Source(
        path=path,
        journal=words(database.execute("PRAGMA journal_mode").fetchone()[0]).lower(),
        encoding=words(database.execute("PRAGMA encoding").fetchone()[0]),
        tables={name: _table(database, name, texts, numbers) for name in names},
        views=tuple(Named(name=name, sql=ddl.read_view(sql), columns=_visible(database, name)) for kind, name, _, sql in objects if kind == "view"),
        triggers=tuple(Named(name=name, sql=sql, table=table) for kind, name, table, sql in objects if kind == "trigger"),
        virtual=virtual,
    )


def _visible(database: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The columns of a view or a virtual table; none where SQLite cannot tell, as what it needs is missing."""
    try:
        rows = database.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    except sqlite3.OperationalError:
        return ()
    return tuple(words(row[1]) for row in rows if not row[6])


def _table(database: sqlite3.Connection, name: str, texts: Mapping[str, str], numbers: Mapping[str, int]) -> Table:
    text = ddl.read_table(texts[name])
    columns = tuple(_columns(database, name, text))
    primary = tuple(column.name for column in sorted((column for column in columns if column.key), key=lambda column: column.key))
    indexes = tuple(_indexes(database, name, texts))
    return Table(
        name=name,
        columns=columns,
        primary=primary,
        row_number=_row_number(columns, primary, indexes, text),
        without_rowid=text.without_rowid,
        strict=text.strict,
        next_number=numbers.get(name, 0) if text.autoincrement else None,
        checks=tuple(text.checks),
        foreign_keys=tuple(_foreign_keys(database, name, text)),
        indexes=indexes,
        on_conflict=tuple(text.on_conflict),
    )


def _columns(database: sqlite3.Connection, name: str, text: ddl.TableText) -> Iterator[Column]:
    for _, named, declared, not_null, default, key, hidden in database.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall():
        column, lower = words(named), words(named).lower()
        yield Column(
            name=column,
            declared=re.sub(r"(?i)\s*GENERATED ALWAYS$", "", words(declared)),
            not_null=bool(not_null),
            default=None if default is None else words(default),
            key=key,
            collation=text.collations.get(lower, ""),
            generated=text.generated.get(lower, ""),
            kind=_GENERATED.get(hidden, ""),
        )


def _row_number(columns: Sequence[Column], primary: Sequence[str], indexes: Sequence[Index], text: ddl.TableText) -> str:
    """INTEGER PRIMARY KEY is the row's number, unless it has an index of its own (as INTEGER PRIMARY KEY DESC has, by an old mistake that SQLite keeps)."""
    if text.without_rowid or len(primary) != 1 or any(index.made_by == "pk" for index in indexes):
        return ""
    return next((column.name for column in columns if column.name == primary[0] and column.declared.upper() == "INTEGER"), "")


def _indexes(database: sqlite3.Connection, table: str, texts: Mapping[str, str]) -> Iterator[Index]:
    for _, named, unique, made_by, _ in reversed(database.execute(f"PRAGMA index_list({quoted(table)})").fetchall()):
        name = words(named)
        text = ddl.read_index(texts[name]) if name in texts else None
        details = [row for row in database.execute(f"PRAGMA index_xinfo({quoted(name)})").fetchall() if row[5]]
        names = tuple(words(row[2]) if row[1] >= 0 else "" for row in details)
        said = text.columns if text else tuple(quoted(column) for column in names)
        yield Index(
            name=name,
            columns=tuple(sql if row[1] == _EXPRESSION else quoted(words(row[2])) for row, sql in zip(details, said)),
            names=names,
            descending=tuple(bool(row[3]) for row in details),
            collations=tuple(words(row[4]).upper() for row in details),
            unique=bool(unique),
            where=text.where if text else "",
            made_by=words(made_by),
        )


def _foreign_keys(database: sqlite3.Connection, table: str, text: ddl.TableText) -> Iterator[ForeignKey]:
    """In the order of their text; SQLite numbers them from the last."""
    found: dict[int, list[Any]] = {}
    for row in database.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall():
        found.setdefault(row[0], []).append(row)
    for place, number in enumerate(sorted(found, reverse=True)):
        rows = sorted(found[number], key=lambda row: int(row[1]))
        parent = words(rows[0][2])
        to = tuple(words(row[4]) for row in rows) if rows[0][4] is not None else _primary(database, parent)
        yield ForeignKey(
            columns=tuple(words(row[3]) for row in rows),
            table=parent,
            to=to,
            on_update=words(rows[0][5]).upper(),
            on_delete=words(rows[0][6]).upper(),
            deferred=place < len(text.deferred) and text.deferred[place],
        )


def _primary(database: sqlite3.Connection, table: str) -> tuple[str, ...]:
    rows = database.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    return tuple(words(row[1]) for row in sorted((row for row in rows if row[5]), key=lambda row: int(row[5])))


def _numbers(database: sqlite3.Connection) -> dict[str, int]:
    """The largest number that AUTOINCREMENT gave, by table."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return {}
    return {words(name): number for name, number in database.execute("SELECT name, seq FROM sqlite_sequence") if isinstance(number, int)}


def _is_virtual(sql: str) -> bool:
    return [token.text.upper() for token in tokens(sql)[:2]] == ["CREATE", "VIRTUAL"]


def _virtual(database: sqlite3.Connection, name: str, sql: str, objects: Sequence[Sequence[str]]) -> Named:
    found = tokens(sql)
    using = next((place for place, token in enumerate(found) if token.says("USING")), len(found))
    module = found[using + 1].value if using + 1 < len(found) else ""
    shadows = tuple(other for kind, other, _, _ in objects if kind == "table" and other.startswith(f"{name}_") and _keeps_rows(module, other[len(name) + 1 :]))
    return Named(name=name, sql=sql, kind=module.lower(), shadows=shadows, columns=_visible(database, name))


_SHADOWS = {
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "fts4": ("content", "segments", "segdir", "docsize", "stat"),
    "fts3": ("content", "segments", "segdir"),
    "rtree": ("node", "parent", "rowid"),
    "rtree_i32": ("node", "parent", "rowid"),
    "geopoly": ("node", "parent", "rowid"),
    "spellfix1": ("vocab",),
}
"""The tables behind a virtual one, by its module; their names begin with its name and a _."""


def _keeps_rows(module: str, ending: str) -> bool:
    return ending in _SHADOWS.get(module.lower(), ())


def count(database: sqlite3.Connection, table: str) -> int:
    """The rows of a table."""
    return int(database.execute(statement("SELECT count(*) FROM", quoted(table))).fetchone()[0])
