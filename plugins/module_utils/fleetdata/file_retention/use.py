# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in use: open in a process, mapped into its memory, or where it works. The kernel is asked, as for others' processes only it can tell."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .model import Key

_PLACES = ("cwd", "root", "exe")


@dataclass(frozen=True)
class Use:
    """What the processes that may be looked into use. open: by inode, which process. mapped: by inode's number, then by filesystem's number and name.

    hidden: how many processes may not be looked into.
    """

    open: Mapping[Key, str] = field(default_factory=dict)
    mapped: Mapping[int, Mapping[tuple[int, str], str]] = field(default_factory=dict)
    hidden: int = 0

    def holder(self, keys: Iterable[Key], name: str = "") -> str:
        """Who uses one of them, empty when nobody is seen to. name: of the file, for filesystems that number themselves otherwise when mapped."""
        for key in keys:
            if key in self.open:
                return f"{self.open[key]} has it open"
            for (device, its_name), process in self.mapped.get(key[1], {}).items():
                if device == key[0] or its_name == name:
                    return f"{process} has it in its memory"
        return ""


def look() -> Use:
    """Look into all processes but this one."""
    opened: dict[Key, str] = {}
    mapped: dict[int, dict[tuple[int, str], str]] = {}
    hidden = 0
    for process in os.listdir("/proc"):
        if not process.isdigit() or int(process) == os.getpid():
            continue
        try:
            who = _who(process)
            for key in _open(process):
                opened.setdefault(key, who)
            for device, number, name in _mapped(process):
                mapped.setdefault(number, {})[device, name] = who
        except PermissionError:
            hidden += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return Use(open=opened, mapped=mapped, hidden=hidden)


def _who(process: str) -> str:
    with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
        return f"{file.read().strip()} (process {process})"


def _open(process: str) -> Iterator[Key]:
    links = [f"/proc/{process}/fd/{number}" for number in os.listdir(f"/proc/{process}/fd")]
    for link in [*links, *(f"/proc/{process}/{place}" for place in _PLACES)]:
        try:
            found = os.stat(link)
        except (FileNotFoundError, ProcessLookupError):
            continue  # closed meanwhile; a kernel's thread has no program
        if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
            yield found.st_dev, found.st_ino


def _mapped(process: str) -> Iterator[tuple[int, int, str]]:
    with open(f"/proc/{process}/maps", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            _, _, _, device, number, *path = line.rstrip("\n").split(maxsplit=5)
            if path and number != "0":
                major, _, minor = device.partition(":")
                yield os.makedev(int(major, 16), int(minor, 16)), int(number), os.path.basename(path[0])


def is_free(file: int) -> bool | None:
    """Whether nobody else has an open file open, whoever it is; None where the kernel does not say. As long as it stays open, who opens it waits for that.

    It is a lease, which the kernel gives to the only one who has a file open: to its owner or to root.
    """
    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # the usual signal for who asks for it back would end this process
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    return True
