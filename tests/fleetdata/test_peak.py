"""A host with 1 GB archives whatever it has: a run stays below 96 MiB (F44)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from csv_files import COLUMNS

# The highest that it ever was, since the program began; a child's ru_maxrss begins with that of its parent.
RUN = """
import io, sys
from fleetdata.cli import main
code = main(["archive", "--config", sys.argv[1]], stdout=io.StringIO(), stderr=sys.stderr)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(code, int(peak) / 1024)
"""


@pytest.mark.parametrize(("files", "megabytes"), [(1, 64), (8, 10)])
def test_f44_an_archive_run_stays_below_96_mib(archive: Archive, tmp_path: Path, files: int, megabytes: int) -> None:
    for number in range(files):
        day = f"{2000 + number // 28}-01-{number % 28 + 1:02d}"
        rows = (f'{day},1234567,"creative, {row}",{row * 31 % 977},{row % 7},{row % 89}.{row % 100:02d}\n' for row in range(1000))
        block = "".join(rows)
        (tmp_path / f"catscan-performance-{day}.csv").write_text(",".join(COLUMNS) + "\n" + block * (megabytes * 1_000_000 // len(block)))
    report = {"columns": COLUMNS, "day_column": "Day", "files": [f"{tmp_path}/*.csv"]}
    declared = {"bucket": archive.bucket, "region": archive.region, "endpoint_url": archive.endpoint_url, "reports": {"performance": report}}
    (tmp_path / "archive.json").write_text(json.dumps(declared))
    library = cli.__file__.rpartition("/fleetdata/")[0]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {library!r})\n{RUN}", str(tmp_path / "archive.json")]

    code, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert int(code) == 0
    assert float(peak) < 96
