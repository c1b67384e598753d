"""A value that went to PostgreSQL and comes back is the value that SQLite had: in the form that its column's values have."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import conversions as c
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.planned import ColumnPlan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reverse import reverser
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.reverse_times import UnlikeError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.survey import Values
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from hypothesis import given
from hypothesis import strategies as st

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MOMENTS = st.datetimes(min_value=datetime.datetime(1900, 1, 1), max_value=datetime.datetime(2200, 1, 1))


def _back(conversion: str, sample: list[object], text: str | None, *, kind: str = "text", **more: object) -> object:
    column = ColumnPlan(source="x", target="x", type=kind, conversion=conversion, values=Values(rows=len(sample)), why="", **more)
    value = reverser(column, sample)(text)
    assert value is None or type(value) in (int, float, str, bytes, Text)
    return value


def _server(at: datetime.datetime) -> str:
    """As PostgreSQL writes a timestamp: a fraction without zeros at its end."""
    said = at.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    return said + (f".{at.microsecond:06}".rstrip("0") if at.microsecond else "")


CASES = [
    (c.INTEGER, [1], "-9223372036854775808", -(1 << 63)),
    (c.FLOAT, [1.5], "3", 3.0),
    (c.FLOAT, [1, 2], "3", 3),
    (c.FLOAT, [], "-Infinity", float("-inf")),
    (c.NUMERIC, [1, 2], "10000000000000000000", 1e19),
    (c.NUMERIC, [1, 2.5], "12.50", 12.5),
    (c.NUMERIC, [1.5], "12", 12.0),
    (c.NUMERIC, ["12.50"], "0.10", "0.10"),
    (c.NUMERIC, [1], "0.1234567890123456789", "0.1234567890123456789"),
    (c.TEXT, ["a"], "", ""),
    (c.ANY_TEXT, [1, "a"], "12", 12),
    (c.ANY_TEXT, [1, "2", "3"], "12", "12"),
    (c.ANY_TEXT, [1.5, "a"], "2.5", 2.5),
    (c.ANY_TEXT, [1], "007", "007"),
    (c.BYTES, [b"a"], "\\x00ff", b"\0\xff"),
    (c.BYTES, ["a"], "\\x61", "a"),
    (c.BYTES, ["a"], "\\xff", Text(b"\xff")),
    (c.BOOLEAN, [0, 1], "true", 1),
    (c.BOOLEAN, ["t"], "false", "f"),
    (c.BOOLEAN, ["No"], "true", "Yes"),
    (c.BOOLEAN, ["TRUE", "FALSE"], "false", "FALSE"),
    (c.BOOLEAN, ["1"], "false", "0"),
    (c.DATE, ["2026-01-02"], "2026-02-03", "2026-02-03"),
    (c.TIME, ["10:00"], "09:30:00", "09:30"),
    (c.TIME, ["10:00:00"], "09:30:00.25", "09:30:00.25"),
    (c.MOMENT, ["2026-01-02 10:00:00"], "2026-02-03 04:05:06", "2026-02-03 04:05:06"),
    (c.MOMENT, ["2026-01-02T10:00:00.000000"], "2026-02-03 04:05:06.5", "2026-02-03T04:05:06.500000"),
    (c.MOMENT, ["2026-01-02T10:00:00.123"], "2026-02-03 04:05:06", "2026-02-03T04:05:06.000"),
    (c.MOMENT, ["2026-01-02 10:00:00.123456", "2026-01-02 10:00:00"], "2026-02-03 04:05:06", "2026-02-03 04:05:06"),
    (c.MOMENT, ["2026-01-02T10:00"], "2026-02-03 04:05:00", "2026-02-03T04:05"),
    (c.MOMENT, ["2026-01-02"], "2026-02-03 00:00:00", "2026-02-03"),
    (c.MOMENT, ["2026-01-02T10:00:00Z"], "2026-02-03 04:05:06+00", "2026-02-03T04:05:06Z"),
    (c.MOMENT, ["2026-01-02 10:00:00-02:30"], "2026-02-03 01:05:06+00", "2026-02-02 22:35:06-02:30"),
    (c.SECONDS, [1], "2026-02-03 04:05:06", 1770091506),
    (c.SECONDS, [1], "2026-02-03 04:05:06.25", 1770091506.25),
    (c.SECONDS, [1.5], "2026-02-03 04:05:06", 1770091506.0),
    (c.MILLISECONDS, [1], "2026-02-03 04:05:06.007", 1770091506007),
    (c.MICROSECONDS, [1], "1969-12-31 23:59:59.999999", -1),
    (c.JULIAN, [2451545.25], "2000-01-01 12:00:00", 2451545.0),
    (c.JULIAN, [2451545], "2000-01-01 12:00:00", 2451545),
    (c.JSON_TEXT, ["{}"], '{"a":  1}', '{"a":  1}'),
    (c.UUID, [], "00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"),
    (c.UUID, ["0" * 31 + "A"], "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899AABBCCDDEEFF"),
    (c.UUID, [b"0" * 16], "00112233-4455-6677-8899-aabbccddeeff", bytes.fromhex("00112233445566778899aabbccddeeff")),
]


@pytest.mark.parametrize(("conversion", "sample", "text", "value"), CASES)
def test_f64_a_value_takes_the_form_of_its_column(conversion: str, sample: list[object], text: str, value: object) -> None:
    back = _back(conversion, sample, text)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize(
    ("conversion", "sample", "text"),
    [
        (c.INTEGER, [1], "9223372036854775808"),
        (c.FLOAT, [1.5], "NaN"),
        (c.NUMERIC, [1], "NaN"),
        (c.JULIAN, [2451545.25], "2000-01-01 12:00:00.0001"),
        (c.MOMENT, ["2026-01-02"], "infinity"),
        (c.MOMENT, ["2026-01-02"], "0044-03-15 00:00:00 BC"),
        (c.SECONDS, [1], "12026-02-03 04:05:06"),
        (c.DATE, ["2026-01-02"], "12026-02-03"),
        (c.TIME, ["10:00"], "24:00:00"),
    ],
)
def test_f64_what_sqlite_cannot_hold_in_that_form_is_said(conversion: str, sample: list[object], text: str) -> None:
    with pytest.raises(UnlikeError, match=r"^is "):
        _back(conversion, sample, text)


def test_f64_null_comes_back_as_the_empty_text_it_was() -> None:
    assert _back(c.TEXT, [""], None) is None
    assert _back(c.TEXT, [""], None, empty_is_null=True) == ""


@given(st.floats(allow_nan=False), st.booleans())
def test_f64_every_real_comes_back(number: float, numeric: bool) -> None:
    if numeric and abs(number) != float("inf"):
        assert _back(c.NUMERIC, [1.5], format(Decimal(repr(number)), "f")) == number
    else:
        assert _back(c.FLOAT, [1.5], repr(number)) == number


@given(_MOMENTS, st.sampled_from(" T"), st.sampled_from([0, 3, 6]), st.sampled_from(["", "Z", "+00:00", " +05:30", "-03:00"]))
def test_f64_every_moment_comes_back_as_it_was_written(at: datetime.datetime, between: str, digits: int, zone: str) -> None:
    at = at.replace(microsecond=at.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    fraction = f".{at.microsecond:06}"[: digits + 1] if digits else ""
    said = f"{at.date().isoformat()}{between}{at:%H:%M:%S}{fraction}{zone}"
    instant = datetime.datetime.fromisoformat(f"{at.isoformat()}{zone.strip().replace('Z', '+00:00')}")
    server = f"{_server(instant.astimezone(datetime.UTC))}+00" if zone else _server(at)
    kind = "timestamp with time zone" if zone else "timestamp without time zone"
    assert _back(c.MOMENT, [said], server, kind=kind) == said


@given(
    st.integers(-2_000_000_000_000_000, 7_000_000_000_000_000),
    st.sampled_from([(c.SECONDS, 1_000_000), (c.MILLISECONDS, 1000), (c.MICROSECONDS, 1)]),
    st.booleans(),
)
def test_f64_every_number_of_an_epoch_comes_back(count: int, how: tuple[str, int], real: bool) -> None:
    conversion, unit = how
    number = count / unit if real else count // unit * unit // unit
    at = _EPOCH + datetime.timedelta(microseconds=round(number * unit))
    assert _back(conversion, [1.5 if real else 1], _server(at)) == number


@given(st.integers(-2_000_000_000_000, 7_000_000_000_000))
def test_f64_every_julian_day_of_a_millisecond_comes_back(milliseconds: int) -> None:
    day = (milliseconds + 210_866_760_000_000) / 86_400_000
    assert _back(c.JULIAN, [1.5], _server(_EPOCH + datetime.timedelta(milliseconds=milliseconds))) == day


@given(st.uuids(), st.sampled_from(["text", "plain", "upper", "blob"]))
def test_f64_every_uuid_comes_back(one: uuid.UUID, form: str) -> None:
    said = {"text": str(one), "plain": one.hex, "upper": f"{one}".upper(), "blob": one.bytes}[form]
    sample = {"text": str(one), "plain": "a" * 32, "upper": "ABCDEF00-0000-0000-0000-000000000000", "blob": one.bytes}[form]
    assert _back(c.UUID, [sample], str(one)) == said
