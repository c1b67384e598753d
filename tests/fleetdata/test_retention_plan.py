"""What may go and what not: rules as they are declared, days as columns say them, and every reason to delete nothing."""

from __future__ import annotations

import dataclasses
import datetime
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import day as days
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.holdings import look
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.model import Retention, Rule
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.plan import Plan, plan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened
from hypothesis import example, given, settings
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)
DAILY = {"day_column": "day"}


def declared(path: Path | str = "/srv/app.db", **tables: dict[str, Any]) -> Retention:
    return parse_all({"app": {"database": str(path), "tables": tables or {"rtb_daily": DAILY}}}, "retention")["app"]


def made(folder: Path, *statements: str, modified: datetime.datetime = NOW) -> Path:
    path = folder / "app.db"
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.executescript(statement)
    database.close()
    os.utime(path, (modified.timestamp(),) * 2)
    return path


def planned(retention: Retention, now: datetime.datetime = NOW) -> Plan:
    with opened(retention.database) as database:
        return plan(retention=retention, found=look(database=database, retention=retention, now=now), now=now)


def daily(folder: Path, *more: str, columns: str = "id INTEGER PRIMARY KEY, day TEXT, n INT", of: int = 120, **options: Any) -> Path:
    """A table with three rows a day of the last ``of`` days, today included."""
    rows = [(NOW.date() - datetime.timedelta(days=back)).isoformat() for back in range(of) for _ in range(3)]
    values = ",".join(f"('{day}', 1)" for day in rows)
    return made(
        folder, f"CREATE TABLE rtb_daily ({columns}); CREATE INDEX d ON rtb_daily (day); INSERT INTO rtb_daily (day, n) VALUES {values};", *more, **options
    )


def test_cs17_cs32_ninety_days_stay_unless_another_number_is_declared() -> None:
    assert declared().rules["rtb_daily"] == Rule(table="rtb_daily", day_column="day", day_format="iso", keep_days=90, proof="rows", max_share=0.3)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, r"tables.t.day_column: is missing; name the column that holds the day, or set keep: forever"),
        ({**DAILY, "keep_day": 3}, r"tables.t.keep_day: is not a setting; keep_days is the nearest"),
        ({**DAILY, "keep_days": 0}, r"tables.t.keep_days: must be a whole number from 1 to"),
        ({**DAILY, "keep": "forever"}, r"tables.t.day_column: has no meaning where keep is forever"),
        ({**DAILY, "proof": "none"}, r"tables.t.acknowledged: is needed where proof is none"),
        ({**DAILY, "acknowledged": "yes"}, r"tables.t.acknowledged: has no meaning where proof is rows"),
        ({**DAILY, "max_share": 1.5}, r"tables.t.max_share: must be a number above 0, and 1 at most"),
        ({**DAILY, "max_share": True}, r"tables.t.max_share: must be a number above 0"),
        ({**DAILY, "day_format": "%d"}, r"tables.t.day_format: '%d' is not one of iso, epoch_s, epoch_ms, julian"),
    ],
)
def test_cs17_each_mistake_in_a_rule_is_named(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^retention: app.{reason}"):
        declared(t=rule)


@pytest.mark.parametrize(
    "data", [{}, {"database": "x.db", "tables": {"t": DAILY}}, {"database": "/x.db", "tables": {}}, {"database": "", "tables": {"t": DAILY}}]
)
def test_cs17_a_retention_names_its_database_and_tables(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^retention: app.(database|tables)"):
        parse_all({"app": data}, "retention")


def test_cs17_a_table_has_one_rule() -> None:
    with pytest.raises(ConfigurationError, match="T and t are the same table"):
        declared(T=DAILY, t=DAILY)


MOMENTS = st.datetimes(min_value=datetime.datetime(1970, 1, 1), max_value=datetime.datetime(2200, 12, 31, 23, 59, 59))


@settings(max_examples=60, deadline=None)
@example(datetime.datetime(2026, 1, 31, 23, 59, 59, 999999))
@example(datetime.datetime(2028, 2, 29))
@given(MOMENTS)
def test_cs32_a_moment_is_of_its_day_in_every_format_and_the_index_finds_it(moment: datetime.datetime) -> None:
    since = moment - datetime.datetime(1970, 1, 1)
    seconds = since // datetime.timedelta(seconds=1)
    milliseconds = since // datetime.timedelta(milliseconds=1)
    for format_, value in [
        ("iso", moment.date().isoformat()),
        ("iso", moment.isoformat()),
        ("iso", moment.isoformat(" ") + "Z"),
        ("epoch_s", seconds),
        ("epoch_s", seconds + 0.5),
        ("epoch_ms", milliseconds),
        ("julian", 2440587.5 + seconds / 86400),
    ]:
        found = day_of(format_, value)
        low, high = days.bounds(moment.date().isoformat(), format_)
        if format_ == "julian":  # a double says a moment to about 40 microseconds there, and SQLite rounds to a millisecond
            assert found in {(moment + datetime.timedelta(seconds=delta)).date().isoformat() for delta in (-0.001, 0, 0.001)}
            low, high = days.bounds(found, format_)
        else:
            assert found == moment.date().isoformat()
        assert low <= value < high


@pytest.mark.parametrize(
    ("format_", "value"),
    [
        *(("iso", value) for value in [None, "", "2026-02-30", "2026-1-31", "31.01.2026", "20260131", 20260131, 2461071.5, "now", "2026-01-31T01:00+02:00"]),
        *(("iso", value) for value in ["2026-01-31 ", "2026-01-310", "1969-12-31", "2201-01-01", b"2026-01-31", "2026-01-31x", "12:00"]),
        *(("epoch_s", value) for value in [None, "1769817600", -1, 1769817600000, b"1"]),
        ("epoch_ms", "x"),
        *(("julian", value) for value in [None, 0, 1769817600, "2461071.5", float("inf")]),
    ],
)
def test_cs32_what_is_no_day_is_none(format_: str, value: object) -> None:
    assert day_of(format_, value) is None


def day_of(format_: str, value: object) -> str | None:
    database = sqlite3.connect(":memory:")
    found = database.execute(f"SELECT {days.expression('x', format_)} FROM (SELECT ? AS x)", (value,)).fetchone()[0]
    database.close()
    return found


def test_cs32_cs34_f49_the_plan_is_the_days_that_are_older_than_declared(tmp_path: Path) -> None:
    path = daily(tmp_path)
    before = path.read_bytes()
    made_plan = planned(declared(path))
    assert [(step.table.name, step.day, step.rows) for step in made_plan.steps] == [
        ("rtb_daily", (NOW.date() - datetime.timedelta(days=back)).isoformat(), 3) for back in range(119, 90, -1)
    ]
    assert all(step.bytes >= 3 * 12 for step in made_plan.steps)
    assert (made_plan.refused, made_plan.notices) == ({}, ())
    assert path.read_bytes() == before


def test_cs33_f52_what_is_kept_forever_is_not_even_read(tmp_path: Path) -> None:
    path = daily(tmp_path, "CREATE TABLE import_history (day TEXT); INSERT INTO import_history VALUES ('2020-01-01')")
    assert {step.table.name for step in planned(declared(path, rtb_daily=DAILY, import_history={"keep": "forever"})).steps} == {"rtb_daily"}


def test_cs32_f48_more_than_the_share_of_a_table_is_refused_and_can_be_allowed(tmp_path: Path) -> None:
    path = daily(tmp_path, of=200)
    refused = planned(declared(path))
    assert refused.steps == ()
    assert refused.refused["rtb_daily"].startswith("327 of the 600 rows of rtb_daily would go, which is 54.5%; one run may delete 30.0% (max_share).")
    assert len(planned(declared(path, rtb_daily={**DAILY, "max_share": 0.55})).steps) == 109


@pytest.mark.parametrize("ahead", [45, 400, 40000])
def test_cs32_f48_a_clock_that_is_far_ahead_deletes_nothing(tmp_path: Path, ahead: int) -> None:
    path = daily(tmp_path)
    now = NOW + datetime.timedelta(days=ahead)
    retention = declared(path, rtb_daily={**DAILY, "max_share": 1})
    assert "is far ahead" in planned(retention, now).refused["rtb_daily"]
    os.utime(path, (now.timestamp(),) * 2)  # the application wrote under the wrong clock already
    refused = planned(retention, now)
    assert refused.steps == ()
    assert "the newest row is of 2026-11-22" in refused.refused["rtb_daily"]
    assert planned(dataclasses.replace(retention, idle_days=ahead), now).steps


def test_cs32_f48_a_clock_behind_the_file_or_the_newest_row_deletes_nothing(tmp_path: Path) -> None:
    path, now = daily(tmp_path), NOW - datetime.timedelta(days=5)
    assert "it is behind" in planned(declared(path), now).refused["rtb_daily"]
    os.utime(path, (now.timestamp(),) * 2)
    assert "The newest row of rtb_daily is of 2026-11-22" in planned(declared(path), now).refused["rtb_daily"]


def test_cs32_rows_without_a_day_are_named_and_stay(tmp_path: Path) -> None:
    path = daily(tmp_path, "INSERT INTO rtb_daily (day) VALUES (NULL), ('01/31/2020'), ('')")
    made_plan = planned(declared(path))
    assert sum(step.rows for step in made_plan.steps) == 87
    (notice,) = made_plan.notices
    assert notice.startswith("3 rows of rtb_daily say no day (day: ")
    assert "'01/31/2020'" in notice


def test_cs32_a_missing_index_is_offered_and_not_made(tmp_path: Path) -> None:
    path = daily(tmp_path, "DROP INDEX d")
    made_plan = planned(declared(path))
    assert made_plan.steps
    (notice,) = made_plan.notices
    offered = notice[notice.index("CREATE INDEX") :]
    assert offered == 'CREATE INDEX "rtb_daily_day" ON "rtb_daily" ("day")'
    made(tmp_path, offered)
    assert planned(declared(path)).notices == ()


CHILD = "CREATE TABLE child (parent INT REFERENCES rtb_daily (id) ON DELETE {});"


@pytest.mark.parametrize(
    ("surroundings", "reason"),
    [
        ("CREATE TRIGGER gone AFTER DELETE ON rtb_daily BEGIN SELECT 1; END;", "has triggers that run when a row is deleted (gone)"),
        (CHILD.format("CASCADE"), "Rows of child refer to rtb_daily with ON DELETE CASCADE"),
        (CHILD.format("SET NULL"), "Rows of child refer to rtb_daily with ON DELETE SET NULL"),
        (CHILD.format("RESTRICT"), ""),
        (CHILD.format("NO ACTION"), ""),
        ("CREATE TRIGGER came AFTER INSERT ON rtb_daily BEGIN DELETE FROM rtb_daily WHERE id < 0; END;", ""),
    ],
)
def test_cs32_what_would_go_or_change_along_refuses(tmp_path: Path, surroundings: str, reason: str) -> None:
    made_plan = planned(declared(daily(tmp_path, surroundings)))
    assert bool(made_plan.steps) == (not reason)
    assert reason in made_plan.refused.get("rtb_daily", "")


def test_cs32_one_table_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    path = daily(tmp_path, "CREATE VIEW all_days AS SELECT * FROM rtb_daily")
    made_plan = planned(declared(path, gone=DAILY, all_days=DAILY, RTB_DAILY={"day_column": "DAY"}))
    assert {step.table.name for step in made_plan.steps} == {"rtb_daily"}
    assert set(made_plan.refused) == {"gone", "all_days"}
    assert "has no column 'date'; it has id, day, n" in planned(declared(path, rtb_daily={"day_column": "date"})).refused["rtb_daily"]


def test_cs32_an_empty_table_needs_nothing(tmp_path: Path) -> None:
    assert planned(declared(daily(tmp_path, "DELETE FROM rtb_daily"))) == Plan()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "must be a mapping with at least one database"),
        ([], "must be a mapping with at least one database"),
        ({"": {}}, "'': is no name for a database"),
        ({7: {}}, "7: is no name for a database"),
        ({"app": {"name": "other"}}, r"app\.name: is not a setting"),
    ],
)
def test_cs17_databases_are_declared_by_their_names(data: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^retention: {reason}"):
        parse_all(data, "retention")
