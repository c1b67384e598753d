"""The table, the ratios and the marks."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.converge.trial import Trial

OURS, PYINFRA, PYINFRA_BEST, PLAIN = "our roles", "pyinfra", "pyinfra, no delays", "plain tasks"
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
    """``ratio`` of our median to the other's, which must be at most ``limit``."""

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


def marks(table: Iterable[Row]) -> list[Mark]:
    """The first mark of the project, as far as its contestants ran."""
    walls = {(row.round_trip, row.name): row.wall for row in table if row.valid}
    wanted = [
        (0.0, PYINFRA_BEST, 1.5, "at 0 ms at most 1.5 times pyinfra's best"),
        (0.0, PLAIN, 1 / 6, "at 0 ms at most 1/6 of plain tasks"),
        (0.02, PYINFRA, 0.5, "at 20 ms at most 1/2 of pyinfra"),
        (0.02, PYINFRA_BEST, 0.5, "at 20 ms at most 1/2 of pyinfra without its delays"),
    ]
    return [
        Mark(text, walls[trip, OURS] / walls[trip, other], limit) for trip, other, limit, text in wanted if (trip, OURS) in walls and (trip, other) in walls
    ]


def render(table: Sequence[Row]) -> str:
    """The table as Markdown, then the marks."""
    walls = {(row.round_trip, row.name): row.wall for row in table}
    lines: list[str] = []
    for trip in dict.fromkeys(row.round_trip for row in table):
        lines += ["", f"Round trip {trip * 1000:.0f} ms", "", _line(HEADINGS), _line(["---"] + ["---:"] * (len(HEADINGS) - 1))]
        for row in (row for row in table if row.round_trip == trip):
            ratios = [_ratio(row.wall, walls.get((trip, other))) for other in (PYINFRA_BEST, PLAIN)]
            times = [f"{value:.2f}" for value in (row.wall, row.best, row.controller, row.host, row.other)]
            name = row.name if row.valid else f"{row.name} (INVALID: failed, or changed something)"
            lines.append(_line([name, *times, "-" if row.calls is None else str(row.calls), str(row.sessions), *ratios]))
    lines.append("")
    lines += [f"{'reached' if mark.reached else 'not reached'}: {mark.text} (is {mark.ratio:.2f})" for mark in marks(table)]
    return "\n".join(lines)


def _ratio(wall: float, other: float | None) -> str:
    return "-" if other is None else f"{wall / other:.2f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
