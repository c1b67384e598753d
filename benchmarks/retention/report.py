"""The table, the ratios and the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.archive.report import Mark
from benchmarks.retention.contestants import EXPORT, EXPORT_DAYS, OURS, PLAIN
from benchmarks.tables import head, line, median

PEAK_MIB, WAIT_MS, WAIT_RATIO = 96, 250, 20
HEADINGS = (
    "", "wall median", "best", "÷ ours", "rows/s", "client CPU", "server CPU", "other CPU", "peak MiB",
    "writer's commits", "p50 ms", "p99 ms", "max ms", "p99 ÷ ours", "requests", "file MB after",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run. Times in seconds, waits of the writer (p50, p99, the longest) in ms, peak in MiB.

    size: bytes of the database afterwards. complaint: empty where all is right.
    """

    name: str
    rows: int
    wall: float
    client: float
    server: float
    other: float
    peak: float
    commits: int
    p50: float
    p99: float
    longest: float
    requests: int
    size: int
    load: float
    complaint: str


def marks(runs: Sequence[Run]) -> list[Mark]:
    """Those that the runs can tell of."""
    ours = [run for run in runs if run.name == OURS and not run.complaint]
    if not ours:
        return []
    wait, wall, peak = median(ours, "p99"), median(ours, "wall"), max(run.peak for run in ours)
    found = [
        Mark(f"a writer waits at most {WAIT_MS} ms at p99", wait, wait <= WAIT_MS),
        Mark(f"at most {PEAK_MIB} MiB of memory", peak, peak <= PEAK_MIB),
    ]
    for name in (EXPORT, EXPORT_DAYS):
        theirs = [run for run in runs if run.name == name and not run.complaint]
        if theirs:
            ratio = median(theirs, "wall") / wall
            found.append(Mark(f"faster than {name}: its time ÷ ours", ratio, ratio > 1))
    plain = [run for run in runs if run.name == PLAIN and not run.complaint]
    if plain:
        ratio = median(plain, "p99") / wait
        found.append(Mark(f"a writer's p99 at most 1/{WAIT_RATIO} of that beside {PLAIN}: theirs ÷ ours", ratio, ratio >= WAIT_RATIO))
    return found


def render(runs: Sequence[Run]) -> str:
    """A table, as Markdown. Medians of the runs, the highest peak and the longest wait."""
    lines = head(HEADINGS)
    ours = [run for run in runs if run.name == OURS]
    for name in dict.fromkeys(run.name for run in runs):
        lines.append(line(_row(name, [run for run in runs if run.name == name], ours)))
    return "\n".join(lines)


def _row(name: str, runs: Sequence[Run], ours: Sequence[Run]) -> list[str]:
    bad = next((run.complaint for run in runs if run.complaint), "")
    wall, p99 = median(runs, "wall"), median(runs, "p99")
    return [
        f"{name} (INVALID: {bad})" if bad else name,
        f"{wall:.1f}",
        f"{min(run.wall for run in runs):.1f}",
        f"{wall / median(ours, 'wall'):.2f}" if ours else "-",
        f"{runs[0].rows / wall:,.0f}",
        *(f"{median(runs, what):.1f}" for what in ("client", "server", "other")),
        f"{max(run.peak for run in runs):.0f}",
        f"{median(runs, 'commits'):,.0f}",
        f"{median(runs, 'p50'):.1f}",
        f"{p99:.1f}",
        f"{max(run.longest for run in runs):.1f}",
        f"{p99 / median(ours, 'p99'):.1f}" if ours else "-",
        f"{median(runs, 'requests'):,.0f}",
        f"{median(runs, 'size') / 1e6:,.0f}",
    ]
