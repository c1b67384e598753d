"""``python -m benchmarks.archive``: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import command
from benchmarks.archive import report, reports
from benchmarks.archive.bucket import bucket
from benchmarks.archive.contestants import CONTESTANTS, Contestant, tools
from benchmarks.archive.meters import measure
from benchmarks.archive.reports import KINDS, FileSet
from benchmarks.command import say


def arguments() -> argparse.Namespace:
    """What the command line says."""
    names = [one.name for one in CONTESTANTS]
    parser = command.parser("archive", "Compare ways to get reports into S3.", rounds="each contestant with each set", names=names)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the large file, and number of the others (default 1)")
    parser.add_argument("--set", action="append", dest="sets", choices=[kind.name for kind in KINDS], help="this set only; may be repeated")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "steady-benchmark-archive", help="keeps the files; 3 GB at full scale")
    return parser.parse_args()


def run(contestant: Contestant, files: FileSet, programs: Sequence[Path]) -> report.Run:
    """Archive the set once, into an empty bucket of a new server."""
    with tempfile.TemporaryDirectory(prefix="steady-archive-") as scratch, bucket(Path(scratch)) as running:
        work = Path(scratch) / "work"
        work.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_", "FLEETDATA_", "PYTHON"))}
        paths = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        before = running.requests()
        cost = measure(
            ["bash", "-euo", "pipefail", "-c", contestant.script(files)],
            folder=work,
            environment={**kept, **running.environment(), "PATH": paths, "HOME": scratch},
            server=running.pid,
        )
        requests = {method: number - before.get(method, 0) for method, number in running.requests().items() if number > before.get(method, 0)}
        objects = running.objects()
        complaint = f"exit status {cost.status}" if cost.status else running.complaint(files, objects)
        if complaint:
            say(cost.output[-3000:])
    return report.Run(
        kind=files.kind.name,
        files=files.files,
        bytes=files.bytes,
        name=contestant.name,
        wall=cost.wall,
        client=cost.client,
        server=cost.server,
        other=cost.other,
        peak=cost.peak,
        requests=requests,
        objects=len(objects),
        object_bytes=sum(objects.values()),
        load=os.getloadavg()[0],
        complaint=complaint,
    )


def benchmark(sets: Sequence[FileSet], chosen: Sequence[Contestant], rounds: int, programs: Sequence[Path]) -> list[report.Run]:
    """Interleaved: each round has every contestant once with each set, in turning order."""
    runs = []
    for number in range(rounds):
        for files in sets:
            for contestant in chosen if number % 2 == 0 else chosen[::-1]:
                done = run(contestant, files, programs)
                runs.append(done)
                say(f"round {number + 1}, {done.kind}, {done.name}: {done.wall:.2f} s, load {done.load:.1f}{done.complaint and ': ' + done.complaint}")
    return runs


def main() -> int:
    """Exit status: 0 when every run did its work."""
    options = arguments()
    programs, versions = tools()
    say(", ".join(f"{name} {version}" for name, version in versions.items()))
    sets = [reports.make(kind=kind, scale=options.scale, folder=options.folder) for kind in KINDS if not options.sets or kind.name in options.sets]
    if shutil.disk_usage(options.folder).free < 4 * max(files.bytes for files in sets):
        raise SystemExit(f"{options.folder} and {tempfile.gettempdir()} need more free space.")
    runs = benchmark(sets, [one for one in CONTESTANTS if not options.only or one.name in options.only], options.rounds, programs)
    print(report.render(runs))
    print()
    print("\n".join(str(mark) for mark in report.marks(runs)))
    if options.json:
        options.json.write_text(json.dumps({"versions": versions, "runs": [asdict(one) for one in runs]}, indent=1))
    return int(any(one.complaint for one in runs))


if __name__ == "__main__":
    sys.exit(main())
