"""The tables, the ratios and the marks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.archive.contestants import GZIP_AWS, OURS, S5CMD, S5CMD_PROVED
from benchmarks.archive.reports import KINDS
from benchmarks.tables import head, line

PEAK_MIB = 96
HEADINGS = ("", "wall median", "best", "÷ ours", "client CPU", "server CPU", "other CPU", "peak MiB", "requests", "objects", "stored MB")


@dataclass(frozen=True)
class Run:
    """One run. Times in seconds, peak in MiB; requests by method; objects and object_bytes as the server lists them; complaint: empty where it did its work."""

    kind: str
    files: int
    bytes: int
    name: str
    wall: float
    client: float
    server: float
    other: float
    peak: float
    requests: dict[str, int]
    objects: int
    object_bytes: int
    load: float
    complaint: str


@dataclass(frozen=True)
class Mark:
    """A figure of ours, and whether it is what the project wants."""

    text: str
    figure: float
    reached: bool

    def __str__(self) -> str:
        return f"- {'reached' if self.reached else 'missed'}: {self.text} (is {self.figure:.2f})"


def marks(runs: Sequence[Run]) -> list[Mark]:
    """Those that the runs can tell of."""
    large, small = KINDS[0].name, KINDS[-1].name
    found = []
    for kind, other, least, text in (
        (large, GZIP_AWS, 5.0, f"one large file at least 5 times as fast as {GZIP_AWS}"),
        (small, S5CMD, 1.0, f"many small files at least as fast as {S5CMD}, which only sends files that were packed before"),
        (small, S5CMD_PROVED, 1.0, f"many small files at least as fast as {S5CMD_PROVED}"),
    ):
        ours, theirs = _walls(runs, kind, OURS), _walls(runs, kind, other)
        if ours and theirs:
            ratio = statistics.median(theirs) / statistics.median(ours)
            found.append(Mark(text, ratio, ratio >= least))
    peaks = [run.peak for run in runs if run.name == OURS]
    if peaks:
        found.append(Mark(f"at most {PEAK_MIB} MiB of memory", max(peaks), max(peaks) <= PEAK_MIB))
    return found


def render(runs: Sequence[Run]) -> str:
    """A table a set, as Markdown."""
    lines: list[str] = []
    for kind in dict.fromkeys(run.kind for run in runs):
        of_kind = [run for run in runs if run.kind == kind]
        lines += ["", f"**{kind}**: {of_kind[0].files:,} x {of_kind[0].bytes / of_kind[0].files / 1e6:,.2f} MB", ""]
        lines += head(HEADINGS)
        ours = _walls(runs, kind, OURS)
        for name in dict.fromkeys(run.name for run in of_kind):
            lines.append(line(_row(name, [run for run in of_kind if run.name == name], statistics.median(ours) if ours else None)))
    return "\n".join(lines)


def _row(name: str, runs: Sequence[Run], ours: float | None) -> list[str]:
    bad = next((run.complaint for run in runs if run.complaint), "")
    wall = statistics.median(run.wall for run in runs)
    shares = (statistics.median(values) for values in zip(*((run.client, run.server, run.other) for run in runs), strict=True))
    return [
        f"{name} (INVALID: {bad})" if bad else name,
        f"{wall:.2f}",
        f"{min(run.wall for run in runs):.2f}",
        f"{wall / ours:.2f}" if ours else "-",
        *(f"{value:.2f}" for value in shares),
        f"{max(run.peak for run in runs):.0f}",
        f"{sum(runs[-1].requests.values()):,}",
        f"{runs[-1].objects:,}",
        f"{runs[-1].object_bytes / 1e6:.1f}",
    ]


def _walls(runs: Iterable[Run], kind: str, name: str) -> list[float]:
    return [run.wall for run in runs if run.kind == kind and run.name == name and not run.complaint]
