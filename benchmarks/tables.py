"""What the benchmarks' tables are made of, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence


def line(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def head(names: Sequence[str]) -> list[str]:
    """The first two lines of a table: the first column is of texts, the others of numbers."""
    return [line(names), line(["---"] + ["---:"] * (len(names) - 1))]


def median(runs: Iterable[object], what: str) -> float:
    """Of one figure of the runs, by its name."""
    return statistics.median(float(getattr(run, what)) for run in runs)
