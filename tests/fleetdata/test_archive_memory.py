"""The archive's memory does not grow with the file: a host of 1 GB archives any report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from archive_runs import Bucket
from csv_files import COLUMNS

PROJECT = Path(__file__).parents[2]
MOST_MIB = 96
# The package as hosts have it, in a process of its own. Its ru_maxrss would begin with that of the process that started it; VmHWM does not.
ARCHIVE = """
import datetime, sys
from fleetdata.archive import archive_files
from fleetdata.model import Archive, ReportType
from fleetdata.store import connect
path, bucket, endpoint, columns = sys.argv[1:]
report = ReportType(name="performance", columns=tuple(columns.split(";")), day_column="Day")
archive = Archive(bucket=bucket, region="eu-central-1", reports={"performance": report}, endpoint_url=endpoint)
(outcome,) = archive_files(
    store=connect(archive=archive), archive=archive, files=[(path, "performance")], check=False,
    clock=lambda: datetime.datetime.now(datetime.timezone.utc), host="h",
)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(outcome.status, outcome.rows, outcome.object_bytes, int(peak) // 1024)
"""


def test_300_mb_in_less_than_96_mib(archive: Archive, tmp_path: Path) -> None:
    path, rows = tmp_path / "large.csv", 0
    with path.open("wb") as file:
        file.write(",".join(COLUMNS).encode() + b"\n")
        while file.tell() < 300_000_000:
            file.write(
                b"".join(
                    b"2026-01-31,1234567,creative%d,%d,%d,%d.50\n" % (row * 7919 % 1000003, row % 977, row % 89, row % 90) for row in range(rows, rows + 50000)
                )
            )
            rows += 50000
    command = [sys.executable, "-c", ARCHIVE, str(path), archive.bucket, archive.endpoint_url, ";".join(COLUMNS)]
    done = subprocess.run(command, cwd=PROJECT / "plugins" / "module_utils", capture_output=True, text=True, check=True)
    status, counted, packed, peak = done.stdout.split()
    assert (status, int(counted)) == ("uploaded", rows)
    assert int(packed) > 3 * 8 << 20
    assert int(peak) < MOST_MIB
    Bucket(archive).check_whole()
