"""``python -m benchmarks.inventory``: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.inventory.account import Account, Fleet, account

PROJECT = Path(__file__).parents[2]
OURS, STOCK = "inventories/aws_ec2.yml", "benchmarks/inventory/stock.aws_ec2.yml"
SYSTEM_HOSTS = 3


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One command, with an emptied cache, or ``warm`` with the one that the run before has filled."""

    name: str
    command: tuple[str, ...]
    warm: bool = False


LIST = ("ansible-inventory", "--list")
RUN = ("ansible-playbook", "site.yml", "--list-hosts")
CONTESTANTS = (
    Contestant(name="all, stock aws_ec2", command=(*LIST, "-i", STOCK)),
    Contestant(name="all, stock aws_ec2, cached", command=(*LIST, "-i", STOCK), warm=True),
    Contestant(name="all, steady.fleet.ec2", command=(*LIST, "-i", OURS)),
    Contestant(name="all, steady.fleet.ec2, cached", command=(*LIST, "-i", OURS), warm=True),
    Contestant(name="one system, stock aws_ec2", command=(*RUN, "-i", STOCK, "-l", "catscan")),
    Contestant(name="one system, steady.fleet.ec2", command=(*RUN, "-i", OURS, "-l", "catscan")),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run: controller CPU seconds, peak memory in MB, and the instances that EC2 sent."""

    cpu: float
    peak: float
    instances: int


def fleets(size: int) -> list[Fleet]:
    """``size`` instances, of which three are Cat-Scan's."""
    others = [Fleet(count=(size - SYSTEM_HOSTS + place) // 9, tags=tags(f"system{place}")) for place in range(9)]
    return [Fleet(count=SYSTEM_HOSTS, tags=tags("catscan")), *others]


def tags(system: str) -> dict[str, str]:
    """As provisioned."""
    return {"Name": f"{system}-server", "System": system, "Environment": "prod", "Role": "api"}


def measure(contestant: Contestant, running: Account, cache: Path) -> Measured:
    """Run it once."""
    if not contestant.warm:
        for file in cache.glob("*"):
            file.unlink()
    running.forget_requests()
    environment = os.environ | running.environment() | {"ANSIBLE_INVENTORY_CACHE_CONNECTION": str(cache), "ANSIBLE_INVENTORY_CACHE_TIMEOUT": "86400"}
    process = subprocess.Popen(
        [Path(sys.executable).parent / contestant.command[0], *contestant.command[1:]], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{contestant.name}: exit status {os.waitstatus_to_exitcode(status)}")
    return Measured(cpu=cpu(usage), peak=usage.ru_maxrss / 1024, instances=sum(request["instances"] for request in running.requests()))


def cpu(usage: resource.struct_rusage) -> float:
    """Seconds in user and kernel mode."""
    return usage.ru_utime + usage.ru_stime


def table(size: int, runs: dict[str, list[Measured]]) -> str:
    """Medians as Markdown."""
    lines = [f"**{size} instances**", "", "|  | controller CPU s (all runs) | peak MB | instances that EC2 sent |", "| --- | ---: | ---: | ---: |"]
    for name, rows in runs.items():
        each = ", ".join(f"{row.cpu:.1f}" for row in rows)
        lines.append(f"| {name} | {median(row.cpu for row in rows):.1f} ({each}) | {median(row.peak for row in rows):.0f} | {rows[-1].instances} |")
    return "\n".join(lines)


def benchmark(sizes: Sequence[int], rounds: int, chosen: Sequence[Contestant]) -> None:
    """Interleaved: each round runs every contestant once; a cached run follows the run that filled its cache."""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="steady-inventory-") as folder, account(Path(folder), fleets(size)) as running:
            runs: dict[str, list[Measured]] = {contestant.name: [] for contestant in chosen}
            for number in range(rounds):
                for contestant in chosen:
                    runs[contestant.name].append(measure(contestant, running, Path(folder) / "cache"))
                print(f"{size} instances, round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
            print(table(size, runs), end="\n\n", flush=True)


def main() -> None:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory", description="Controller CPU of the inventory for accounts of several sizes.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000], help="instances in the account (default 100 1000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant (default 3)")
    parser.add_argument("--only", choices=[one.name for one in CONTESTANTS], action="append", help="run this contestant only; may be repeated")
    options = parser.parse_args()
    benchmark(options.sizes, options.rounds, [one for one in CONTESTANTS if not options.only or one.name in options.only])


if __name__ == "__main__":
    main()
