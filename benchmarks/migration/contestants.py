"""Who brings a database to PostgreSQL: what each is told to do, as a script for bash in an empty directory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.archive.reports import ROOT
from benchmarks.migration.server import Server
from benchmarks.migration.table import WIDE

OURS, PROVED, PGLOADER, COPY = "fleetdata, rows counted", "fleetdata, every value proved", "pgloader", "psql \\copy of a ready file"
PYTHON = f"PYTHONPATH={ROOT}:{ROOT / 'collections'} {sys.executable}"
TYPES = WIDE.replace("DATETIME", "timestamp").replace("REAL", "double precision").replace("INTEGER", "bigint")
"""The table as \\copy needs it."""


@dataclass(frozen=True)
class Task:
    """A database, the server, and the rows of its one table as COPY's text, None where it has several."""

    database: Path
    server: Server
    ready: Path | None


@dataclass(frozen=True)
class Contestant:
    """script: for bash -euo pipefail. alone: whether it knows databases of one table only."""

    name: str
    script: Callable[[Task], str]
    alone: bool = False


def _ours(verify: str) -> Callable[[Task], str]:
    return lambda task: f"exec env {PYTHON} -m benchmarks.migration.ours {task.database} {task.server.port} {verify} $PWD"


def _pgloader(task: Task) -> str:
    return f"""cat > job.load <<END
LOAD DATABASE FROM sqlite://{task.database} INTO {task.server.url()}
 WITH create tables, create indexes, reset sequences, quote identifiers;
END
exec pgloader --root-dir $PWD/root job.load"""


def _copy(task: Task) -> str:
    return f"""psql -qX -v ON_ERROR_STOP=1 {task.server.url()} <<'END'
{TYPES};
\\copy events FROM '{task.ready}'
END"""


CONTESTANTS = (Contestant(OURS, _ours("count")), Contestant(PROVED, _ours("digest")), Contestant(PGLOADER, _pgloader), Contestant(COPY, _copy, alone=True))
