"""Beyond one host that is converged already: more hosts at once, and hosts on which nothing is."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.converge import hosts
from benchmarks.converge.contestants import Contestant, contestants, write_inventories
from benchmarks.converge.report import PLAIN, PYINFRA_BEST, SITE
from benchmarks.converge.trial import Bench, Trial


@dataclass(frozen=True)
class Growth:
    """Medians of runs that change nothing, of one contestant on ``hosts`` hosts at once: seconds, and the controller's peak in MB."""

    name: str
    hosts: int
    wall: float
    controller: float
    host: float
    memory: float
    valid: bool


def part(*, bench: Bench, members: Sequence[hosts.Host], keys: hosts.Keys, state: Path, name: str) -> tuple[Bench, dict[str, Contestant]]:
    """A bench of its own for some hosts, and the contestants that know just these."""
    folder = bench.folder / name
    folder.mkdir()
    (folder / "state.json").symlink_to(state)
    write_inventories(folder=folder, hosts=members, keys=keys)
    mine = Bench(hosts=members, controller=bench.controller, core=bench.core, folder=folder)
    return mine, {contestant.name: contestant for contestant in contestants(folder)}


def growth(*, bench: Bench, keys: hosts.Keys, state: Path, counts: Sequence[int], rounds: int, say: Callable[[str], None]) -> Iterator[Growth]:
    """Re-runs on the first of the bench's hosts, as many as each of ``counts`` says, at round trip 0."""
    for count in counts:
        mine, known = part(bench=bench, members=bench.hosts[:count], keys=keys, state=state, name=f"growth-{count}")
        for name in (SITE, PYINFRA_BEST):
            mine.run(known[name], round_trip=0.0)  # converges the further hosts, and warms the caches
            trials = [mine.run(known[name], round_trip=0.0)[0] for _ in range(rounds)]
            say(f"{count} host(s), {name}: {trials[-1].wall:.1f} s, changed {trials[-1].changed}")
            yield _growth(name, count, trials)


def _growth(name: str, count: int, trials: Sequence[Trial]) -> Growth:
    return Growth(
        name=name,
        hosts=count,
        wall=statistics.median(trial.wall for trial in trials),
        controller=statistics.median(trial.controller for trial in trials),
        host=statistics.median(trial.host for trial in trials),
        memory=statistics.median(trial.memory for trial in trials),
        valid=all(trial.changed == 0 for trial in trials),
    )


def first(
    *, bench: Bench, keys: hosts.Keys, state: Path, desired: Mapping[str, Any], image: str, stack: ExitStack, say: Callable[[str], None]
) -> Iterator[Trial]:
    """Each contestant on a new host. Its release lies there already, as no peer can build one; nothing else does."""
    for number, name in enumerate((SITE, PYINFRA_BEST, PLAIN)):
        host = hosts.start(name=f"steady-benchmark-{os.getpid()}-first-{number}", image=image, keys=keys, core=bench.core)
        stack.callback(host.remove)
        for folder in {PurePosixPath(item["path"]).parents[1] for item in desired["files"] if item["path"].endswith("/release.json")}:
            bench.hosts[0].copy(str(folder), host)
        keys.know([*bench.hosts, host])
        mine, known = part(bench=bench, members=[host], keys=keys, state=state, name=f"first-{number}")
        trial, output = mine.run(known[name], round_trip=0.0)
        say(f"first converge, {name}: {trial.wall:.1f} s, changed {trial.changed}" + ("" if trial.changed else f"\n{output[-2000:]}"))
        yield trial
