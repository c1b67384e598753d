"""A life of a database with retention, drawn by a number: imports, late and corrected rows, wrong clocks, faults in the bucket, runs that die at any step.

What was ever in the table is in it or in the archive, and a run to which nothing happens deletes all that is old enough. In the end rows come back.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import os
import random
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import DamageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.keys import MANIFEST
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import CONFLICT, DAMAGED, UNCHANGED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.restore import RESTORED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.bring_back import Asked, bring_back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rows import Text
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import DELETED, Context, Report, retain
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened, read_table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.sql import statement
from archive_runs import NOON
from bucket_in_memory import BucketInMemory
from retention_values import DAYS, OLD, TABLES

ARCHIVE = Archive(bucket="in-memory", region="eu-central-1", reports={}, concurrency=1)
VALUES = [None, 0, -1, 7, 2**63 - 1, 0.5, -0.0, 1e300, b"", b"\0\xff", b'"', Text(b""), Text(b"a"), Text(b"a"), Text(b"b,\r\n"), Text(b"\xff"), Text(b'"x"')]
MOST_STEPS = 120
Lines = set[bytes]


class Killed(BaseException):
    """The run is dead."""


class Steps:
    """Steps of a run, of which one may kill it, and others let something happen."""

    def __init__(self) -> None:
        self.taken, self.fatal, self.dead = 0, 0, False
        self.events: dict[int, Callable[[str], None]] = {}
        self.busy = False

    def step(self, _: str, key: str = "") -> None:
        if self.busy:
            return
        self.taken += 1
        if event := self.events.pop(self.taken, None):
            self.busy = True
            event(key)
            self.busy = False
        if self.dead or self.taken == self.fatal:
            self.dead = True
            raise Killed


class Case:
    """One life. seed: draws it. folder: an empty one."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.draw = random.Random(seed)
        self.path = folder / "app.db"
        self.work = folder / "work"
        self.work.mkdir()
        self.steps = Steps()
        self.store = BucketInMemory(versioned=self.draw.random() < 0.5, happens=self.steps.step)
        self.expected: Lines = set()
        self.clean = True
        self.faulty = self.died = False
        self.together = seed % 3 == 0
        if self.together:  # one day is deleted while the next is proved
            self.sql("PRAGMA journal_mode = WAL")
        self.sql(self.draw.choice(TABLES))
        self.sql(f"INSERT INTO t (day, a, b) VALUES ('{DAYS[-1]}', 1, 'newest')")

    def live(self) -> None:
        """Live it, and look after each step whether all is there."""
        for _ in range(self.draw.randint(1, 3)):
            self.application(self.draw.randint(0, 6))
            self.trouble()
            report = self.run(self.shift())
            self.check()
            if self.clean:
                assert report and not report.refused
                assert all(result.status == DELETED for result in report.results), report.results
        self.application(self.draw.randint(0, 3))
        report = self.run(datetime.timedelta())
        self.check()
        assert report and not report.refused
        assert all(result.status == DELETED for result in report.results), report.results
        again = self.run(datetime.timedelta())
        assert again and again.results == ()
        self.bring_back()

    # The application

    def sql(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        with closing(sqlite3.connect(self.path)) as other, other:
            other.execute(sql, values) if values else other.executescript(sql)

    def application(self, changes: int) -> None:
        """What the application does between runs and beside them: account is kept of each row that comes and goes."""
        before = self.held()
        with closing(sqlite3.connect(self.path)) as other, other:
            for _ in range(changes):
                with suppress(sqlite3.IntegrityError):  # what the table does not allow
                    self.change(other)
        after = self.held()
        self.expected = (self.expected - (before - after)) | (after - before)

    def change(self, other: sqlite3.Connection) -> None:
        kind, day = self.draw.choice(["import"] * 5 + ["correct", "remove", "move", "undated"]), self.draw.choice(OLD)
        if kind == "import":
            (one, a), (two, b) = (rows.bound(self.draw.choice(VALUES)) for _ in range(2))
            how = self.draw.choice(["IGNORE", "IGNORE", "REPLACE"])
            other.execute(f"INSERT OR {how} INTO t (day, a, b) VALUES (?, {one}, {two})", [self.draw.choice(DAYS), a, b])
        elif kind == "correct":
            other.execute("UPDATE OR IGNORE t SET b = ? WHERE day = ?", (self.draw.randint(0, 9), day))
        elif kind == "remove":
            other.execute("DELETE FROM t WHERE day = ?", (day,))
        elif kind == "move":
            other.execute("UPDATE OR IGNORE t SET day = ? WHERE day = ?", (self.draw.choice(DAYS), day))
        else:
            other.execute("INSERT OR IGNORE INTO t (day, a, b) VALUES ('2026-13-01', 1, ?)", (self.draw.randint(0, 9),))

    # What goes wrong

    def trouble(self) -> None:
        """Plan what will happen in the next run: nothing, something at some of its steps, or its end."""
        self.steps.taken, self.steps.fatal, self.steps.dead = 0, 0, False
        kind = self.draw.choice(["nothing", "beside", "fault", "kill", "all"])
        if kind in ("beside", "all"):
            for _ in range(self.draw.randint(1, 3)):
                self.steps.events[self.draw.randint(1, MOST_STEPS)] = lambda key: self.application(1)
        if kind in ("fault", "all") and not self.together:  # a fault may hit what is being deleted: nobody can know of that
            for _ in range(self.draw.randint(1, 2)):
                self.steps.events[self.draw.randint(1, MOST_STEPS)] = self.fault
        if kind in ("kill", "all"):
            self.steps.fatal = self.draw.randint(1, MOST_STEPS)
        self.clean = kind == "nothing"

    def fault(self, key: str) -> None:
        """Damage, swap or delete an object, or a manifest. What nothing else holds was lost by that, not by retention.

        Not between the last look at it and the deletion of its rows, which nobody can know of: while an object is read, that is it, and its manifest was.
        """
        if not key:
            self.steps.events[self.steps.taken + 1] = self.fault
            return
        there = self.store.listed()
        key = key if key.endswith(".csv.gz") or (key in there and self.draw.random() < 0.5) else self.draw.choice(there or [""])
        found = self.store.now(key)
        if found is None:
            return
        before, body = self.archived(), found.body or b""
        kind = self.draw.choice(["flip", "cut", "swap", "delete", "destroy"])
        if kind == "flip":
            at = self.draw.randrange(len(body) or 1)
            self.store.put(key, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else b"x", found.metadata)
        elif kind == "cut":
            self.store.put(key, body[:-3], found.metadata)
        elif kind == "swap":
            other = self.store.now(self.draw.choice(there))
            self.store.put(key, other.body if other else b"", found.metadata)
        elif kind == "delete":
            self.store.put(key, None)
        else:
            self.store.destroy(key)
        self.expected -= (before - self.archived()) - self.held()
        self.faulty = True

    def shift(self) -> datetime.timedelta:
        """How wrong the clock is."""
        days = self.draw.choice([0] * 7 + [-400, -3, 1, 9, 29, 40, 4000])
        self.clean &= not days
        return datetime.timedelta(days=days)

    # Runs

    def run(self, shift: datetime.timedelta) -> Report | None:
        """A run. None when it died."""
        os.utime(self.path, (NOON.timestamp(),) * 2)
        self.steps.taken = 0
        context = Context(
            store=self.store, archive=ARCHIVE, work=str(self.work), host="catscan-1", clock=lambda: NOON + shift, sleep=lambda _: self.steps.step("sleep"),
            monotonic=lambda: 0.0,
        )  # fmt: skip
        rule = {"day_column": "day", "max_share": 1}
        retention = parse_all({"app": {"database": str(self.path), "tables": {"t": rule}}}, "retention")["app"]
        steps = self.steps

        class Counted(sqlite3.Connection):
            """Each statement is a step."""

            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if not self.in_transaction and not sql.startswith("PRAGMA"):
                    steps.step(sql)
                return super().execute(sql, *values)

        connect = sqlite3.connect
        with mock.patch("sqlite3.connect", lambda *names, **options: connect(*names, **({"factory": Counted} if "timeout" in options else {}), **options)):
            try:
                return retain(retention=retention, context=context, check=False)
            except Killed:
                self.died = True
                return None
            finally:
                self.steps.events.clear()
                self.steps.fatal, self.steps.dead = 0, False

    def check(self) -> None:
        lost = self.expected - self.held() - self.archived()
        assert not lost, lost

    def held(self) -> Lines:
        with closing(sqlite3.connect(self.path)) as there:
            there.text_factory = Text
            known = read_table(there, "t")
            return {rows.line(row) for row in there.execute(statement("SELECT", known.listed, "FROM", known.quoted))}

    def archived(self) -> Lines:
        """The lines of all objects that are still what their manifests say, read without the library's own reader."""
        found: Lines = set()
        for key in self.store.listed():
            if key.endswith(MANIFEST):
                with suppress(DamageError, OSError, EOFError, ValueError, zlib.error):
                    said = manifest.parse((self.store.now(key) or self.store.put(key, b"")).body or b"", key=key)
                    there = self.store.now(said.key, said.version_id)
                    if said.verified and there and f"{said.key}{MANIFEST}" == key:
                        body = there.body or b""
                        if hashlib.sha256(body).hexdigest() == said.object_sha256:
                            _, *lines = rows.lines(rows.parts([gzip.decompress(body)]))
                            found |= set(lines)
        return found

    def bring_back(self) -> None:
        """What was archived comes back, once."""
        expected = self.expected
        with opened(str(self.path)) as into:
            results = bring_back(asked=Asked(name="app", table="t"), database=into, store=self.store, archive=ARCHIVE)
            known = read_table(into, "t")
        assert {one.status for one in results} <= {RESTORED, UNCHANGED, CONFLICT, *([DAMAGED] if self.faulty or self.died else [])}, results
        there = self.held()
        bare = 1 if known.rowid else 0
        cells = {rows.values(line)[bare:] for line in there}
        keys = {tuple(rows.values(line)[place] for place in known.key_places) for line in there} if known.primary else set()
        for line in expected:
            row = rows.values(line)
            assert row[bare:] in cells or tuple(row[place] for place in known.key_places) in keys, line
        with opened(str(self.path)) as into:
            again = bring_back(asked=Asked(name="app", table="t"), database=into, store=self.store, archive=ARCHIVE)
        assert not any(one.added for one in again)
        assert self.held() == there
