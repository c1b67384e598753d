"""Who takes old rows out against whom: what each is told to do, as a script for bash in an empty directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.archive.bucket import NAME, REGION
from benchmarks.archive.reports import ROOT
from benchmarks.retention.table import KEPT, Filled

OURS, PLAIN = "fleetdata retain", "DELETE, VACUUM"
EXPORT, EXPORT_DAYS = "sqlite3 -csv | gzip | aws s3 cp, DELETE", "the same, day by day"
REPORT = {"columns": ["Day"], "day_column": "Day", "files": ["/nowhere/*.csv"]}
ARCHIVE = {"bucket": NAME, "region": REGION, "key": "{report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz", "reports": {"performance": REPORT}}
SQL = f"sqlite3 -cmd '.timeout {3600 * 1000}'"


@dataclass(frozen=True)
class Contestant:
    """One way to get rid of old rows. script: for bash -euo pipefail, told the table and the database. archives: whether the rows are in the bucket then."""

    name: str
    script: Callable[[Filled, Path], str]
    archives: bool


def _ours(_: Filled, database: Path) -> str:
    declared = {"catscan": {"database": str(database), "tables": {"rtb_daily": {"day_column": "day", "keep_days": KEPT}}}}
    return f"""mkdir archive.d
echo '{json.dumps(ARCHIVE)}' > archive.json
echo '{json.dumps({"retention": declared})}' > archive.d/retention.json
PYTHONPATH={ROOT / "plugins/module_utils"} exec python -m fleetdata retain --config archive.json"""


def _plain(filled: Filled, database: Path) -> str:
    return f"""{SQL} {database} "DELETE FROM rtb_daily WHERE day < '{filled.cutoff}'; VACUUM" """


def _export(filled: Filled, database: Path) -> str:
    rows = f"rtb_daily WHERE day < '{filled.cutoff}'"
    return f"""{SQL} -csv -header {database} "SELECT * FROM {rows}" | gzip | aws s3 cp --only-show-errors - s3://{NAME}/{filled.cutoff}.csv.gz
{SQL} {database} "DELETE FROM {rows}" """


def _export_days(filled: Filled, database: Path) -> str:
    return f"""for day in {" ".join(filled.old_days)}; do
  {SQL} -csv -header {database} "SELECT * FROM rtb_daily WHERE day = '$day'" | gzip | aws s3 cp --only-show-errors - s3://{NAME}/$day.csv.gz
  {SQL} {database} "DELETE FROM rtb_daily WHERE day = '$day'"
done"""


CONTESTANTS = (
    Contestant(OURS, _ours, archives=True),
    Contestant(PLAIN, _plain, archives=False),
    Contestant(EXPORT, _export, archives=True),
    Contestant(EXPORT_DAYS, _export_days, archives=True),
)
