"""A host with 1 GB asks of more rows than it could hold: a query stays below 96 MiB (F44)."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import cli
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.archived import rows_archive
from archive_runs import run
from command import declare
from retention_runs import database, day

DAYS, EACH = 5, 100_000
RUN = """
import sys
from fleetdata.cli import main
code = main(["query", sys.argv[2], "--format", "csv", "--config", sys.argv[1]], stdout=sys.stdout, stderr=sys.stderr)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(code, int(peak) / 1024)
"""


def test_f44_a_query_over_half_a_million_archived_rows_stays_below_96_mib(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, site TEXT, n REAL)")
    place = dataclasses.replace(rows_archive(archive=archive, name="app", columns={"t": rows.header(("id", "day", "site", "n"))}), compression="fast")
    files = []
    for number in range(DAYS):
        its_day = day(100 - number)
        files.append(tmp_path / f"t-{its_day}.csv")
        first = number * EACH
        files[-1].write_text(
            "id,day,site,n,_types\n" + "".join(f"{row},{its_day},site number {row * 7919 % EACH},{row}.5,ittr\n" for row in range(first, first + EACH))
        )
    assert all(outcome.status == "uploaded" for outcome in run(place, *files, report="t"))
    configuration = declare(archive, tmp_path)
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d" / "rows.json").write_text(json.dumps({"retention": {"app": {"database": str(path), "tables": {"t": {"day_column": "day"}}}}}))
    library = cli.__file__.rpartition("/fleetdata/")[0]
    # Sorts, groups and joins all of it.
    each = "SELECT site, count(*) AS c FROM t GROUP BY site"
    sql = f"SELECT count(*), sum(n), max(line) FROM (SELECT t.n, site || id AS line FROM t JOIN ({each}) USING (site) ORDER BY line)"

    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {library!r})\n{RUN}", str(configuration), sql]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    _, answer, last = done.stdout.splitlines()
    assert answer.split(",")[:2] == ["500000", str(sum(range(DAYS * EACH)) + DAYS * EACH * 0.5)]
    code, peak = last.split()
    assert int(code) == 0, done.stderr
    assert float(peak) < 96
