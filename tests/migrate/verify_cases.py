"""Columns of each kind for the tests of verification: their values in SQLite, and how PostgreSQL gets the same by another way than ours."""

from __future__ import annotations

import datetime
import json
import sqlite3
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import psycopg
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import conversions
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.digest_sql import digest_sql
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.model import Table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import ColumnPlan, TablePlan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.survey import Values
from hypothesis import strategies as st

SCHEMA = "public"
_UNIX = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Case:
    """values: of SQLite. given: what psycopg is given for one. sql: around it."""

    type: str
    conversion: str
    values: st.SearchStrategy[Any]
    given: Callable[[Any], Any] = lambda value: value
    sql: str = "%s"

    def __str__(self) -> str:
        return f"{self.conversion} -> {self.type}"


def planned(name: str, columns: dict[str, tuple[str, str]], *, key: Sequence[str] = (), **settings: Any) -> TablePlan:
    """A plan of a table. columns: type and conversion by name. settings: of all its columns."""
    made = tuple(ColumnPlan(each, each, kind, way, Values(rows=0), "as told", **settings) for each, (kind, way) in columns.items())
    return TablePlan(source=Table(name, (), primary=tuple(key)), name=name, columns=made, key=tuple(key), rows=0)


def server_digest(postgres: psycopg.Connection, table: TablePlan, **chosen: Any) -> tuple[int, int]:
    """Count and sum as PostgreSQL has them."""
    row = postgres.execute(digest_sql(table, SCHEMA, **chosen)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def moment_of(microseconds: int) -> datetime.datetime:
    """Without a zone, in UTC."""
    return _UNIX + datetime.timedelta(microseconds=microseconds)


def _epoch(per_second: int) -> Callable[[Any], datetime.datetime]:
    return lambda value: moment_of(int((Decimal(value) * (1_000_000 // per_second)).quantize(Decimal(1), ROUND_HALF_EVEN)))


def _zoned(value: int) -> str:
    return f"{moment_of(value * 10**6)}+00"


def _julian(value: float) -> str:
    with sqlite3.connect(":memory:") as database:
        return str(database.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', ?)", (value,)).fetchone()[0])


def _decimal_text(value: Any) -> str:
    return str(Decimal(repr(value) if isinstance(value, float) else value))


_INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, -1, 2**53, 2**53 + 1])
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(
    ["", " ", "\n", "\r\n", "'", '"', "\\", "\\N", "\t", "a\x01b", "NULL", "é", "e\u0301", "日本語", "\U0001f600", "x" * 5000, "ß" * 70_000, " both ", "\ufeff"]
)
_FLOATS = st.floats(allow_nan=False) | st.sampled_from(
    [-0.0, 0.0, float("inf"), float("-inf"), 5e-324, 2.2250738585072014e-308, 1e15, 1e16, 1e17, 123456789012345680.0, 0.1, 1 / 3, 1.7976931348623157e308]
)
_FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e15, 1e16, 1e17, 1e-7, 1.5, 100.0, 1e22, 5e-324])
_MOMENTS = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999)) | st.sampled_from(
    [datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime.datetime(1999, 12, 31), datetime.datetime(2000, 1, 1), datetime.datetime(2024, 2, 29, 1)]
)
_LATER = st.datetimes(datetime.datetime(2, 1, 1), datetime.datetime(9998, 1, 1))


def _iso(moment: datetime.datetime, how: int) -> str:
    text = moment.isoformat(sep="T" if how & 1 else " ", timespec="auto")
    if moment.microsecond:
        return text.rstrip("0") if how & 2 else text
    return text[:-3] if how & 2 and not moment.second else f"{text}.0" if how & 4 else text


_ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+05:45", "-11:30", " +02:00", "+14:00"])
_ISO = st.builds(_iso, _MOMENTS, st.integers(0, 7)) | st.dates().map(str)
_ZONED = st.builds(lambda moment, how, zone: _iso(moment, how) + zone, _LATER, st.integers(0, 7), _ZONES)
_NUMBER_TEXT = st.from_regex(r"[+-]?(0|[1-9][0-9]{0,30}|[0-9]{1,12}\.[0-9]{0,12}|\.[0-9]{1,9})(?![0-9.])", fullmatch=True) | st.sampled_from(
    ["1e5", "1.50E-10", "-0", "0.000", "+.5", "1.e3", "9" * 200, "0" * 30 + "1", "1.5e300"]
)
_JSON_NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
_JSON_TEXT = _TEXT.map(lambda text: json.dumps(text[:200])) | _TEXT.map(lambda text: json.dumps(text[:200], ensure_ascii=False))
_JSON_ODD = st.sampled_from(["true", "null", "1e400", "-0.0", "-0", "0e10", "0E-5", "1.50e1", "1e-400", '"\\u00e9\\/"', '"\\ud83d\\ude00"'])
_BLANK = st.sampled_from(["", " ", "\n", "\t "])
_JSON = st.recursive(
    _JSON_NUMBER | _JSON_TEXT | _JSON_ODD,
    lambda inner: (
        st.builds(lambda items, blank: f"[{blank}" + f",{blank}".join(items) + "]", st.lists(inner, max_size=4), _BLANK)
        | st.builds(
            lambda items, blank: f"{{{blank}" + f",{blank}".join(f"{key}{blank}:{value}" for key, value in items) + f"{blank}}}",
            st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"aa"', '"é"', '"\\u0061"', '""', '"Z"']) | _JSON_TEXT, inner), max_size=5),
            _BLANK,
        )
    ),
    max_leaves=12,
)  # fmt: skip
_TRUE, _FALSE = (1, "1", "t", "TRUE", "Yes", "y", "on"), (0, "0", "f", "False", "no", "N", "off")
_UUIDS = st.uuids().flatmap(lambda one: st.sampled_from([str(one), str(one).upper(), one.hex, one.hex.upper(), one.bytes]))


def _uuid_text(value: str | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else value


CASES = (
    Case("smallint", conversions.INTEGER, st.integers(-(2**15), 2**15 - 1)),
    Case("integer", conversions.INTEGER, st.integers(-(2**31), 2**31 - 1)),
    Case("bigint", conversions.INTEGER, _INT64),
    Case("double precision", conversions.FLOAT, _FLOATS, float),
    Case("double precision", conversions.FLOAT, st.integers(-(2**53), 2**53) | st.just(2**60), float),
    Case("real", conversions.FLOAT, st.floats(width=32, allow_nan=False)),
    Case("numeric", conversions.NUMERIC, _INT64 | _FINITE | _NUMBER_TEXT, _decimal_text, "%s::text::numeric"),
    Case("numeric(12,4)", conversions.NUMERIC, st.integers(-(10**8), 10**8).map(lambda n: n / 8), _decimal_text, "%s::text::numeric"),
    Case("text", conversions.TEXT, _TEXT),
    Case("character varying(70000)", conversions.TEXT, _TEXT),
    Case("character(6)", conversions.TEXT, st.text(string.ascii_letters + "é ", max_size=6)),
    Case("mood", conversions.TEXT, st.sampled_from(["glad", "so so", "traurig ß"])),
    Case("citext", conversions.TEXT, _TEXT),
    Case("text", conversions.ANY_TEXT, _TEXT | _INT64 | _FLOATS, lambda value: value if isinstance(value, str) else repr(value)),
    Case("bytea", conversions.BYTES, st.binary() | _TEXT | st.just(b"\0" * 9000), lambda value: value.encode() if isinstance(value, str) else value),
    Case("boolean", conversions.BOOLEAN, st.sampled_from(_TRUE + _FALSE), _TRUE.__contains__),
    Case("date", conversions.DATE, st.dates().map(str), sql="%s::text::date"),
    Case("time without time zone", conversions.TIME, st.times().map(str) | st.sampled_from(["07:08", "23:59:59.9"]), sql="%s::text::time"),
    Case("timestamp without time zone", conversions.MOMENT, _ISO, sql="%s::text::timestamp"),
    Case("timestamp with time zone", conversions.MOMENT, _ISO, lambda text: f"{text}+00", "%s::text::timestamptz"),
    Case("timestamp with time zone", conversions.MOMENT, _ZONED, sql="%s::text::timestamptz"),
    Case("timestamp without time zone", conversions.SECONDS, st.integers(-(10**10), 10**11) | st.floats(-(10**10), 10**11), _epoch(1)),
    Case("timestamp without time zone", conversions.MILLISECONDS, st.integers(-(10**13), 10**14) | st.floats(-(10**13), 10**14), _epoch(1_000)),
    Case("timestamp without time zone", conversions.MICROSECONDS, st.integers(-(10**16), 10**17) | st.floats(-(10**16), 10**17), _epoch(1_000_000)),
    Case("timestamp with time zone", conversions.SECONDS, st.integers(-(10**10), 10**11), _zoned, "%s::text::timestamptz"),
    Case("timestamp without time zone", conversions.JULIAN, st.floats(1721426.0, 5373483.0) | st.integers(1721426, 5373483), _julian, "%s::text::timestamp"),
    Case("json", conversions.JSON_TEXT, _JSON, sql="%s::text::json"),
    Case("jsonb", conversions.JSON_TEXT, _JSON, sql="%s::text::jsonb"),
    Case("uuid", conversions.UUID, _UUIDS, _uuid_text, "%s::text::uuid"),
)  # fmt: skip
