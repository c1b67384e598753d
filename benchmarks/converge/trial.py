"""One run of one contestant, measured."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.converge.contestants import ROOT, Contestant, environment
from benchmarks.converge.hosts import Host
from benchmarks.converge.meters import CpuGroup, MemoryGroup, core_seconds, memory_group


@dataclass(frozen=True)
class Trial:
    """Times in seconds, ``memory`` the controller's peak in MB.

    ``other`` is what everybody else used of the core meanwhile; ``changed`` is None where the run failed.
    """

    name: str
    round_trip: float
    wall: float
    controller: float
    host: float
    other: float
    sessions: int
    changed: int | None
    load: float
    memory: float = 0.0
    hosts: int = 1


class Bench:
    """Runs contestants one at a time, each on one core together with the hosts."""

    def __init__(self, *, hosts: Sequence[Host], controller: CpuGroup, core: int, folder: Path) -> None:
        self.hosts = hosts
        self.controller = controller
        self.core = core
        self.folder = folder
        self._runs = 0

    def run(self, contestant: Contestant, *, round_trip: float, extra: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> tuple[Trial, str]:
        """Run once from a cold connection; returns what was measured and what was printed."""
        contestant = replace(contestant, environment={**contestant.environment, **(extra or {})})
        for host in self.hosts:
            host.proxy.round_trip = round_trip
        control_path = Path(tempfile.mkdtemp(dir=self.folder, prefix="cp"))
        memory = self._memory_group()
        sessions = self._sessions()
        before = self._clocks()
        started = time.monotonic()
        done = subprocess.run(
            [*contestant.command, *arguments],
            cwd=ROOT,
            env=environment(contestant, control_path=control_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            preexec_fn=lambda: self._join(memory),
        )
        wall = time.monotonic() - started
        controller, on_hosts, core = (after - earlier for after, earlier in zip(self._clocks(), before, strict=True))
        self._close(control_path)
        trial = Trial(
            name=contestant.name,
            round_trip=round_trip,
            wall=wall,
            controller=controller,
            host=on_hosts,
            other=max(0.0, core - controller - on_hosts),
            sessions=self._sessions() - sessions,
            changed=_changed(contestant, done.returncode, done.stdout),
            load=os.getloadavg()[0],
            memory=memory.peak(),
            hosts=len(self.hosts),
        )
        memory.remove()
        (self.folder / f"{re.sub('[^a-z]+', '-', contestant.name)}.log").write_text(done.stdout)
        return trial, done.stdout

    def module_calls(self, contestant: Contestant) -> int | None:
        """How many modules run on a host, counted in a run of its own that is not timed; None for who has no modules."""
        if not contestant.counts_calls:
            return None
        _, output = self.run(contestant, round_trip=0.0, arguments=["-vvv"])
        return round(output.count("Using module file") / len(self.hosts))

    def _memory_group(self) -> MemoryGroup:
        self._runs += 1
        return memory_group(controller=self.controller, number=self._runs)

    def _join(self, memory: MemoryGroup) -> None:
        self.controller.join()
        memory.join()
        os.sched_setaffinity(0, {self.core})

    def _clocks(self) -> tuple[float, float, float]:
        return self.controller.seconds(), sum(host.cpu.seconds() for host in self.hosts), core_seconds(self.core)

    def _sessions(self) -> int:
        return sum(host.sessions() for host in self.hosts)

    def _close(self, control_path: Path) -> None:
        """End the connections that this run would share with the next one."""
        for socket in control_path.iterdir():
            subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], capture_output=True, check=False)
        shutil.rmtree(control_path)


def _changed(contestant: Contestant, status: int, output: str) -> int | None:
    try:
        return contestant.changed(output) if status == 0 else None
    except ValueError:
        return None
