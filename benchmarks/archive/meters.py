"""What a run costs: CPU of the client's processes, of the server and of everybody else, and the client's memory."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
EVERY = 0.05


@dataclass(frozen=True)
class Cost:
    """Seconds and MB. peak: the most that the client's processes had at once, each with the highest it ever was (VmHWM)."""

    status: int
    output: str
    wall: float
    client: float
    server: float
    other: float
    peak: float


def measure(command: list[str], *, folder: Path, environment: Mapping[str, str], server: int) -> Cost:
    """Run a command to its end in ``folder``."""
    log = folder.with_suffix(".log")
    before = _busy(), _cpu(server)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        watch = _Watch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        watch.end()
    process.returncode = os.waitstatus_to_exitcode(status)
    client, on_server = usage.ru_utime + usage.ru_stime, _cpu(server) - before[1]
    return Cost(
        status=process.returncode,
        output=log.read_text(errors="replace"),
        wall=wall,
        client=client,
        server=on_server,
        other=max(0.0, _busy() - before[0] - client - on_server),
        peak=watch.peak / 1024,
    )


class _Watch(threading.Thread):
    """Looks at a process and all below it, again and again. peak: in KiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(EVERY):
            self.peak = max(self.peak, sum(_high_water(pid) for pid in _tree(self._pid)))

    def end(self) -> None:
        self._ended.set()
        self.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            yield from _tree(int(child))


def _high_water(pid: int) -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB", _read(Path(f"/proc/{pid}/status")), re.MULTILINE)
    return int(found.group(1)) if found else 0


def _cpu(pid: int) -> float:
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _busy() -> float:
    """Seconds that all cores worked since boot, whoever used them."""
    ticks = [int(field) for field in _read(Path("/proc/stat")).split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS


def _read(path: Path) -> str:
    """Empty when the process is gone."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
