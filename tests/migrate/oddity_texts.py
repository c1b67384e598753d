"""Texts, blobs, JSON and UUIDs."""

from __future__ import annotations

from oddity_words import ASIDE, EMPTY_IS_NULL, Oddity, cast, cells, misfit

_TEXTS = r"text|character varying.*|character\(.*|json"
_UUID = "2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d"
_HEX = _UUID.replace("-", "")

TEXT_ODDITIES = (
    cells("text of every plane", "TEXT", ["'ä€😀'", "'שלום'", "'e' || char(769)", "char(65279) || 'x'"], "text", ["ä€😀", "שלום", "e\u0301", "\ufeffx"]),
    cells(
        "what COPY writes for other things",
        "TEXT",
        [r"'\N'", r"'\.'", "'a' || char(9) || 'b'", "'a' || char(13, 10) || 'b'", "'\"'", r"'\x41'", "','"],
        "text",
        [r"\N", r"\.", "a\tb", "a\r\nb", '"', r"\x41", ","],
    ),
    cells("empty text and NULL", "TEXT", ["''", "NULL", "' '"], "text", ["", None, " "]),
    cells("empty text as NULL, as asked", "TEXT", ["''", "NULL", "' '"], "text", [None, None, " "], settings=EMPTY_IS_NULL),
    misfit("text with NUL", "TEXT", ["'a' || char(0) || 'b'"], {"on_text": "replace"}, kind="text", shown=["a\ufffdb"]),
    misfit("text with NUL as bytes", "TEXT", ["'a' || char(0) || 'b'", "'c'"], {"on_text": "bytea"}, kind="bytea", shown=[r"\x610062", r"\x63"]),
    misfit("text with NUL, put aside", "TEXT", ["'a' || char(0) || 'b'", "'c'"], ASIDE, kind="text", shown=["c"], misfits=1),
    misfit("text that is not UTF-8", "TEXT", ["CAST(x'61ff' AS TEXT)"], {"on_text": "replace"}, kind="text", shown=["a\ufffd"]),
    misfit("text that is not UTF-8 as bytes", "TEXT", ["CAST(x'61ff' AS TEXT)", "'c'"], {"on_text": "bytea"}, kind="bytea", shown=[r"\x61ff", r"\x63"]),
    misfit("a surrogate as text", "TEXT", ["CAST(x'eda080' AS TEXT)"], ASIDE, kind="text", misfits=1),
    misfit("a blob in a text column", "TEXT", ["'a'", "x'00ff'"], cast("bytea"), kind="bytea", shown=[r"\x61", r"\x00ff"]),
    cells("numbers in a column of strings", "STRING", ["'007x'", "7", "2.5"], "text", ["007x", "7", "2.5"]),
    cells("text longer than declared", "VARCHAR(3)", ["'abcdef'"], r"text|character varying", ["abcdef"]),
    cells("TEXT(100)", "TEXT(100)", ["'abc'"], r"text|character varying.*", ["abc"]),
    cells("CHAR(10) with blanks behind", "CHAR(10)", ["'ab  '", "'ab'"], r"text|character varying.*", ["ab  ", "ab"]),
    cells("NVARCHAR and its like", "NVARCHAR(50)", ["'ä'"], r"text|character varying.*", ["ä"]),
    cells("NATIVE CHARACTER(70)", "NATIVE CHARACTER(70)", ["'ä'"], r"text|character varying.*", ["ä"]),
    cells("CLOB", "CLOB", ["'ä'"], "text", ["ä"]),
    Oddity(
        name="a database in UTF-16",
        sql="PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'ö'); INSERT INTO t VALUES (1, 'ä😀'), (2, ''), (3, NULL);",
        shows={"SELECT a FROM t ORDER BY id": ["ä😀", "", None]},
    ),
    cells("a long text", "TEXT", ["printf('%.*c', 3000000, 'x')"], "text"),
    cells("a long blob", "BLOB", ["randomblob(3000000)"], "bytea"),
    cells("text in a blob column", "BLOB", ["'aGVsbG8='", "x'00'"], "bytea", [r"\x614756736247383d", r"\x00"]),
    cells("an empty blob and NULL", "BLOB", ["x''", "NULL", "zeroblob(2)"], "bytea", [r"\x", None, r"\x0000"]),
    misfit("a number in a blob column", "BLOB", ["x'00'", "7"], ASIDE, kind="bytea", shown=[r"\x00"], misfits=1),
    cells("BINARY(16)", "BINARY(16)", [f"x'{_HEX}'"], "bytea|uuid"),
    cells("VARBINARY(4)", "VARBINARY(4)", ["x'00ff'", "x'0102030405'"], "bytea", [r"\x00ff", r"\x0102030405"]),
    cells("JSON", "JSON", ['\'{"b": 1,  "a": [1.50, null]}\'', "'[]'"], "json", ['{"b": 1,  "a": [1.50, null]}', "[]"]),
    cells("JSON with a key twice", "JSON", ['\'{"a": 1, "a": 2}\''], "json", ['{"a": 1, "a": 2}']),
    cells("JSON with an escaped NUL", "JSON", ["'\"\\u0000\"'"], "json|text", ['"\\u0000"']),
    cells("JSON that is one word", "JSON", ["'null'", "'\"x\"'", "'true'"], "json", ["null", '"x"', "true"]),
    misfit("what is no JSON", "JSON", ["'{}'", "'{\"a\": '"], cast("text"), kind="text", shown=["{}", '{"a": ']),
    misfit("NaN in JSON", "JSON", ["'{}'", "'[NaN]'"], cast("text"), kind="text", shown=["{}", "[NaN]"]),
    misfit("empty JSON", "JSON", ["'{}'", "''"], EMPTY_IS_NULL, kind="json", shown=["{}", None]),
    cells("JSON cast to jsonb", "TEXT", ['\'{"b":1, "a":2}\''], "jsonb", ['{"a": 2, "b": 1}'], settings=cast("jsonb")),
    cells("UUID", "UUID", [f"'{_UUID}'", f"'{_UUID.upper()}'"], "uuid", [_UUID, _UUID]),
    cells("UUID without hyphens", "CHAR(32)", [f"'{_HEX}'"], _TEXTS, [_HEX]),
    cells("UUID without hyphens, cast", "CHAR(32)", [f"'{_HEX}'"], "uuid", [_UUID], settings=cast("uuid")),
    cells("UUID as 16 bytes, cast", "BLOB", [f"x'{_HEX}'"], "uuid", [_UUID], settings=cast("uuid")),
    misfit("what is no UUID", "UUID", [f"'{_UUID}'", "'none'"], cast("text"), kind="text", shown=[_UUID, "none"]),
    Oddity(
        name="STRICT with ANY",
        sql="CREATE TABLE t (id INTEGER PRIMARY KEY, a ANY, b TEXT NOT NULL) STRICT; INSERT INTO t VALUES (1, 1, 'x'), (2, '1', 'y');",
        blocked="misfit:t.a",
        settings=cast("text"),
        types={"t.a": "text", "t.b": "text"},
        shows={"SELECT a FROM t ORDER BY id": ["1", "1"]},
    ),
)
