"""Every way a value becomes one of PostgreSQL, held to what PostgreSQL itself makes of the same; and what is refused, with its rule."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import conversions
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.encode import HEADER, TRAILER, Encoder
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.model import Column, Table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import ColumnPlan, TablePlan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.survey import Values
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TYPE_OF = {int: "integer", float: "real", str: "text", Text: "text", bytes: "blob"}
NO_ZONE, ZONE = "timestamp without time zone", "timestamp with time zone"


def column(values: list[Any], kind: str, conversion: str, **more: Any) -> ColumnPlan:
    """One whose survey saw these values."""
    types = {TYPE_OF[type(value)]: 1 for value in values if value is not None}
    held = Values(rows=len(values), nulls=values.count(None), types=types)
    return ColumnPlan(source="v", target="v", type=kind, conversion=conversion, values=held, why="", **more)


def table(*columns: ColumnPlan, rows: int = 1) -> TablePlan:
    return TablePlan(source=Table("t", tuple(Column(one.source) for one in columns)), name="t", columns=columns, key=(), rows=rows)


def loaded(postgres: psycopg.Connection, plan: TablePlan, rows: list[tuple[Any, ...]], wanted: str = "v::text") -> list[Any]:
    """What the server has of some rows then, in their order."""
    encoder = Encoder(plan)
    encoded = encoder.encode(rows)
    assert not encoded.refused, encoded.refused
    names = ", ".join(f"c{place} {one.type}" for place, one in enumerate(plan.loaded)) if len(plan.loaded) > 1 else f"v {plan.loaded[0].type}"
    order = f" ({', '.join(f'c{place}' for place in encoder.order)})" if len(plan.loaded) > 1 else ""
    postgres.prepare_threshold = None
    postgres.execute("DROP TABLE IF EXISTS t")
    postgres.execute(f"CREATE TABLE t ({names})")
    with postgres.cursor().copy(f"COPY t{order} FROM STDIN (FORMAT BINARY)") as copy:
        for piece in (HEADER, *encoded.pieces, TRAILER):
            copy.write(piece)
    return postgres.execute(f"SELECT {wanted} FROM t ORDER BY ctid").fetchall()


SAME = [
    (7, "smallint", conversions.INTEGER, "7"),
    (-(2**31), "integer", conversions.INTEGER, "-2147483648"),
    (2**63 - 1, "bigint", conversions.INTEGER, "9223372036854775807"),
    (0.1 + 0.2, "double precision", conversions.FLOAT, "0.30000000000000004"),
    (float("-inf"), "double precision", conversions.FLOAT, "-Infinity"),
    (2**53, "double precision", conversions.FLOAT, "9.007199254740992e+15"),
    (0.5, "real", conversions.FLOAT, "0.5"),
    ("10.50", "numeric", conversions.NUMERIC, "10.50"),
    ("-0.000123", "numeric", conversions.NUMERIC, "-0.000123"),
    ("12345678901234567890.0001", "numeric", conversions.NUMERIC, "12345678901234567890.0001"),
    (10000, "numeric", conversions.NUMERIC, "10000"),
    (0, "numeric(8,2)", conversions.NUMERIC, "0.00"),
    (0.1, "numeric(8,2)", conversions.NUMERIC, "0.10"),
    (1e22, "numeric", conversions.NUMERIC, "10000000000000000000000"),
    (5e-324, "numeric", conversions.NUMERIC, "0." + "0" * 323 + "5"),
    ("5.0e2", "numeric", conversions.NUMERIC, "500"),
    ("Grüße, 世界 🚀", "text", conversions.TEXT, "Grüße, 世界 🚀"),
    ("äöü", "character varying(3)", conversions.TEXT, "äöü"),
    (2**70 // 2**8, "text", conversions.ANY_TEXT, "4611686018427387904"),
    (1.5, "text", conversions.ANY_TEXT, "1.5"),
    (b"\0\xff", "bytea", conversions.BYTES, "\\x00ff"),
    ("ä", "bytea", conversions.BYTES, "\\xc3a4"),
    (Text(b"\xff"), "bytea", conversions.BYTES, "\\xff"),
    (1, "boolean", conversions.BOOLEAN, "true"),
    ("Off", "boolean", conversions.BOOLEAN, "false"),
    ("0", "boolean", conversions.BOOLEAN, "false"),
    ("1999-12-31", "date", conversions.DATE, "1999-12-31"),
    ("0001-01-01", "date", conversions.DATE, "0001-01-01"),
    ("23:59:59.5", "time without time zone", conversions.TIME, "23:59:59.5"),
    ("2026-03-29 02:30", NO_ZONE, conversions.MOMENT, "2026-03-29 02:30:00"),
    ("1969-12-31T23:59:59.999999", NO_ZONE, conversions.MOMENT, "1969-12-31 23:59:59.999999"),
    ("2026-03-29", NO_ZONE, conversions.MOMENT, "2026-03-29 00:00:00"),
    ("2026-03-29T02:30:00+02:00", ZONE, conversions.MOMENT, "2026-03-29 00:30:00+00"),
    ("2026-03-29 02:30:00.25 Z", ZONE, conversions.MOMENT, "2026-03-29 02:30:00.25+00"),
    ("2026-03-29 02:30:00", ZONE, conversions.MOMENT, "2026-03-29 02:30:00+00"),
    ("9999-12-31T23:30:00-12:00", ZONE, conversions.MOMENT, "10000-01-01 11:30:00+00"),
    (1_700_000_000, NO_ZONE, conversions.SECONDS, "2023-11-14 22:13:20"),
    (1_700_000_000.25, ZONE, conversions.SECONDS, "2023-11-14 22:13:20.25+00"),
    (-1, NO_ZONE, conversions.MILLISECONDS, "1969-12-31 23:59:59.999"),
    (1_700_000_000_000_001, ZONE, conversions.MICROSECONDS, "2023-11-14 22:13:20.000001+00"),
    (2440587.5, NO_ZONE, conversions.JULIAN, "1970-01-01 00:00:00"),
    (2460263.4259375, ZONE, conversions.JULIAN, "2023-11-14 22:13:21+00"),
    ('{"b": 1,  "a": 2}', "json", conversions.JSON_TEXT, '{"b": 1,  "a": 2}'),
    ('{"b": 1,  "a": 2}', "jsonb", conversions.JSON_TEXT, '{"a": 2, "b": 1}'),
    ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "uuid", conversions.UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    (bytes(range(16)), "uuid", conversions.UUID, "00010203-0405-0607-0809-0a0b0c0d0e0f"),
]


def test_mrpt12_a_value_arrives_as_what_it_says(postgres: psycopg.Connection) -> None:
    postgres.execute("SET timezone = 'UTC'")
    for value, kind, conversion, shown in SAME:
        one, with_null = column([value], kind, conversion), column([value, None], kind, conversion)
        assert loaded(postgres, table(one), [(value,)]) == [(shown,)], (value, kind)
        assert loaded(postgres, table(with_null), [(value,), (None,)] * 40) == [(shown,), (None,)] * 40, (value, kind)


REFUSED = [
    ("7", "integer", conversions.INTEGER, "is a text that is not an integer"),
    (2**31, "integer", conversions.INTEGER, "is out of range for integer"),
    (1.0, "bigint", conversions.INTEGER, "is a real number that is not an integer"),
    (2**53 + 1, "double precision", conversions.FLOAT, "is a number that double precision does not have exactly"),
    (0.1, "real", conversions.FLOAT, "is a number that real does not have exactly"),
    (1e300, "real", conversions.FLOAT, "is out of range for real"),
    (float("inf"), "numeric", conversions.NUMERIC, "is infinite, which only double precision takes"),
    ("12,5", "numeric", conversions.NUMERIC, "is a text that is not a decimal number"),
    ("0.125", "numeric(8,2)", conversions.NUMERIC, "is a number that numeric(8,2) would round"),
    (1000000, "numeric(8,2)", conversions.NUMERIC, "is a number that numeric(8,2) would not hold"),
    ("a\0b", "text", conversions.TEXT, "is text with a NUL byte"),
    (Text(b"\xff"), "text", conversions.TEXT, "is text that is not UTF-8"),
    (b"a", "text", conversions.TEXT, "is a blob that is not a text"),
    ("abcd", "character varying(3)", conversions.TEXT, "has 4 characters, more than character varying(3) takes"),
    ("abc ", "character varying(3)", conversions.TEXT, "has 4 characters, more than character varying(3) takes"),
    (1, "bytea", conversions.BYTES, "is an integer that is not a blob"),
    (2, "boolean", conversions.BOOLEAN, "is an integer that is not a boolean"),
    (1.0, "boolean", conversions.BOOLEAN, "is a real number that is not a boolean"),
    ("", "boolean", conversions.BOOLEAN, "is a text that is not a boolean"),
    ("0000-00-00", "date", conversions.DATE, "is a text that is not a day as YYYY-MM-DD"),
    ("2026-02-29 00:00", NO_ZONE, conversions.MOMENT, "is a text that is not a moment in ISO 8601 without a zone"),
    ("2026-02-28 00:00Z", NO_ZONE, conversions.MOMENT, "is a text that is not a moment in ISO 8601 without a zone"),
    ("20260228", ZONE, conversions.MOMENT, "is a text that is not a moment in ISO 8601"),
    (2**62, ZONE, conversions.SECONDS, "is out of range for timestamp with time zone"),
    (float("inf"), ZONE, conversions.SECONDS, "is infinite"),
    (1e12, ZONE, conversions.JULIAN, "is a real number that is not a Julian day"),
    ("{'a': 1}", "json", conversions.JSON_TEXT, "is a text that is not JSON"),
    ("NaN", "jsonb", conversions.JSON_TEXT, "is a text that is not JSON"),
    (b"123", "uuid", conversions.UUID, "is a blob that is not a UUID"),
    (None, "integer", conversions.INTEGER, "is NULL, which the column does not take"),
]


@pytest.mark.parametrize(("value", "kind", "conversion", "rule"), REFUSED)
def test_mrpt13_a_value_that_does_not_fit_is_named_with_its_rule(value: Any, kind: str, conversion: str, rule: str) -> None:
    plan = table(column([value], kind, conversion, not_null=value is None))
    encoded = Encoder(plan).encode([(value,)] * 2)
    assert not encoded.rows
    assert [(one.place, one.column.source, one.rule) for one in encoded.refused] == [(0, "v", rule), (1, "v", rule)]


def test_mrpt13_what_the_survey_did_not_foresee_is_refused_all_the_same() -> None:
    """A plan may be older than a row."""
    columns = [
        column([1], "bigint", conversions.INTEGER),
        column([1.5], "double precision", conversions.FLOAT),
        column(["a"], "text", conversions.TEXT),
        column([b"a"], "bytea", conversions.BYTES),
        column(["a", None], "character varying(2)", conversions.TEXT, not_null=True),
    ]
    encoder = Encoder(table(*columns))
    good = (1, 1.5, "a", b"a", "b")
    for place, bad in enumerate((1.0, 2**53 + 1, "a\0", 3, None)):
        row = (*good[:place], bad, *good[place + 1 :])
        encoded = encoder.encode([good] * 70 + [row] + [good] * 70)
        assert [(one.place, one.value) for one in encoded.refused] == [(70, bad)], place
        assert len(encoded.rows) == 140


def test_f61_an_empty_text_becomes_null_and_what_postgresql_cannot_hold_is_replaced_only_where_that_is_said(postgres: psycopg.Connection) -> None:
    empty = column(["", "a"], "text", conversions.TEXT, empty_is_null=True)
    assert loaded(postgres, table(empty), [("",), ("a",)]) == [(None,), ("a",)]
    replaced = column(["a\0b"], "text", conversions.TEXT, replace=True)
    assert loaded(postgres, table(replaced), [("a\0b",), (Text(b"a\xff"),)]) == [("a\ufffdb",), ("a\ufffd",)]


VALUES = {
    ("bigint", conversions.INTEGER): st.integers(-(2**63), 2**63 - 1),
    ("double precision", conversions.FLOAT): st.floats(allow_nan=False),
    ("numeric", conversions.NUMERIC): st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    ("text", conversions.TEXT): st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ("bytea", conversions.BYTES): st.binary(),
    (NO_ZONE, conversions.MOMENT): st.datetimes().map(str),
    ("boolean", conversions.BOOLEAN): st.sampled_from([0, 1]),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mrpt12_rows_of_any_columns_arrive_by_the_quick_way_as_by_the_slow_one(postgres: psycopg.Connection, data: st.DataObject) -> None:
    shapes = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    nullable = [data.draw(st.booleans()) for _ in shapes]
    row = st.tuples(*(st.none() | VALUES[shape] if can else VALUES[shape] for shape, can in zip(shapes, nullable, strict=True)))
    rows = data.draw(st.lists(row, min_size=1, max_size=80))
    columns = [column(list(values), *shape) for values, shape in zip(zip(*rows, strict=True), shapes, strict=True)]
    encoder = Encoder(table(*columns))
    assert b"".join(encoder.encode(rows).pieces) == b"".join(encoder._slowly(rows).pieces)
    if len(shapes) > 1:
        assert len(loaded(postgres, table(*columns), rows, "c0")) == len(rows)
