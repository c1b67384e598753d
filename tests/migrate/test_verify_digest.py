"""The digest of SQLite's values and that of what PostgreSQL stored are one, for every conversion, whatever a session's settings are."""

from __future__ import annotations

import datetime
from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import conversions
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.canonical import RowDigest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.digest_sql import digest_sql
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verify_cases import CASES, SCHEMA, Case, planned, server_digest

SETTINGS = ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kathmandu'", "extra_float_digits = -15", "bytea_output = 'escape'", "IntervalStyle = 'sql_standard'")


@pytest.fixture
def oddly_set(server: Any, target: Any, postgres: psycopg.Connection) -> psycopg.Connection:
    """The target, with the types of the cases, and all that changes how PostgreSQL writes values set to something unusual."""
    with server.connect(target.database) as admin:
        admin.execute("CREATE EXTENSION citext")
    postgres.execute("CREATE TYPE mood AS ENUM ('glad', 'so so', 'traurig ß')")
    for setting in SETTINGS:
        postgres.execute(f"SET {setting}")
    return postgres


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_value_of_every_conversion_agrees(case: Case, oddly_set: psycopg.Connection) -> None:
    table = planned("kept", {"id": ("bigint", conversions.INTEGER), "it": (case.type, case.conversion)})
    oddly_set.execute(f"CREATE TABLE kept (id bigint, it {case.type})")

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.lists(st.none() | case.values, min_size=1, max_size=30))
    def agree(values: list[Any]) -> None:
        rows = list(enumerate(values))
        with oddly_set.transaction(), oddly_set.cursor() as cursor:
            cursor.execute("TRUNCATE kept")
            cursor.execute("SET LOCAL DateStyle = 'ISO, YMD'")
            cursor.executemany(f"INSERT INTO kept VALUES (%s, {case.sql})", [(number, None if value is None else case.given(value)) for number, value in rows])
        at_once, one_by_one = RowDigest(table), RowDigest(table)
        at_once.add(rows)
        for row in rows:
            one_by_one.add([row])
        assert at_once.unfit == one_by_one.unfit == 0
        assert (at_once.count, at_once.sum) == (one_by_one.count, one_by_one.sum) == server_digest(oddly_set, table)

    agree()


def test_an_empty_text_is_not_null_but_where_it_is_to_be(postgres: psycopg.Connection) -> None:
    postgres.execute("CREATE TABLE kept (it text)")
    postgres.execute("INSERT INTO kept VALUES (NULL), ('x'), (NULL), ('y'), ('z')")
    rows = [("",), ("x",), (None,), ("y",), ("z",)]
    for empty_is_null in (False, True):
        digest = RowDigest(planned("kept", {"it": ("text", conversions.TEXT)}, empty_is_null=empty_is_null))
        digest.add(rows)
        digest.add(rows[:1])
        twice = planned("kept", {"it": ("text", conversions.TEXT)})
        count, total = server_digest(postgres, twice)
        alone = server_digest(postgres, twice, where="it IS NULL")[1] // 2
        assert ((digest.count, digest.sum) == (count + 1, total + alone)) is empty_is_null


def test_what_no_text_can_hold_is_replaced_where_that_is_said(postgres: psycopg.Connection) -> None:
    postgres.execute("CREATE TABLE kept (it text)")
    postgres.execute("INSERT INTO kept VALUES (U&'a\\FFFDb'), (U&'\\FFFD(c')")
    digest = RowDigest(planned("kept", {"it": ("text", conversions.TEXT)}, replace=True))
    digest.add([("a\0b",), (Text(b"\xc3(c"),)])
    table = planned("kept", {"it": ("text", conversions.TEXT)})
    assert (digest.count, digest.sum) == server_digest(postgres, table)
    strict = RowDigest(table)
    strict.add([(Text(b"\xc3(c"),)])
    assert (strict.count, strict.unfit) == (0, 1)


def test_a_row_that_does_not_fit_is_told_and_in_no_sum() -> None:
    table = planned("kept", {"id": ("bigint", conversions.INTEGER), "at": ("timestamp without time zone", conversions.MOMENT)})
    good = [(number, "2024-05-06 07:08:09") for number in range(10)]
    alone, mixed = RowDigest(table), RowDigest(table)
    alone.add(good)
    mixed.add([*good, ("eleven", "2024-05-06"), (12, "soon"), (13, b"\0")])
    assert (mixed.count, mixed.sum, mixed.unfit) == (alone.count, alone.sum, 3)


def test_a_very_long_text_is_the_same_in_slices(postgres: psycopg.Connection) -> None:
    table = planned("kept", {"it": ("text", conversions.TEXT), "raw": ("bytea", conversions.BYTES)})
    text, raw = "aß日\U0001f600" * 400_000, b"\0\xff" * 2_000_000
    postgres.execute("CREATE TABLE kept (it text, raw bytea)")
    postgres.execute("INSERT INTO kept VALUES (%s, %s)", (text, raw))
    digest = RowDigest(table)
    digest.add([(text, raw)])
    assert (digest.count, digest.sum) == server_digest(postgres, table)


def test_parallel_workers_make_the_same_digest(postgres: psycopg.Connection) -> None:
    columns = {"id": ("bigint", conversions.INTEGER), "said": ("text", conversions.TEXT), "at": ("timestamp with time zone", conversions.MOMENT)}
    table = planned("kept", columns)
    postgres.execute("CREATE TABLE kept (id bigint, said text, at timestamptz)")
    postgres.execute("INSERT INTO kept SELECT i, repeat('x', i % 90), timestamptz '1969-12-31 00:00Z' + i * interval '1 hour' FROM generate_series(1, 20000) i")
    start = datetime.datetime(1969, 12, 31)
    digest = RowDigest(table)
    digest.add([(i, "x" * (i % 90), f"{start + datetime.timedelta(hours=i)}") for i in range(1, 20_001)])
    postgres.execute("SET min_parallel_table_scan_size = 0")
    postgres.execute("SET parallel_setup_cost = 0")
    assert "Gather" in str(postgres.execute(f"EXPLAIN {digest_sql(table, SCHEMA)}").fetchall())
    assert (digest.count, digest.sum) == server_digest(postgres, table)


def test_a_column_of_a_domain_is_its_base_type(postgres: psycopg.Connection) -> None:
    columns = {"n": ("bigint", conversions.INTEGER), "at": ("timestamp with time zone", conversions.MOMENT), "raw": ("bytea", conversions.BYTES)}
    for name, (kind, _) in columns.items():
        postgres.execute(f"CREATE DOMAIN of_{name} AS {kind}")
    postgres.execute("CREATE TABLE kept (n of_n, at of_at, raw of_raw)")
    postgres.execute("INSERT INTO kept VALUES (1, '2024-05-06 07:08:09Z', 'x')")
    table = planned("kept", columns)
    digest = RowDigest(table)
    digest.add([(1, "2024-05-06T07:08:09", b"x")])
    assert (digest.count, digest.sum) == server_digest(postgres, table)
