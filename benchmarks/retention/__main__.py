"""``python -m benchmarks.retention``: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import command
from benchmarks.archive.bucket import NAME, Bucket, bucket
from benchmarks.archive.contestants import tools
from benchmarks.archive.meters import measure
from benchmarks.command import say
from benchmarks.retention import report, table, writer
from benchmarks.retention.contestants import CONTESTANTS, Contestant
from benchmarks.retention.table import Filled


def arguments() -> argparse.Namespace:
    """What the command line says."""
    names = [one.name for one in CONTESTANTS]
    parser = command.parser("retention", "Compare ways to take old rows out of a SQLite table.", rounds="each contestant", names=names)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the table; a quarter of them goes (default 5000000)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "steady-benchmark-retention", help="keeps the table; 90 bytes a row")
    return parser.parse_args()


def run(contestant: Contestant, filled: Filled, programs: Sequence[Path]) -> report.Run:
    """Take the old rows out of a new copy once, with an empty bucket of a new server."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=filled.path.parent) as scratch, bucket(Path(scratch)) as running:
        work, database = Path(scratch) / "work", Path(scratch) / "catscan.db"
        work.mkdir()
        filled.copy(database)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEETDATA_", "PYTHON"))}
        paths = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        before = sum(running.requests().values())
        with writer.beside(database, filled.today.isoformat(), Path(scratch) / "commits.json") as other:
            started = time.monotonic()
            cost = measure(
                ["bash", "-euo", "pipefail", "-c", contestant.script(filled, database)],
                folder=work,
                environment={**kept, **running.environment(), "PATH": paths, "HOME": scratch, "TMPDIR": scratch},
                server=running.pid,
            )
            ended = time.monotonic()
        waits = other.waits(started, ended)
        requests = sum(running.requests().values()) - before
        complaint = other.complaint or (f"exit status {cost.status}" if cost.status else filled.complaint(database, len(other.commits)))
        complaint = complaint or (_missing(running, filled) if contestant.archives else "")
        if complaint:
            say(cost.output[-3000:])
        return report.Run(
            name=contestant.name,
            rows=filled.old,
            wall=cost.wall,
            client=cost.client,
            server=cost.server,
            other=cost.other,
            peak=cost.peak,
            commits=len(waits),
            p50=waits[len(waits) // 2] * 1000,
            p99=waits[len(waits) * 99 // 100] * 1000,
            longest=waits[-1] * 1000,
            requests=requests,
            size=database.stat().st_size,
            load=os.getloadavg()[0],
            complaint=complaint,
        )


def _missing(running: Bucket, filled: Filled) -> str:
    """Whether the bucket's CSVs have as many rows as went."""
    rows = 0
    for key in running.objects():
        if key.endswith(".csv.gz"):
            with gzip.open(running.client.get_object(Bucket=NAME, Key=key)["Body"]) as lines:
                rows += sum(1 for _ in lines) - 1
    return "" if rows == filled.old else f"{rows} rows in the bucket instead of {filled.old}"


def main() -> int:
    """Exit status: 0 when every run did its work."""
    options = arguments()
    programs, versions = tools()
    say(", ".join(f"{name} {version}" for name, version in versions.items()))
    started = time.monotonic()
    filled = table.make(rows=options.rows, folder=options.folder)
    size = filled.path.stat().st_size
    say(f"{filled.path}: {filled.rows:,} rows, {size / 1e6:,.0f} MB, there after {time.monotonic() - started:.0f} s; {filled.old:,} of them are to go")
    if shutil.disk_usage(options.folder).free < 4 * size:
        raise SystemExit(f"{options.folder} needs {4 * size / 1e9:.0f} GB of free space.")
    chosen = [one for one in CONTESTANTS if not options.only or one.name in options.only]
    runs = []
    for number in range(options.rounds):
        for contestant in chosen if number % 2 == 0 else chosen[::-1]:
            done = run(contestant, filled, programs)
            runs.append(done)
            waited = f"writer p99 {done.p99:.0f} ms, max {done.longest:.0f} ms"
            say(f"round {number + 1}, {done.name}: {done.wall:.1f} s, {waited}, load {done.load:.1f}{done.complaint and ': ' + done.complaint}")
    print(report.render(runs))
    print()
    print("\n".join(str(mark) for mark in report.marks(runs)))
    if options.json:
        options.json.write_text(json.dumps({"versions": versions, "runs": [asdict(one) for one in runs]}, indent=1))
    return int(any(one.complaint for one in runs))


if __name__ == "__main__":
    sys.exit(main())
