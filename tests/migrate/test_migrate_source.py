# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SQLite database declares is known, also what no PRAGMA tells."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import ddl, source
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.model import STORED, VIRTUAL, ForeignKey, Source, Table
from hypothesis import given
from hypothesis import strategies as st


def read(*statements: str) -> Source:
    database = sqlite3.connect(":memory:")
    for statement in statements:
        database.execute(statement)
    return source.read(database, path="memory")


def one(*statements: str) -> Table:
    return read(*statements).tables["t"]


def test_mrpt11_columns_as_they_are_declared() -> None:
    table = one(
        """CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, bare, [a b] VARCHAR(10) NOT NULL DEFAULT 'null' COLLATE NOCASE,
           `w` REAL DEFAULT (1 + 2), -- a comment, with a comma (
           "made" INT GENERATED ALWAYS AS (w * 2) STORED, 'seen' AS (bare || '') /* and, one more */, at TEXT DEFAULT current_timestamp)""",
        "INSERT INTO t (id, [a b]) VALUES (41, '')",
        "DELETE FROM t",
    )
    assert [(column.name, column.declared) for column in table.columns] == [
        ("id", "INTEGER"), ("bare", ""), ("a b", "VARCHAR(10)"), ("w", "REAL"), ("made", "INT"), ("seen", ""), ("at", "TEXT"),
    ]  # fmt: skip
    by_name = {column.name: column for column in table.columns}
    assert (by_name["a b"].not_null, by_name["a b"].default, by_name["a b"].collation) == (True, "'null'", "NOCASE")
    assert (by_name["w"].default, by_name["at"].default, by_name["bare"].default) == ("1 + 2", "current_timestamp", None)
    assert (by_name["made"].generated, by_name["made"].kind) == ("w * 2", STORED)
    assert (by_name["seen"].generated, by_name["seen"].kind) == ("bare || ''", VIRTUAL)
    assert (table.row_number, table.next_number) == ("id", 41)


@pytest.mark.parametrize(
    ("sql", "primary", "number", "without"),
    [
        ("CREATE TABLE t (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID", ("b", "a"), "", True),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY DESC)", ("a",), "", False),  # an index of its own, and NULL is allowed
        ("CREATE TABLE t (a INT PRIMARY KEY)", ("a",), "", False),
        ("CREATE TABLE t (a INTEGER, PRIMARY KEY (a))", ("a",), "a", False),
        ("CREATE TABLE t (a)", (), "", False),
    ],
)
def test_keys(sql: str, primary: tuple[str, ...], number: str, without: bool) -> None:
    table = one(sql)
    assert (table.primary, table.row_number, table.without_rowid) == (primary, number, without)


def test_foreign_keys_of_every_kind() -> None:
    table = one(
        "CREATE TABLE p (x INT, y INT, PRIMARY KEY (y, x))",
        """CREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t, gone REFERENCES nowhere(a) ON DELETE CASCADE, a, b,
           FOREIGN KEY (a, b) REFERENCES p DEFERRABLE INITIALLY DEFERRED FOREIGN KEY (a) REFERENCES p (x) NOT DEFERRABLE INITIALLY DEFERRED)""",
    )
    assert table.foreign_keys == (
        ForeignKey(("up",), "t", ("id",)),
        ForeignKey(("gone",), "nowhere", ("a",), on_delete="CASCADE"),
        ForeignKey(("a", "b"), "p", ("y", "x"), deferred=True),
        ForeignKey(("a",), "p", ("x",)),
    )


def test_indexes_partial_and_on_expressions() -> None:
    table = one(
        "CREATE TABLE t (a TEXT collate nocase, b INT UNIQUE)",
        "CREATE UNIQUE INDEX i ON t (lower(a), b DESC, a COLLATE BINARY) WHERE b IS NOT NULL AND a LIKE 'x,%'",
    )
    auto, index = sorted(table.indexes, key=lambda index: index.made_by, reverse=True)
    assert (auto.made_by, auto.names, auto.unique) == ("u", ("b",), True)
    assert (index.columns, index.descending, index.where) == (("lower(a)", '"b"', '"a"'), (False, True, False), "b IS NOT NULL AND a LIKE 'x,%'")
    assert (index.names, index.collations) == (("", "b", "a"), ("BINARY", "BINARY", "BINARY"))


def test_a_collation_is_the_same_in_any_case() -> None:
    (index,) = one("CREATE TABLE t (a TEXT collate nocase UNIQUE)").indexes
    assert index.collations == ("NOCASE",)


def test_checks_and_what_a_conflict_does() -> None:
    table = one(
        """CREATE TABLE t (a INT CONSTRAINT positive CHECK (a > 0 AND a != ')') UNIQUE ON CONFLICT REPLACE, b TEXT DEFAULT 'x, CHECK (1)',
           CHECK (length(b) < 9)) STRICT"""
    )
    assert [(check.name, check.sql) for check in table.checks] == [("positive", "a > 0 AND a != ')'"), ("", "length(b) < 9")]
    assert (table.on_conflict, table.strict) == (("REPLACE",), True)


def test_views_triggers_and_virtual_tables_are_no_tables() -> None:
    found = read(
        "CREATE TABLE t (a)",
        "CREATE TABLE words_of_mine (a)",
        "CREATE VIEW v (x) AS SELECT a AS y FROM t",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
        "CREATE VIRTUAL TABLE words USING fts5(a)",
    )
    assert list(found.tables) == ["t", "words_of_mine"]
    assert [(view.name, view.sql) for view in found.views] == [("v", "SELECT a AS y FROM t")]
    assert [(trigger.name, trigger.table) for trigger in found.triggers] == [("g", "t")]
    (virtual,) = found.virtual
    assert (virtual.name, virtual.kind) == ("words", "fts5")
    assert set(virtual.shadows) == {"words_data", "words_idx", "words_content", "words_docsize", "words_config"}


def test_w4_a_file_that_sqlite_cannot_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secret.db"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(ConfigurationError, match="it is encrypted, or no SQLite database at all"):
        source.read(sqlite3.connect(path), path=str(path))


names = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=6)
expressions = st.sampled_from(["1 > 0", "')' <> '('", "(1) AND (2)", "'it''s, so' <> ''", "/* ) */ 1", 'length("x") > 0', "[x] > 1 OR `x` < 2"])


@given(table=names, columns=st.lists(names, min_size=1, max_size=4, unique_by=str.lower), checks=st.lists(expressions, max_size=3))
def test_any_names_and_conditions_are_read_as_sqlite_reads_them(table: str, columns: list[str], checks: list[str]) -> None:
    if table.lower().startswith("sqlite_") or "x" in {column.lower() for column in columns}:
        return
    quoted = ['"' + name.replace('"', '""') + '"' for name in (table, *columns)]
    body = [f"{name} TEXT COLLATE NOCASE" for name in quoted[1:]] + ["x"] + [f"CHECK ({check})" for check in checks]
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE {quoted[0]} ({', '.join(body)})")
    (found,) = source.read(database, path="memory").tables.values()
    assert [column.name for column in found.columns] == [*columns, "x"]
    assert [column.collation for column in found.columns] == ["NOCASE"] * len(columns) + [""]
    assert [ddl.read_table(f"CREATE TABLE t (a CHECK ({check.sql}))").checks[0].sql for check in found.checks] == [check.sql for check in found.checks]
    assert len(found.checks) == len(checks)
