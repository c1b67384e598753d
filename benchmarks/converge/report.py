"""The table, the ratios and the marks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.converge.trial import Trial
from benchmarks.tables import head, line

if TYPE_CHECKING:
    from benchmarks.converge.further import Growth

SITE, PYINFRA_BEST, PLAIN = "our site.yml", "pyinfra, no delays", "plain tasks"
HEADINGS = ("", "wall median", "best", "controller CPU", "host CPU", "other CPU", "module calls", "SSH commands", "÷ pyinfra's best", "÷ plain")


@dataclass(frozen=True)
class Row:
    """One contestant at one round trip: medians, in seconds; ``valid`` is false where a run failed or changed something."""

    name: str
    round_trip: float
    wall: float
    best: float
    controller: float
    host: float
    other: float
    sessions: int
    calls: int | None
    runs: int
    valid: bool


@dataclass(frozen=True)
class Mark:
    """``ratio`` of our figure to the other's, which must be at most ``limit``."""

    text: str
    ratio: float
    limit: float

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.ratio <= self.limit


def rows(trials: Iterable[Trial], calls: Mapping[str, int | None]) -> list[Row]:
    """One row for each contestant and round trip, in the order in which they first ran."""
    groups: dict[tuple[float, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.round_trip, trial.name), []).append(trial)
    return [_row(group, calls.get(name)) for (_, name), group in sorted(groups.items(), key=lambda item: item[0][0])]


def _row(group: Sequence[Trial], calls: int | None) -> Row:
    return Row(
        name=group[0].name,
        round_trip=group[0].round_trip,
        wall=statistics.median(trial.wall for trial in group),
        best=min(trial.wall for trial in group),
        controller=statistics.median(trial.controller for trial in group),
        host=statistics.median(trial.host for trial in group),
        other=statistics.median(trial.other for trial in group),
        sessions=round(statistics.median(trial.sessions for trial in group)),
        calls=calls,
        runs=len(group),
        valid=all(trial.changed == 0 for trial in group),
    )


def marks(table: Iterable[Row], first: Iterable[Trial] = ()) -> list[Mark]:
    """The marks of the project for site.yml, as far as the contestants ran."""
    figures = {(name, row.round_trip, row.name): value for row in table if row.valid for name, value in (("wall", row.wall), ("CPU", row.controller))}
    figures |= {("first", 0.0, trial.name): trial.wall for trial in first if trial.changed}
    wanted = [
        ("wall", 0.0, PYINFRA_BEST, 1.0, "at 0 ms at most pyinfra's best wall time"),
        ("wall", 0.02, PYINFRA_BEST, 1 / 3, "at 20 ms at most 1/3 of pyinfra's best wall time"),
        ("wall", 0.0, PLAIN, 0.1, "at 0 ms at most 1/10 of plain tasks"),
        ("wall", 0.02, PLAIN, 0.1, "at 20 ms at most 1/10 of plain tasks"),
        ("CPU", 0.0, PYINFRA_BEST, 1.0, "at most pyinfra's controller CPU"),
        ("first", 0.0, PYINFRA_BEST, 1.0, "first converge at most pyinfra's wall time"),
    ]
    return [
        Mark(text, figures[what, trip, SITE] / figures[what, trip, other], limit)
        for what, trip, other, limit, text in wanted
        if (what, trip, SITE) in figures and (what, trip, other) in figures
    ]


def render_marks(found: Iterable[Mark]) -> str:
    """One line a mark."""
    return "\n".join(f"- {'reached' if mark.reached else 'missed'}: {mark.text} (is {mark.ratio:.2f})" for mark in found)


def render_first(trials: Sequence[Trial]) -> str:
    """The table of first converges."""
    lines = ["", "First converge of a new host, round trip 0", "", *head(["", "wall", "controller CPU", "host CPU"])]
    for trial in trials:
        name = trial.name if trial.changed else f"{trial.name} (INVALID: failed, or changed nothing)"
        lines.append(line([name, *(f"{value:.1f}" for value in (trial.wall, trial.controller, trial.host))]))
    return "\n".join(lines)


def render_growth(found: Sequence[Growth]) -> str:
    """The table of runs on several hosts at once; CPU is a host's share."""
    names = ["", "hosts", "wall", "controller CPU a host", "host CPU a host", "controller peak MB", "MB a further host"]
    lines = ["", "Growth, nothing to change, round trip 0", "", *head(names)]
    alone = {row.name: row for row in reversed(found)}
    for row in sorted(found, key=lambda row: row.name):
        further = row.hosts - alone[row.name].hosts
        more = f"{(row.memory - alone[row.name].memory) / further:.1f}" if further else "-"
        name = row.name if row.valid else f"{row.name} (INVALID: failed, or changed something)"
        shares = [f"{value / row.hosts:.2f}" for value in (row.controller, row.host)]
        lines.append(line([name, str(row.hosts), f"{row.wall:.1f}", *shares, f"{row.memory:.0f}", more]))
    return "\n".join(lines)


def render(table: Sequence[Row]) -> str:
    """The table of re-runs, as Markdown."""
    walls = {(row.round_trip, row.name): row.wall for row in table}
    lines: list[str] = []
    for trip in dict.fromkeys(row.round_trip for row in table):
        lines += ["", f"Round trip {trip * 1000:.0f} ms", "", *head(HEADINGS)]
        for row in (row for row in table if row.round_trip == trip):
            ratios = [_ratio(row.wall, walls.get((trip, other))) for other in (PYINFRA_BEST, PLAIN)]
            times = [f"{value:.2f}" for value in (row.wall, row.best, row.controller, row.host, row.other)]
            name = row.name if row.valid else f"{row.name} (INVALID: failed, or changed something)"
            lines.append(line([name, *times, "-" if row.calls is None else str(row.calls), str(row.sessions), *ratios]))
    return "\n".join(lines)


def _ratio(wall: float, other: float | None) -> str:
    return "-" if other is None else f"{wall / other:.2f}"
