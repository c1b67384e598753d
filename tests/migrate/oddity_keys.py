"""Keys, numbers that the database gives, uniqueness and what refers to what."""

from __future__ import annotations

from oddity_words import Oddity

_NEXT = "INSERT INTO t (a) VALUES ('next') RETURNING id::text"
_PARENT = "CREATE TABLE p (id INTEGER PRIMARY KEY, k TEXT UNIQUE); INSERT INTO p VALUES (1, 'a'), (2, 'b');"
_RULE = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = '{}' AND conrelid = 't'::regclass ORDER BY conname"
_FOREIGN, _PRIMARY = _RULE.format("f"), _RULE.format("p")
_UNIQUE = "SELECT count(*)::text FROM pg_index WHERE indisunique AND NOT indisprimary AND indrelid = 't'::regclass"


def _rule(name: str, sql: str, shown: str, **more: object) -> Oddity:
    return Oddity(name=name, sql=_PARENT + sql, shows={_FOREIGN: [shown]}, **more)


KEY_ODDITIES = (
    Oddity(name="the number after the largest", sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (41, 'x');", shows={_NEXT: ["42"]}),
    Oddity(
        name="AUTOINCREMENT gives no number again",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT); INSERT INTO t VALUES (7, 'x'), (99, 'y'); DELETE FROM t WHERE id = 99;",
        shows={_NEXT: ["100"]},
    ),
    Oddity(
        name="AUTOINCREMENT, emptied",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT); INSERT INTO t VALUES (99, 'y'); DELETE FROM t; CREATE TABLE u (b);"
        "INSERT INTO u VALUES (1);",
        shows={_NEXT: ["100"]},
    ),
    Oddity(
        name="an empty table with a number",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE u (b); INSERT INTO u VALUES (1);",
        shows={_NEXT: ["1"]},
    ),
    Oddity(name="numbers below zero", sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (-5, 'x');", shows={_NEXT: ["1"]}),
    Oddity(
        name="the largest number there is",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (9223372036854775807, 'x');",
        told=("identity:t.id",),
        shows={"SELECT id::text FROM t": ["9223372036854775807"]},
    ),
    Oddity(
        name="a key whose order is not that of the columns",
        sql="CREATE TABLE t (a TEXT, b INTEGER, c TEXT, PRIMARY KEY (c, a)); INSERT INTO t VALUES ('x', 1, 'y');",
        shows={_PRIMARY: ["PRIMARY KEY (c, a)"]},
    ),
    Oddity(
        name="WITHOUT ROWID",
        sql="CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('b', 1), ('a', 2), ('', 3);",
        shows={_PRIMARY: ["PRIMARY KEY (k)"], "SELECT k FROM t ORDER BY n": ["b", "a", ""]},
    ),
    Oddity(
        name="WITHOUT ROWID with a key of three columns",
        sql="CREATE TABLE t (a TEXT, b INTEGER, c BLOB, n INTEGER, PRIMARY KEY (b, c, a)) WITHOUT ROWID;"
        "INSERT INTO t VALUES ('x', 1, x'00', 1), ('y', 1, x'00', 2);",
        shows={_PRIMARY: ["PRIMARY KEY (b, c, a)"]},
    ),
    Oddity(
        name="a primary key that is NULL",
        sql="CREATE TABLE t (k TEXT PRIMARY KEY, a TEXT); INSERT INTO t VALUES (NULL, 'x'), (NULL, 'y'), ('z', 'z');",
        blocked="*:t*",
        never=True,
    ),
    Oddity(
        name="INTEGER PRIMARY KEY DESC",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY DESC, a TEXT); INSERT INTO t VALUES (5, 'x');",
        shows={_PRIMARY: ["PRIMARY KEY (id)"]},
    ),
    Oddity(name="INT PRIMARY KEY", sql="CREATE TABLE t (id INT PRIMARY KEY, a TEXT); INSERT INTO t VALUES (5, 'x');", shows={_PRIMARY: ["PRIMARY KEY (id)"]}),
    Oddity(
        name="equal rows without a key",
        sql="CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'), ('x'), (NULL), (NULL);",
        shows={"SELECT count(*)::text FROM t": ["4"]},
    ),
    Oddity(
        name="NULL more than once in what is unique",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE); INSERT INTO t VALUES (1, NULL), (2, NULL), (3, 'x');",
        shows={_UNIQUE: ["1"], "SELECT count(*)::text FROM t": ["3"]},
    ),
    Oddity(
        name="REPLACE on a conflict",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE ON CONFLICT REPLACE); INSERT INTO t VALUES (1, 'x');",
        told=("*:t*",),
        shows={_UNIQUE: ["1"]},
    ),
    Oddity(
        name="unique in a part",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, gone INTEGER); CREATE UNIQUE INDEX one ON t (a) WHERE gone = 0;"
        "INSERT INTO t VALUES (1, 'x', 0), (2, 'x', 1), (3, 'x', 1);",
        shows={"SELECT (indpred IS NOT NULL)::text FROM pg_index WHERE indrelid = 't'::regclass AND indisunique AND NOT indisprimary": ["true"]},
    ),
    Oddity(
        name="unique by an expression",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE UNIQUE INDEX one ON t (lower(a)); INSERT INTO t VALUES (1, 'X');",
        shows={"SELECT (indexprs IS NOT NULL)::text FROM pg_index WHERE indrelid = 't'::regclass AND NOT indisprimary": ["true"]},
    ),
    Oddity(
        name="unique whatever the case",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE UNIQUE); INSERT INTO t VALUES (1, 'Anna'), (2, 'Bob');",
        told=("*:t*",),
        shows={
            "SELECT (indexdef ~* 'lower|citext')::text FROM pg_indexes WHERE schemaname = current_schema AND indexdef ~ 'UNIQUE' AND indexdef !~ 'pkey'": [
                "true"
            ]
        },
    ),
    Oddity(
        name="an index that goes down",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX t_ab ON t (a, b DESC); INSERT INTO t VALUES (1, 'x', 'y');",
        shows={"SELECT (indexdef ~ 'b DESC')::text FROM pg_indexes WHERE schemaname = current_schema AND indexname = 't_ab'": ["true"]},
    ),
    Oddity(
        name="an index that is called as a key will be",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_pkey ON t (a); INSERT INTO t VALUES (1, 'x');",
        shows={"SELECT count(*)::text FROM pg_index WHERE indrelid = 't'::regclass": ["2"]},
    ),
    Oddity(
        name="indexes of over-long names that begin alike",
        sql=f"CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX {'i' * 70}a ON t (a); CREATE INDEX {'i' * 70}b ON t (b);"
        "INSERT INTO t VALUES (1, 'x', 'y');",
        shows={"SELECT count(*)::text FROM pg_index WHERE indrelid = 't'::regclass": ["3"]},
    ),
    _rule(
        "a reference that cascades",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE ON UPDATE SET NULL); INSERT INTO t VALUES (1, 1), (2, NULL);",
        "FOREIGN KEY (p) REFERENCES p(id) ON UPDATE SET NULL ON DELETE CASCADE",
    ),
    _rule(
        "a reference without a column",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p); INSERT INTO t VALUES (1, 1);",
        "FOREIGN KEY (p) REFERENCES p(id)",
    ),
    _rule(
        "a reference to what is unique",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT REFERENCES p(k)); INSERT INTO t VALUES (1, 'a');",
        "FOREIGN KEY (p) REFERENCES p(k)",
    ),
    _rule(
        "a reference that waits",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1, 1);",
        "FOREIGN KEY (p) REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED",
    ),
    _rule(
        "a reference of two columns",
        "CREATE TABLE q (a INTEGER, b TEXT, PRIMARY KEY (a, b)); INSERT INTO q VALUES (1, 'x'); CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, a INTEGER, "
        "FOREIGN KEY (a, b) REFERENCES q (a, b)); INSERT INTO t VALUES (1, 'x', 1), (2, NULL, 5);",
        "FOREIGN KEY (a, b) REFERENCES q(a, b)",
    ),
    Oddity(
        name="a table that refers to itself",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t(id)); INSERT INTO t VALUES (1, 2), (2, NULL), (3, 1);",
        shows={_FOREIGN: ["FOREIGN KEY (up) REFERENCES t(id)"]},
    ),
    Oddity(
        name="tables that refer to each other",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, u INTEGER REFERENCES u(id)); CREATE TABLE u (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id));"
        "INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1);",
        shows={"SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema::regnamespace": ["2"]},
    ),
    Oddity(
        name="orphans",
        sql=_PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id)); INSERT INTO t VALUES (1, 1), (2, 77), (3, NULL);",
        blocked="orphans:t.p",
        accepted=True,
        shows={
            "SELECT convalidated::text FROM pg_constraint WHERE contype = 'f' AND conrelid = 't'::regclass": ["false"],
            "SELECT p::text FROM t ORDER BY id": ["1", "77", None],
        },
    ),
    Oddity(
        name="a reference to a table that is not there",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES gone(id)); INSERT INTO t VALUES (1, NULL);",
        told=("*:t.p",),
        accepted=True,
        shows={"SELECT count(*)::text FROM t": ["1"]},
    ),
    Oddity(
        name="a reference to what is not unique",
        sql="CREATE TABLE p (id INTEGER PRIMARY KEY, k TEXT); CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT REFERENCES p(k));"
        "INSERT INTO p VALUES (1, 'a'); INSERT INTO t VALUES (1, 'a');",
        told=("*:t.p",),
        accepted=True,
        shows={"SELECT count(*)::text FROM t": ["1"]},
    ),
    Oddity(
        name="a reference of another type",
        sql=_PARENT + "CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT REFERENCES p(id)); INSERT INTO t VALUES (1, '1');",
        told=("*:t.p",),
        accepted=True,
        shows={"SELECT p FROM t": ["1"]},
    ),
)
