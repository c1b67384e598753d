"""CPU time and memory, by control group: of the controller's processes, of a container, of a core."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
V1 = CGROUPS / "cpuacct"


class CpuGroup:
    """One control group's CPU account."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def seconds(self) -> float:
        """CPU seconds of everything that is or was in the group."""
        if (self.path / "cpuacct.usage").exists():
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        found = re.search(r"^usage_usec (\d+)", (self.path / "cpu.stat").read_text(), re.MULTILINE)
        return int(found.group(1)) / 1e6 if found else 0.0

    def join(self) -> None:
        """Move the calling process, and so its children to come, into the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        """Give the group back to the kernel."""
        with suppress(OSError):
            self.path.rmdir()


class MemoryGroup:
    """The memory of one run's processes together; pages that forks share count once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def peak(self) -> float:
        """The most that was in use at once, in MB."""
        names = ("memory.max_usage_in_bytes", "memory.peak")
        return next((int((self.path / name).read_text()) / 1e6 for name in names if (self.path / name).exists()), 0.0)

    def join(self) -> None:
        """Move the calling process, and so its children to come, into the group."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        """Give the group back to the kernel."""
        with suppress(OSError):
            self.path.rmdir()


def memory_group(*, controller: CpuGroup, number: int) -> MemoryGroup:
    """A new group for one run: beside the controller's where each resource has a tree of its own, else below it."""
    if V1.is_dir():
        return MemoryGroup(CGROUPS / "memory" / f"{controller.path.name}-{number}")
    (controller.path / "cgroup.subtree_control").write_text("+memory")
    return MemoryGroup(controller.path / str(number))


def own_group() -> CpuGroup:
    """A new group for the controller. It also counts what outlives its parent, such as ssh's shared connection. Needs root."""
    group = CpuGroup((V1 if V1.is_dir() else CGROUPS) / f"steady-benchmark-{os.getpid()}")
    group.path.mkdir()
    return group


def container_group(*, pid: int, container: str) -> CpuGroup:
    """The group of the container whose first process is ``pid``."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if container in path and ("cpuacct" in controllers.split(",") or number == "0"):
            base = CGROUPS / "cpuacct" if V1.is_dir() else CGROUPS
            whole = path[: path.index(container) + len(container)]
            whole += ".scope" if path[len(whole) :].startswith(".scope") else ""
            group = CpuGroup(base / whole.lstrip("/"))
            if group.path.is_dir():
                return group
    raise FileNotFoundError(f"the control group of container {container} is not under {CGROUPS}")


def core_seconds(core: int) -> float:
    """Busy seconds of one core since boot, whoever used it."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            ticks = [int(field) for field in fields[:8]]
            return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    return 0.0
