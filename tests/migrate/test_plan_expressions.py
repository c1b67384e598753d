# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is translated means the same: SQLite and PostgreSQL compute the same values of it; what would not is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import statements
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.expressions import Unlike, condition, indexed
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.plan import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import ColumnPlan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planning import NOWHERE, database
from postgres_server import Server

_TABLE = """CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, s SMALLINT, r REAL, d DECIMAL(10, 2), b BOOLEAN, x TEXT, n VARCHAR(9) COLLATE NOCASE,
  k BLOB, "a b" TEXT, day DATE, at DATETIME, until DATETIME)"""
_ROWS = [
    (1, 1, 1, 1.5, 1.25, 1, "abc", "ABC", b"a", "x", "2026-01-31", "2026-01-31 10:00:00", "2026-01-31 10:00:01"),
    (2, 0, 0, 0.0, 0, 0, "", "", b"", "", "2025-12-31", "2026-01-31 10:00:00", "2026-01-31 10:00:00"),
    (3, -7, 2, -2.5, -0.1, 1, "ABC", "abc", b"\0\xff", "a_b%", "0001-01-01", "2026-01-30 10:00:00", "2025-01-31 10:00:01"),
    (4, None, None, None, None, None, None, None, None, None, None, None, None),
    (5, 2**53, 32767, 1e300, 99999999.99, 0, "Äbc ", "äBC", b"abc", "  b", "2026-02-01", "1970-01-01 00:00:00", "2026-01-31 10:00:01"),
    (6, 5, -3, 0.1, 5, 1, "a%b", "a\\b", b"A", "5", "2026-01-31", "2026-01-31 10:00:00", "2026-01-31 10:00:01"),
    (7, -(2**40), 7, 3.0, 0.3, 0, "aXb", "it's", b"b", "Zz]", "2026-01-30", "2026-01-31 10:00:00", "2026-01-31 10:00:01"),
]


@dataclass(frozen=True, repr=False)
class Both:
    """The same rows on both sides, and the columns as they are planned."""

    source: sqlite3.Connection
    target: psycopg.Connection
    columns: dict[str, ColumnPlan]


@pytest.fixture(scope="module")
def both(server: Server) -> Iterator[Both]:
    source = database(_TABLE)
    source.executemany(f"INSERT INTO t VALUES ({', '.join('?' * 13)})", _ROWS)
    table = look(database=source, migration=Migration(name="app", database="app.db", target=NOWHERE)).tables["t"]
    with server.connect() as target:
        target.execute("CREATE SCHEMA same")
        target.execute("SET search_path = same")
        target.execute(statements.create_table(table, schema="same"))
        for row in _ROWS:
            values = [bool(value) if column.type == "boolean" and value is not None else value for column, value in zip(table.columns, row)]
            target.execute(f"INSERT INTO t VALUES ({', '.join(['%s'] * len(values))})", values)
        yield Both(source, target, {column.source: column for column in table.columns})
        target.execute("DROP SCHEMA same CASCADE")


def shown(value: object) -> object:
    """One form for what both sides return: truth is 0 or 1, numbers are by value."""
    if isinstance(value, (bool, int)):
        return float(int(value))
    return float(value) if isinstance(value, Decimal) else value


def same(both: Both, sql: str) -> str:
    """The translation, which gives the same for each row. Raises Unlike."""
    translated = indexed(sql, both.columns, exact=True)
    here = [shown(row[0]) for row in both.source.execute(f"SELECT ({sql}) FROM t ORDER BY id")]
    there = [shown(row[0]) for row in both.target.execute(f"SELECT ({translated}) FROM t ORDER BY id")]
    assert here == there, translated
    return translated


@pytest.mark.parametrize(
    "sql",
    [
        "i + s * 2", "i / s", "i % s", "-7 / 2", "-7 % 2", "7 / 0", "r / 2", "r * 3 + i", "d * s", "d + 0.1", "i | 1 & s", "~ i", "- i", "2 * 2000000000",
        "i = 1", "i == '5'", "i <> 1 OR NOT b", "b", "b = 1", "b IN (0, 1)", "b IS NOT 1", "b + 1", "NOT i", "i AND s", "s BETWEEN 0 AND 5",
        "x = 'abc'", "x < 'B'", "x >= 'a'", "n = 'aBc'", "n IN ('abc', 'x')", "x COLLATE NOCASE = 'ABC'", "x = n", "n = x", "n < 'b'", "n = 'ÄBC'",
        "lower(x)", "upper(x)", "length(x)", "length(k)", "length(i)", "trim(x)", "ltrim(x, 'a')", "substr(x, 2)", "substr(x, 2, 1)", "instr(x, 'b')",
        "replace(x, 'b', 'zz')", "x || '-' || i", "coalesce(d, 0)", "ifnull(x, 'none')", "nullif(i, 0)", "max(i, s)", "min(r, 1.5)", "iif(b, 'y', 'n')",
        "CASE WHEN i > 0 THEN 'plus' WHEN i < 0 THEN 'minus' END", "CASE i WHEN 1 THEN 'one' ELSE x END", "abs(i)", "typeof(x)", "typeof(r)",
        "x LIKE 'A%'", "x LIKE 'a\\%b'", "x LIKE 'a!%b' ESCAPE '!'", "x NOT LIKE '_b_'", "x LIKE 'ä%'", "x GLOB 'a*'", "x GLOB '*[A-Z]*'", "x NOT GLOB '?b?'",
        "x GLOB '[^a]*'", '"a b" GLOB \'*]\'', "x IS NULL", "x ISNULL", "x NOTNULL", "x IS 'abc'", "i IS s", "i IS NOT s", "n IS 'ABC'", "k = k",
        "day > '2026-01-30'",
        "day = '2026-01-31'", "until >= at", "until > at", 'x = "abc"', "CAST(i AS TEXT)", "CAST(s AS REAL) / 2", "i = 1 = b", "NOT x = 'abc' AND 1",
        "i < s IS NULL", "- s || 'x'", "(1 + 2) || 3", "x || lower(n) = 'abcabc'", "i IS NULL OR x IS NOT NULL", "TRUE", "i BETWEEN 1 AND 5 AND b",
    ],
)  # fmt: skip
def test_mrpt11_an_expression_is_the_same_on_both_sides(both: Both, sql: str) -> None:
    same(both, sql)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("round(r)", "round"), ("d / 2", "division"), ("x = 5", "otherwise"), ("x + 1", "no number"), ("x", "neither true nor false"),
        ("strftime('%Y', at) > '2000'", "strftime"), ("at = until", "otherwise"), ("at > '2026-01-31 10:00:00'", "otherwise"), ("x REGEXP 'a'", "REGEXP"),
        ("substr(x, -1) = 'a'", "substr"), ("length(day) = 10", "no text"), ("i IN (SELECT 1)", "SELECT"), ("i = NULL", "never true"), ("i << 2", "<<"),
        ("x GLOB '[!a]*'", "GLOB"), ("x LIKE n", "written out"), ("x COLLATE RTRIM = 'a'", "RTRIM"), ("nowhere = 1", "no column"), ('"rowid" = 1', "no column"),
        ("i = 0x10", "own form"), ("r || 'x'", "no text"), ("i = 9223372036854775808", "a real"), ("CURRENT_TIMESTAMP > x", "not known"),
        ("typeof(d) = 'real'", "typeof"), ("i > 1 2", "not known"), ("i >", "too early"), ("hex(k) = ''", "hex"), ("random() > 0", "random"),
        ("i IS NULL + i = 0", "no number"), ("x || n COLLATE NOCASE = 'a'", "COLLATE"),
    ],
)  # fmt: skip
def test_mrpt11_what_would_mean_something_else_is_refused(both: Both, sql: str, why: str) -> None:
    with pytest.raises(Unlike, match=why):
        condition(sql, both.columns)


numbers = st.sampled_from(["i", "s", "r", "d", "b", "0", "1", "2.5", "-3", "length(x)"])
texts = st.sampled_from(["x", "n", '"a b"', "'abc'", "'B'", "''", "lower(n)", "n COLLATE BINARY", "x COLLATE NOCASE"])
BINARY = ["+", "-", "*", "/", "%", "=", "<>", "<", ">=", "IS", "IS NOT", "AND", "OR", "||", "&"]
expressions = st.recursive(
    st.one_of(numbers, texts),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda three: f"({' '.join(three)})"),
        st.tuples(st.sampled_from(["NOT", "-", "+"]), inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), inner, inner).map(lambda four: f"{four[0]} {four[1]} {four[2]} AND {four[3]}"),
        st.tuples(inner, st.lists(inner, min_size=1, max_size=3)).map(lambda two: f"{two[0]} IN ({', '.join(two[1])})"),
        st.tuples(st.sampled_from(["coalesce", "max", "nullif", "ifnull"]), inner, inner).map(lambda three: f"{three[0]}({three[1]}, {three[2]})"),
        st.tuples(inner, inner, inner).map(lambda three: f"CASE WHEN {three[0]} THEN {three[1]} ELSE {three[2]} END"),
        st.tuples(inner, st.sampled_from(["IS NULL", "NOT NULL", "ISNULL"])).map(" ".join),
    ),
    max_leaves=6,
)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=expressions)
def test_mrpt11_any_expression_is_refused_or_the_same(both: Both, sql: str) -> None:
    """PostgreSQL may say that a number has become too large, where SQLite goes on with an inexact one; it never says another number."""
    try:
        same(both, sql)
    except (Unlike, psycopg.errors.NumericValueOutOfRange):
        return
