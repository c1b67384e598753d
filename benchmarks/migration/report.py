"""The table, the ratios and the marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.archive.report import Mark
from benchmarks.migration.contestants import COPY, OURS, PGLOADER, PROVED
from benchmarks.tables import head, line, median

PEAK_MIB = 128
HEADINGS = ("", "wall median", "best", "÷ ours", "rows/s", "client CPU", "server CPU", "peak MiB")


@dataclass(frozen=True)
class Run:
    """One run. base: the database. Times in seconds, peak in MiB. complaint: empty where all rows are there."""

    base: str
    name: str
    rows: int
    wall: float
    client: float
    server: float
    peak: float
    load: float
    complaint: str


def marks(runs: Sequence[Run]) -> list[Mark]:
    """Those that the runs of one database can tell of."""
    medians = {name: median(of, "wall") for name in (OURS, PROVED, PGLOADER, COPY) if (of := [run for run in runs if run.name == name and not run.complaint])}
    found = [Mark(f"at most {PEAK_MIB} MiB of memory", peak := max(run.peak for run in ours), peak <= PEAK_MIB) for ours in [_ours(runs)] if ours]
    for ours, theirs, least in ((OURS, PGLOADER, 4.0), (PROVED, PGLOADER, 2.5)):
        if ours in medians and theirs in medians:
            ratio = medians[theirs] / medians[ours]
            found.append(Mark(f"{ours}: at least {least} times as fast as {theirs}", ratio, ratio >= least))
    if OURS in medians and COPY in medians:
        ratio = medians[OURS] / medians[COPY]
        found.append(Mark(f"{OURS}: at most twice the time of {COPY}", ratio, ratio <= 2))
    return found


def render(runs: Sequence[Run]) -> str:
    """A table, as Markdown. Medians of the runs, and the highest peak."""
    lines = head(HEADINGS)
    for name in dict.fromkeys(run.name for run in runs):
        lines.append(line(_row(name, [run for run in runs if run.name == name], runs)))
    return "\n".join(lines)


def _ours(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.name in (OURS, PROVED) and not run.complaint]


def _row(name: str, runs: Sequence[Run], every: Sequence[Run]) -> list[str]:
    bad = next((run.complaint for run in runs if run.complaint), "")
    wall, ours = median(runs, "wall"), [run for run in every if run.name == PROVED]
    return [
        f"{name} (INVALID: {bad})" if bad else name,
        f"{wall:.1f}",
        f"{min(run.wall for run in runs):.1f}",
        f"{wall / median(ours, 'wall'):.2f}" if ours else "-",
        f"{runs[0].rows / wall:,.0f}",
        *(f"{median(runs, what):.1f}" for what in ("client", "server")),
        f"{max(run.peak for run in runs):.0f}",
    ]
