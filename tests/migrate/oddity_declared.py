"""Defaults, conditions, generated columns, names, and what is no table."""

from __future__ import annotations

from oddity_words import Oddity

_DEFAULT = "INSERT INTO t (id) VALUES (9) RETURNING "
_T = "CREATE TABLE t (id INTEGER PRIMARY KEY, a {});INSERT INTO t VALUES (1, {});"
_LONG = "n" * 70
_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1 ORDER BY attnum"


def _default(name: str, declared: str, value: str, shown: dict[str, str | None]) -> Oddity:
    return Oddity(name=f"default {name}", sql=_T.format(declared, value), shows={_DEFAULT + what: [said] for what, said in shown.items()})


DECLARED_ODDITIES = (
    _default("current_timestamp in small letters", "DATETIME DEFAULT current_timestamp", "'2026-01-31 10:00:00'", {"(a > '2026-01-31')::text": "true"}),
    _default("the word null as a text", "TEXT DEFAULT 'null'", "'x'", {"a": "null"}),
    _default("NULL", "TEXT DEFAULT NULL", "'x'", {"a": None}),
    _default("an expression", "INTEGER DEFAULT (1 + 1)", "1", {"a::text": "2"}),
    _default("below zero", "INTEGER DEFAULT -1", "1", {"a::text": "-1"}),
    _default("a word in double quotes", 'TEXT DEFAULT "new"', "'x'", {"a": "new"}),
    _default("now by a function", "DATETIME DEFAULT (datetime('now'))", "'2026-01-31 10:00:00'", {"(a > '2026-01-31')::text": "true"}),
    _default("one as true", "BOOLEAN NOT NULL DEFAULT 1", "0", {"a::text": "true"}),
    _default("a quote in a text", "TEXT DEFAULT 'it''s'", "'x'", {"a": "it's"}),
    _default("a blob", "BLOB DEFAULT x'00ff'", "x'01'", {"a::text": r"\x00ff"}),
    Oddity(
        name="default that cannot be said",
        sql=_T.format("TEXT DEFAULT (hex(randomblob(4)))", "'x'"),
        told=("*:t.a",),
        accepted=True,
        shows={"SELECT a FROM t": ["x"]},
    ),
    Oddity(
        name="NOT NULL",
        sql=_T.format("TEXT NOT NULL", "''"),
        shows={"SELECT attnotnull::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'": ["true"]},
    ),
    Oddity(
        name="a condition",
        sql=_T.format("TEXT CHECK (a IN ('x', 'y') AND length(a) < 5)", "'x'"),
        shows={"SELECT count(*)::text FROM pg_constraint WHERE contype = 'c' AND conrelid = 't'::regclass": ["1"]},
    ),
    Oddity(
        name="a condition that cannot be said",
        sql=_T.format("TEXT CHECK (printf('%s', a) = a)", "'x'"),
        told=("*:t*",),
        accepted=True,
        shows={"SELECT a FROM t": ["x"]},
    ),
    Oddity(
        name="a condition on a boolean",
        sql=_T.format("BOOLEAN CHECK (a IN (0, 1))", "1"),
        types={"t.a": "boolean"},
        accepted=True,
        shows={"SELECT a::text FROM t": ["true"]},
    ),
    Oddity(
        name="generated columns",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2) VIRTUAL, c INTEGER AS (a + 1) STORED);"
        "INSERT INTO t (a) VALUES (1), (NULL);",
        shows={"SELECT b::text FROM t ORDER BY id": ["2", None], "SELECT c::text FROM t ORDER BY id": ["2", None]},
    ),
    Oddity(
        name="a generated column that cannot be said",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT AS (printf('%05d', id)) STORED); INSERT INTO t (a) VALUES ('x');",
        told=("*:t.b",),
        accepted=True,
        shows={"SELECT b FROM t": ["00001"]},
    ),
    Oddity(
        name="reserved words",
        sql='CREATE TABLE "order" (id INTEGER PRIMARY KEY, "select" TEXT, "user" TEXT, "end" TEXT); INSERT INTO "order" VALUES (1, \'a\', \'b\', \'c\');',
        shows={'SELECT "user" FROM "order"': ["b"]},
    ),
    Oddity(
        name="names with blanks, quotes, percent and more",
        sql='CREATE TABLE "my table" (id INTEGER PRIMARY KEY, "a b" TEXT, "c""d" TEXT, "e%f" TEXT, "ü.é" TEXT, "%s" TEXT, "{0}" TEXT);'
        "INSERT INTO \"my table\" VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f'); CREATE INDEX \"my %s\" ON \"my table\" (\"a b\");",
        shows={'SELECT "c""d" FROM "my table"': ["b"], 'SELECT "ü.é" || "%s" || "{0}" FROM "my table"': ["def"]},
    ),
    Oddity(
        name="names in mixed case",
        sql="CREATE TABLE Users (Id INTEGER PRIMARY KEY, eMail TEXT); INSERT INTO Users VALUES (1, 'a');",
        shows={'SELECT "eMail" FROM "Users"': ["a"]},
    ),
    Oddity(
        name="an over-long name",
        sql=f"CREATE TABLE t (id INTEGER PRIMARY KEY, {_LONG} TEXT); INSERT INTO t VALUES (1, 'a');",
        told=("*:t*",),
        accepted=True,
        shows={f"SELECT (attname LIKE '{'n' * 50}%')::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum = 2": ["true"]},
    ),
    Oddity(
        name="over-long names that begin alike",
        sql=f"CREATE TABLE t (id INTEGER PRIMARY KEY, {_LONG}a TEXT, {_LONG}b TEXT); INSERT INTO t VALUES (1, 'a', 'b');",
        told=("*:t*",),
        accepted=True,
        shows={"SELECT count(*)::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0": ["3"]},
    ),
    Oddity(
        name="over-long tables that begin alike",
        sql=f"CREATE TABLE {_LONG}a (id INTEGER PRIMARY KEY); CREATE TABLE {_LONG}b (id INTEGER PRIMARY KEY); INSERT INTO {_LONG}a VALUES (1);"
        f"INSERT INTO {_LONG}b VALUES (1);",
        told=("*",),
        accepted=True,
        shows={"SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace": ["2"]},
    ),
    Oddity(
        name="columns called as PostgreSQL calls its own",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, ctid TEXT, xmin TEXT); INSERT INTO t VALUES (1, 'a', 'b');",
        told=("*:t.ctid", "*:t.xmin"),
        accepted=True,
        shows={"SELECT count(*)::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0": ["3"]},
    ),
    Oddity(
        name="columns called as SQLite calls the row's number",
        sql="CREATE TABLE t (rowid TEXT, oid TEXT, _rowid_ TEXT, a TEXT);"
        "INSERT INTO t VALUES ('b', 'x', 'y', '1'), ('a', 'x', 'y', '2'), (NULL, NULL, NULL, '3');",
        shows={"SELECT rowid FROM t ORDER BY a": ["b", "a", None]},
    ),
    Oddity(
        name="a column called rowid",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, rowid TEXT); INSERT INTO t VALUES (1, 'b'), (2, 'b');",
        shows={"SELECT rowid FROM t ORDER BY id": ["b", "b"]},
    ),
    Oddity(
        name="more columns than a table may have",
        sql=f"CREATE TABLE t ({', '.join(f'c{number} INTEGER' for number in range(1700))}); INSERT INTO t (c0) VALUES (1);",
        blocked="*:t*",
        never=True,
    ),
    Oddity(
        name="a view",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'), (2, NULL);CREATE VIEW v AS SELECT id, ifnull(a, '-') AS a FROM t;",
        shows={"SELECT a FROM v ORDER BY id": ["x", "-"]},
    ),
    Oddity(
        name="a view of a view, declared before it",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'); CREATE VIEW a1 AS SELECT * FROM z1;"
        "CREATE VIEW z1 AS SELECT id, a FROM t;",
        shows={"SELECT a FROM a1": ["x"]},
    ),
    Oddity(
        name="a view that cannot be said",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"
        "CREATE VIEW v AS SELECT rowid, typeof(a) AS k FROM t WHERE a GLOB 'x*';",
        told=("*:v",),
        accepted=True,
        shows={"SELECT a FROM t": ["x"]},
    ),
    Oddity(
        name="a trigger",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 'y' WHERE id = new.id; END;",
        told=("*:g",),
        accepted=True,
        shows={"SELECT a FROM t": ["x"]},
    ),
    Oddity(
        name="full-text search",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');"
        "CREATE VIRTUAL TABLE f USING fts5(a, content='t', content_rowid='id');"
        "INSERT INTO f(f) VALUES ('rebuild');",
        told=("*:f",),
        accepted=True,
        shows={
            "SELECT a FROM t": ["x"],
            "SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace AND relname LIKE 'f_%'": ["0"],
        },
    ),
    Oddity(
        name="an R-tree",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1);INSERT INTO r VALUES (1, 0, 1);",
        told=("*:r",),
        accepted=True,
        shows={"SELECT id::text FROM t": ["1"]},
    ),
    Oddity(
        name="statistics of ANALYZE",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t (a); INSERT INTO t VALUES (1, 'x'); ANALYZE;",
        shows={"SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace": ["1"]},
    ),
    Oddity(
        name="WAL that was not written back",
        sql="PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x');",
        shows={"SELECT a FROM t": ["x"]},
    ),
    Oddity(
        name="a table left out, and another renamed",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'x'); CREATE TABLE scratch (b TEXT); INSERT INTO scratch VALUES ('y');",
        settings={"exclude": ("scr*",), "tables": {"t": "things"}, "columns": {"t.a": "label"}},
        shows={
            "SELECT label FROM things": ["x"],
            "SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace": ["1"],
        },
    ),
)
