"""Whatever happens to rows and objects while retention runs: no row is lost, and no day that nothing happened to is refused."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text, Value
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import DELETED, STOPPED, Report
from archive_runs import Bucket
from archived_days import packed, without_versions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from retention_runs import archived, database, held, run
from retention_values import DAYS, OLD, ROW, TABLES, insert

EVENT = st.tuples(
    st.sampled_from(["late", "change", "remove", "move", "spoil", "swap", "delete object"]), st.sampled_from(OLD), st.lists(ROW, min_size=1, max_size=2)
)
NUMBERS = itertools.count(1)


@dataclass
class World:
    """A database beside a bucket without versions, and what must be in one of the two. touched: days to which something happened.

    expected: lines of rows. A row that is equal to one that went before, its number included, is that row.
    """

    archive: Archive
    path: Path
    expected: Counter[bytes] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)

    def insert(self, some: list[tuple[str, Value, Value]]) -> None:
        insert(self.path, some)

    def sql(self, statement: str, values: list[Any]) -> None:
        with closing(sqlite3.connect(self.path)) as other, other:
            other.execute(statement, values)

    def happen(self, kind: str, its_day: str, some: list[tuple[str, Value, Value]], key: str) -> None:
        """Let something happen while ``key`` is read, and keep account of what the application itself added, changed and removed."""
        before = held(self.path)
        named = next(one for one in OLD if one in key)
        self.touched.add(named if kind in ("spoil", "swap", "delete object") else its_day)
        if kind == "late":
            self.insert([(its_day, *values) for _, *values in some])
        elif kind == "change":
            self.sql("UPDATE OR IGNORE t SET b = 7 WHERE day = ?", [its_day])
        elif kind == "remove":
            self.sql("DELETE FROM t WHERE day = ?", [its_day])
        elif kind == "move":
            self.sql("UPDATE OR IGNORE t SET day = ? WHERE day = ?", [DAYS[-1], its_day])
        elif kind == "spoil":
            Bucket(self.archive).put(key, Bucket(self.archive).body(key)[:-3])
        elif kind == "swap":
            Bucket(self.archive).put(key, packed(b"day,a\n"))
        else:
            Bucket(self.archive).client.delete_object(Bucket=self.archive.bucket, Key=key)
        after = held(self.path)
        self.expected |= after - before
        self.expected -= before - after

    def check(self, report: Report) -> None:
        assert not report.refused
        assert not self.expected - (held(self.path) | archived(self.archive))
        assert {result.status for result in report.results} <= {DELETED, STOPPED}
        assert all(result.status == DELETED or result.day in self.touched for result in report.results)
        assert all(result.reason for result in report.results if result.status == STOPPED)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(TABLES), st.lists(ROW, max_size=12), st.lists(st.tuples(st.integers(1, 8), EVENT), max_size=4), st.lists(ROW, max_size=3))
def test_cs32_cs35_f48_no_row_is_lost_and_no_clean_day_refused(
    archive: Archive, table: str, first: list[Any], events: list[tuple[int, Any]], later: list[Any]
) -> None:
    one = dataclasses.replace(archive, prefix=f"case-{next(NUMBERS)}/")
    one = without_versions(one) if one.prefix == "case-1/" else dataclasses.replace(one, bucket=f"{archive.bucket}-plain")
    with tempfile.TemporaryDirectory() as folder:
        world = World(one, database(Path(folder), table))
        world.insert([*first, (DAYS[-1], 1, Text(b"newest"))])
        world.expected |= held(world.path)
        happens = {number: lambda key, event=event: world.happen(*event, key) for number, event in events}
        world.check(run(one, world.path, happens=happens))
        world.touched.clear()
        before = held(world.path)
        world.insert(later)
        world.expected |= held(world.path) - before
        report = run(one, world.path)
        world.check(report)
        assert all(result.status == DELETED for result in report.results)
        assert run(one, world.path).results == ()
