# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a TCP port."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

LISTEN = "0A"
UNSEEN = "another process"


def holders(ports: Iterable[int]) -> dict[int, str]:
    """Map each of ``ports`` that is listened on to its holder, such as ``nginx (pid 123, nginx.service)``. Source: proc(5)."""
    wanted = set(ports)
    inodes: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as stream:
                rows = [line.split() for line in stream.readlines()[1:]]
        except OSError:
            continue
        for row in rows:
            port = int(row[1].rpartition(":")[2], 16)
            if row[3] == LISTEN and port in wanted:
                inodes[row[9]] = port
    return _owners(inodes) if inodes else {}


def _owners(inodes: dict[str, int]) -> dict[int, str]:
    found = {port: UNSEEN for port in inodes.values()}
    for descriptor in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in inodes:
            found[inodes[target[8:-1]]] = _describe(descriptor.split("/")[2])
    return found


def _describe(pid: str) -> str:
    name, unit = "a process", ""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as stream:
            name = stream.read().strip()
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as stream:
            parts = [part for line in stream for part in line.strip().split("/") if part.endswith((".service", ".socket", ".scope"))]
        unit = f", {parts[-1]}" if parts else ""
    except OSError:
        unit = ""
    return f"{name} (pid {pid}{unit})"
