# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that an application made for itself in PostgreSQL: what their columns take, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..sql import quoted, statement

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_ENUM, _CITEXT = "e", "citext"
_NOTHING = re.compile(r"NULL(::.*)?")
_SERIAL = re.compile(r"nextval\('(.+)'::regclass\)")


@dataclass(frozen=True)
class ExistingColumn:
    """A column. type: as format_type() writes it. base: the type in which values are sent: text for an enum and citext,
    the base of a domain, else type itself.

    labels: of an enum. sequence: what numbers it where none is given, empty for none. generated: the expression that makes it; made_of: its columns.
    filled: whether it has a value where none is given.
    """

    name: str
    type: str
    base: str
    not_null: bool = False
    filled: bool = False
    labels: tuple[str, ...] = ()
    sequence: str = ""
    generated: str = ""
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExistingKey:
    """columns whose values are unique together. distinct: whether NULL is equal to NULL there."""

    name: str
    columns: tuple[str, ...]
    distinct: bool = False


@dataclass(frozen=True)
class ExistingReference:
    """A foreign key, to columns of a table of the same schema. waits: whether it may be looked at as late as the end of a transaction. sql: all of it."""

    name: str
    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    waits: bool = False
    sql: str = ""


@dataclass(frozen=True)
class ExistingTable:
    """triggers: those that fire, with what turns each on again. owned, writable, empty: whether the role has the table, may insert, finds no row."""

    name: str
    columns: Mapping[str, ExistingColumn]
    keys: tuple[ExistingKey, ...] = ()
    references: tuple[ExistingReference, ...] = ()
    triggers: Mapping[str, str] = field(default_factory=dict)
    owned: bool = True
    writable: bool = True
    empty: bool = True


@dataclass(frozen=True)
class Existing:
    """The tables of a schema, by name."""

    schema: str
    tables: Mapping[str, ExistingTable] = field(default_factory=dict)


def read(connection: Connection, schema: str) -> Existing:
    """All tables of a schema, but for the parts of partitioned ones."""
    rows = connection.execute(_TABLES, (schema,)).fetchall()
    columns, keys, references, triggers = (_by_table(connection, query, schema) for query in (_COLUMNS, _KEYS, _REFERENCES, _TRIGGERS))
    found = {}
    for number, name, owned, writable, readable in rows:
        found[name] = ExistingTable(
            name=name,
            columns={row[0]: _column(row) for row in columns.get(number, ())},
            keys=tuple(ExistingKey(row[0], tuple(row[1]), row[2]) for row in keys.get(number, ())),
            references=tuple(ExistingReference(row[0], tuple(row[1]), row[2], tuple(row[3]), row[4], row[5]) for row in references.get(number, ())),
            triggers={row[0]: row[1] for row in triggers.get(number, ())},
            owned=owned,
            writable=writable and readable,
            empty=readable and is_empty(connection, schema, name),
        )
    return Existing(schema=schema, tables=found)


def is_empty(connection: Connection, schema: str, table: str) -> bool:
    """Whether a table has no row."""
    query = statement("SELECT NOT EXISTS (SELECT FROM", f"{quoted(schema)}.{quoted(table)})")
    return connection.execute(query.encode()).fetchone() == (True,)


def _by_table(connection: Connection, query: str, schema: str) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in connection.execute(query.encode(), (schema,)):
        found.setdefault(row[0], []).append(row[1:])
    return found


def _column(row: tuple[Any, ...]) -> ExistingColumn:
    name, kind, of, base, labels, not_null, default, identity, owned_sequence, generated, made_of = row
    numbered = _SERIAL.fullmatch(default or "")
    return ExistingColumn(
        name=name,
        type=kind,
        base="text" if of == _ENUM or base.endswith(_CITEXT) else base,
        not_null=not_null,
        filled=bool(identity) or not _NOTHING.fullmatch(default or "NULL"),
        labels=tuple(labels or ()),
        sequence=numbered.group(1) if numbered else owned_sequence or "" if identity else "",
        generated=default if generated else "",
        made_of=tuple(made_of or ()) if generated else (),
    )


_TABLES = """
SELECT c.oid::bigint, c.relname, pg_has_role(c.relowner, 'USAGE'), has_table_privilege(c.oid, 'INSERT') AND NOT row_security_active(c.oid),
       has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname
"""
_COLUMNS = """
WITH RECURSIVE base (domain, type, modifier) AS (
  SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
  UNION ALL SELECT b.domain, t.typbasetype, t.typtypmod FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT c.oid::bigint, a.attname, format_type(a.atttypid, a.atttypmod), t.typtype::text,
       coalesce((SELECT format_type(b.type, b.modifier) FROM base b JOIN pg_type u ON u.oid = b.type WHERE b.domain = t.oid AND u.typtype <> 'd'),
                format_type(a.atttypid, a.atttypmod)),
       ARRAY(SELECT enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY enumsortorder), a.attnotnull OR t.typnotnull,
       coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault), a.attidentity::text,
       pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname), a.attgenerated <> '',
       ARRAY(SELECT o.attname::text FROM pg_depend p JOIN pg_attribute o ON o.attrelid = p.refobjid AND o.attnum = p.refobjsubid
             WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refobjid = c.oid AND p.refobjsubid NOT IN (0, a.attnum))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.oid, a.attnum
"""
_KEYS = """
SELECT i.indrelid::bigint, x.relname, ARRAY(SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k (number, place)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place),
       coalesce(to_jsonb(i) ->> 'indnullsnotdistinct' = 'true', FALSE)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indrelid, NOT i.indisprimary, x.relname
"""
_REFERENCES = """
SELECT f.conrelid::bigint, f.conname, ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k (number, place)
       JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number ORDER BY k.place), p.relname,
       ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k (number, place)
       JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number ORDER BY k.place), f.condeferrable,
       pg_get_constraintdef(f.oid)
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class p ON p.oid = f.confrelid
WHERE n.nspname = %s AND f.contype = 'f' AND p.relnamespace = n.oid AND f.conparentid = 0 ORDER BY f.conrelid, f.conname
"""
_TRIGGERS = """
SELECT g.tgrelid::bigint, g.tgname, CASE g.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A') ORDER BY g.tgrelid, g.tgname
"""
