"""The table: Cat-Scan's own ``rtb_daily`` with 120 full days, of which retention of 90 days takes a quarter; made once for each size and day."""

from __future__ import annotations

import datetime
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.archive.reports import ROOT

DAYS, KEPT = 120, 90
MAKE = "import sys; from pathlib import Path; from catscan.database import connect\nwith connect(Path(sys.argv[1])): pass"
# Rows of a day in the order of the primary key, as an importer writes a sorted report: 400 rows of each billing id, 40 of each creative.
FILL = """
INSERT INTO rtb_daily
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
SELECT ?2, 1000000000 + i / 400, printf('creative-%08d', i / 40), substr('160x600300x250320x100728x900', 1 + 7 * (i / 10 % 4), 7),
  char(65 + i % 10, 68 + i % 7), abs(random() % 90000), abs(random() % 9000), abs(random() % 90), abs(random() % 90000000) FROM n
"""


@dataclass(frozen=True)
class Filled:
    """A database as every run gets a copy of it. today: the day it was made for, in UTC. rows: all of them."""

    path: Path
    today: datetime.date
    rows: int

    @property
    def cutoff(self) -> str:
        """The first day that stays, ISO."""
        return (self.today - datetime.timedelta(days=KEPT)).isoformat()

    @property
    def old_days(self) -> list[str]:
        """The days that go."""
        return [(self.today - datetime.timedelta(days=back)).isoformat() for back in range(DAYS, KEPT, -1)]

    @property
    def old(self) -> int:
        """The rows that go."""
        return self.rows // DAYS * len(self.old_days)

    def copy(self, target: Path) -> None:
        """A copy for one run, written to the disk before it begins."""
        subprocess.run(["cp", "--reflink=auto", self.path, target], check=True)
        os.sync()

    def complaint(self, path: Path, written: int) -> str:
        """What shows that a run did not do its work, or took more; empty: it did. written: rows that the writer committed meanwhile."""
        with closing(sqlite3.connect(path)) as database:
            left, kept = database.execute(
                "SELECT count(*) FILTER (WHERE day < ?1), count(*) FILTER (WHERE day >= ?1) FROM rtb_daily", (self.cutoff,)
            ).fetchone()
        wanted = self.rows - self.old + written
        return "" if (left, kept) == (0, wanted) else f"{left} old rows are left, and {kept} instead of {wanted} others"


def make(*, rows: int, folder: Path) -> Filled:
    """The database, from ``folder`` where it lies already."""
    today = datetime.datetime.now(datetime.UTC).date()
    filled = Filled(path=folder / f"rtb-{rows}-{today}.db", today=today, rows=rows // DAYS * DAYS)
    if not filled.path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = filled.path.with_suffix(".part")
        part.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-c", MAKE, part], check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "files/apps/catscan")})
        with closing(sqlite3.connect(part, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = OFF")
            for back in range(DAYS, 0, -1):
                database.execute(FILL, (rows // DAYS, (today - datetime.timedelta(days=back)).isoformat()))
        part.rename(filled.path)
    return filled
