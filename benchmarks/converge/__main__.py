"""``python -m benchmarks.converge``: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import command
from benchmarks.command import say
from benchmarks.converge import drift, further, hosts, meters, proxy, report, state
from benchmarks.converge.contestants import HERE, Contestant, contestants, write_inventories
from benchmarks.converge.trial import Bench, Trial
from lab import build
from lab.errors import LabError

ROUND_TRIPS = (0.0, 0.02)


class Failure(Exception):
    """A sentence for the one who runs the benchmark."""


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = command.parser("converge", "Compare re-runs that change nothing.", rounds="each contestant at each round trip")
    parser.add_argument("--growth", type=int, nargs="*", default=[1, 4, 10], metavar="HOSTS", help="also converge so many together (default 1 4 10)")
    parser.add_argument("--first", action=argparse.BooleanOptionalAction, default=True, help="also converge new hosts (default)")
    return parser.parse_args()


def converge_first(*, bench: Bench, folder: Path, ours: Contestant) -> dict[str, object]:
    """Converge the hosts with our roles, and write down what they declared as the state for everybody."""
    recorded = folder / "declared.jsonl"
    extra = {"ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"), "ANSIBLE_CALLBACKS_ENABLED": "declared", "BENCHMARK_DECLARED": str(recorded)}
    trial, output = bench.run(ours, round_trip=0.0, extra=extra)
    if trial.changed is None:
        raise Failure(f"our roles could not converge the host:\n{output[-4000:]}")
    say(f"first converge: {trial.wall:.0f} s, {trial.changed} tasks changed something")
    desired = state.desired(recorded=recorded, host=bench.hosts[0])
    (folder / "state.json").write_text(json.dumps(desired, indent=1))
    say("declared: " + ", ".join(f"{number} {kind}" for kind, number in state.size(desired).items()))
    return desired


def prove(*, bench: Bench, running: list[Contestant], desired: dict[str, object]) -> dict[str, int | None]:
    """Warm every contestant's caches, see that each notices and repairs drifts, and count its module calls."""
    for contestant in running:
        complaint = drift.check(bench=bench, contestant=contestant, state=desired)
        if complaint:
            raise Failure(complaint)
        say(f"{contestant.name}: notices and repairs the drifts")
    return {contestant.name: bench.module_calls(contestant) for contestant in running}


def measure(*, bench: Bench, running: list[Contestant], rounds: int) -> list[Trial]:
    """Interleaved: every round has each contestant once at each round trip, in turning order."""
    trials = []
    for number in range(rounds):
        order = running if number % 2 == 0 else running[::-1]
        for round_trip in ROUND_TRIPS:
            for contestant in order:
                trial, _ = bench.run(contestant, round_trip=round_trip)
                trials.append(trial)
                say(f"round {number + 1}, {round_trip * 1000:.0f} ms, {trial.name}: {trial.wall:.2f} s, changed {trial.changed}, load {trial.load:.1f}")
    return trials


def benchmark(options: argparse.Namespace, stack: ExitStack) -> bool:
    """All of it; returns whether every run was valid."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="steady-benchmark-")))
    core = max(os.sched_getaffinity(0))
    keys = hosts.Keys(folder)
    keys.make()
    image = build.ensure(hosts.IMAGE, say=say)
    started = []
    for number in range(max([1, *options.growth])):
        say(f"starting host {number + 1} on core {core}, which it shares with the controller")
        host = hosts.start(name=f"steady-benchmark-{os.getpid()}-{number}", image=image, keys=keys, core=core)
        stack.callback(host.remove)
        started.append(host)
    keys.know(started)
    write_inventories(folder=folder, hosts=started[:1], keys=keys)
    controller = meters.own_group()
    stack.callback(controller.remove)
    everyone = Bench(hosts=started, controller=controller, core=core, folder=folder)
    bench = Bench(hosts=started[:1], controller=controller, core=core, folder=folder)
    everybody = contestants(folder)
    running = [contestant for contestant in everybody if not options.only or contestant.name in options.only]
    desired = converge_first(bench=bench, folder=folder, ours=everybody[0])
    calls = prove(bench=bench, running=running, desired=desired)
    trials = measure(bench=bench, running=running, rounds=options.rounds)
    table = report.rows(trials, calls)
    common: dict[str, Any] = {"bench": everyone, "keys": keys, "state": folder / "state.json", "say": say}
    grown = list(further.growth(**common, counts=options.growth, rounds=options.rounds))
    first = list(further.first(**common, desired=desired, image=image, stack=stack)) if options.first else []
    measured = ", ".join(f"{proxy.measured_round_trip(round_trip=trip) * 1000:.1f}" for trip in ROUND_TRIPS)
    print(f"{options.rounds} round(s), {sum(state.size(desired).values())} things declared; round trips as measured: {measured} ms")
    print(f"controller and hosts on core {core}; load {', '.join(f'{load:.1f}' for load in os.getloadavg())}; times in seconds")
    print(report.render(table))
    if first:
        print(report.render_first(first))
    if grown:
        print(report.render_growth(grown))
    print("\n" + report.render_marks(report.marks(table, first)))
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "trials": [asdict(t) for t in trials],
                    "rows": [asdict(r) for r in table],
                    "growth": [asdict(g) for g in grown],
                    "first": [asdict(t) for t in first],
                },
                indent=1,
            )
        )
    return all(row.valid for row in table) and all(row.valid for row in grown) and all(trial.changed for trial in first)


def main() -> int:
    """Run it; 1 where something went wrong."""
    try:
        with ExitStack() as stack:
            return 0 if benchmark(arguments(), stack) else 1
    except (Failure, LabError, RuntimeError, OSError) as error:
        say(f"the benchmark could not be run: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
