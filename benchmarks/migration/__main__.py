"""``python -m benchmarks.migration``: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from benchmarks.archive.meters import measure
from benchmarks.migration import report, table
from benchmarks.migration.contestants import CONTESTANTS, PYTHON, TYPES, Contestant, Task
from benchmarks.migration.server import Server, served

BYTECODE = "PYTHONPYCACHEPREFIX"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migration", description="Compare ways from SQLite to PostgreSQL.")
    parser.add_argument("--rows", type=int, action="append", help="rows of a table of 12 columns; may be repeated (default 1000000 and 5000000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--only", action="append", choices=[one.name for one in CONTESTANTS], help="this contestant only; may be repeated")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "steady-benchmark-migration", help="keeps the databases; 150 bytes a row")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    return parser.parse_args()


def say(text: str) -> None:
    """Progress, beside the results."""
    print(text, file=sys.stderr, flush=True)


def run(contestant: Contestant, task: Task, tables: list[str], rows: int) -> report.Run:
    """Bring it to an empty database once."""
    task.server.fresh()
    with tempfile.TemporaryDirectory(prefix="run-", dir=task.database.parent) as scratch:
        work = Path(scratch) / "work"
        work.mkdir()
        before = task.server.cpu()
        cost = measure(
            ["bash", "-euo", "pipefail", "-c", contestant.script(task)],
            folder=work,
            environment={"PATH": os.environ["PATH"], "HOME": scratch, "TMPDIR": scratch, BYTECODE: str(bytecode(task.database.parent))},
            server=task.server.pid,
        )
        server = task.server.cpu() - before
    complaint = f"exit status {cost.status}" if cost.status else _missing(task.server, tables, rows)
    say(cost.output[-3000:] if complaint else cost.output.strip().rpartition("\n")[2])
    return report.Run(
        base=task.database.stem, name=contestant.name, rows=rows, wall=cost.wall, client=cost.client, server=server, peak=cost.peak,
        load=os.getloadavg()[0], complaint=complaint,
    )  # fmt: skip


def _missing(server: Server, tables: list[str], rows: int) -> str:
    found = server.rows(tables)
    return "" if found == rows else f"{found} rows instead of {rows}"


def bytecode(folder: Path) -> Path:
    """Where Python keeps what it compiled, as it does of what is installed: else each run would compile all anew, which takes longer than a small base."""
    kept = folder / "bytecode"
    if not kept.exists():
        subprocess.run(
            ["bash", "-c", f"env {PYTHON} -c 'import benchmarks.migration.ours, psycopg'"], env={"PATH": os.environ["PATH"], BYTECODE: str(kept)}, check=True
        )
    return kept


def ready(database: Path, server: Server) -> Path:
    """The rows of its table as COPY's text, made by PostgreSQL itself."""
    file = database.with_suffix(".copy")
    if not file.exists():
        server.fresh()
        lines = f"SELECT {', '.join(f'quote({name})' for name in _columns(database))} FROM events"
        with closing(sqlite3.connect(database)) as source, tempfile.NamedTemporaryFile("w", dir=database.parent, suffix=".sql", encoding="utf-8") as script:
            script.write(f"{TYPES};\nBEGIN;\n")
            quoted = source.execute(lines)
            while rows := quoted.fetchmany(500):
                values = (f"({', '.join(_boolean(place, value) for place, value in enumerate(row))})" for row in rows)
                script.write(f"INSERT INTO events VALUES {', '.join(values)};\n")
            script.write(f"COMMIT;\n\\copy events TO '{file}'\n")
            script.flush()
            subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", server.url(), "-f", script.name], check=True)
    return file


def _columns(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as source:
        return [row[1] for row in source.execute("PRAGMA table_info(events)")]


def _boolean(place: int, value: str) -> str:
    return f"'{value}'" if place == 10 else value


def compare(database: Path, options: argparse.Namespace, server: Server) -> list[report.Run]:
    """All contestants in turning order."""
    with closing(sqlite3.connect(database)) as source:
        tables = [row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        rows = sum(source.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
    chosen = [one for one in CONTESTANTS if (not options.only or one.name in options.only) and not (one.alone and len(tables) > 1)]
    task = Task(database, server, ready(database, server) if any(one.alone for one in chosen) else None)
    runs = []
    for number in range(options.rounds):
        for contestant in chosen if number % 2 == 0 else chosen[::-1]:
            runs.append(done := run(contestant, task, tables, rows))
            say(f"round {number + 1}, {done.base}, {done.name}: {done.wall:.1f} s, load {done.load:.1f}{done.complaint and ': ' + done.complaint}")
    print(f"\n{database.stem}: {rows:,} rows in {len(tables)} tables\n\n{report.render(runs)}\n")
    print("\n".join(str(mark) for mark in report.marks(runs)))
    return runs


def main() -> int:
    """Exit status: 0 when every run did its work."""
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    bases = [table.wide(options.folder, rows) for rows in options.rows or (1_000_000, 5_000_000)] + [table.small(options.folder)]
    with tempfile.TemporaryDirectory(prefix="steady-postgres-") as folder:
        Path(folder).chmod(0o755)
        with served(Path(folder)) as server:
            runs = [done for base in bases for done in compare(base, options, server)]
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in runs], indent=1))
    return int(any(one.complaint for one in runs))


if __name__ == "__main__":
    sys.exit(main())
