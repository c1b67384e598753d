# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take back a change that no second connection has proved.

guard.py imports this, and leaves a copy of it on the host for as long as a change waits for its proof: that copy must need neither the
controller nor the collection. So it is one file, of the standard library alone. Every step may be repeated after a kill.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

DIRECTORY = "/var/lib/steady-fleet/guard"
VERDICT = "/run/steady-fleet-guard.json"
LOCK = "/run/steady-fleet.lock"
LOCK_PATIENCE_SECONDS = 300.0
UNITS = "/etc/systemd/system"
BOOT_UNIT = "steady-fleet-guard-boot.service"
UNIT_TREES = (UNITS + "/", "/usr/local/lib/systemd/system/")
KEPT, REVERTED = "kept", "reverted"


def read(*, directory: str = DIRECTORY) -> dict[str, Any] | None:
    """The change that waits for its proof, if there is one."""
    try:
        with open(os.path.join(directory, "change.json"), encoding="utf-8") as stream:
            change: dict[str, Any] = json.load(stream)
            return change
    except FileNotFoundError:
        return None


def write(path: str, data: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one durable step."""
    staged = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.steady-guard~")
    _unlink(staged)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        if owner is not None:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    os.rename(staged, path)
    _sync(os.path.dirname(path))


def take_back(change: Mapping[str, Any], *, booting: bool = False, directory: str = DIRECTORY) -> None:
    """Put back every file and unit as it was, and forget the change.

    Args:
        change: what guard.py wrote down.
        booting: the units are about to start by themselves: none is waited for.
        directory: where the change is kept.
    """
    for verb, unit in change["before"]:
        _systemctl(*(["--no-block"] if booting and verb == "stop" else []), verb, unit)
    failures = []
    for saved in change["paths"]:
        try:
            _restore(saved)
        except OSError as error:  # a full disk: the others are put back, and this one is tried again
            failures.append(error)
    if any(saved["path"].startswith(UNIT_TREES) for saved in change["paths"]):
        _systemctl("daemon-reload")
    for verb, unit in change["after"]:
        if not booting or verb in ("enable", "mask"):
            _systemctl(verb, unit)
    if failures:
        raise failures[0]
    forget(change, outcome=REVERTED, directory=directory)


def forget(change: Mapping[str, Any], *, outcome: str, directory: str = DIRECTORY) -> None:
    """Remember how it ended (until the next boot), and leave nothing else behind."""
    write(VERDICT, json.dumps({"token": change["token"], "outcome": outcome}).encode())
    for path in (
        os.path.join(directory, "change.json"),
        f"{UNITS}/sysinit.target.wants/{BOOT_UNIT}",
        f"{UNITS}/{BOOT_UNIT}",
        os.path.join(directory, "revert.py"),
    ):
        _unlink(path)
    _sync(directory)


def seconds_left(change: Mapping[str, Any]) -> float:
    """Until this change is taken back."""
    return float(change["deadline"]) - time.clock_gettime(time.CLOCK_BOOTTIME)


def _restore(saved: Mapping[str, Any]) -> None:
    path = saved["path"]
    if saved["kind"] == "absent":
        _unlink(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if saved["kind"] == "link":
        staged = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.steady-guard~")
        _unlink(staged)
        os.symlink(saved["target"], staged)
        os.rename(staged, path)
    else:
        write(path, base64.b64decode(saved["data"]), mode=saved["mode"], owner=(saved["uid"], saved["gid"]))


def _systemctl(*words: str) -> None:
    """A failure of one unit must not keep the others from being put back; systemd's journal has its words."""
    subprocess.run(["systemctl", *words], check=False, stdin=subprocess.DEVNULL)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wait_for_other_runs() -> int:
    """Take the run lock, which dies with this process. One that holds it too long does not stop the way back."""
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(0.2)
    return descriptor


def main(arguments: list[str]) -> None:
    """Wait until the change is proved or its time is over; with ``--boot``, take it back now: the proof was cut off."""
    booting = "--boot" in arguments
    change = read()
    while change is not None and not booting and seconds_left(change) > 0:
        time.sleep(min(1.0, max(0.0, seconds_left(change))))
        change = read()
    _wait_for_other_runs()
    change = read()
    if change is not None and (booting or seconds_left(change) <= 0):
        take_back(change, booting=booting)
        print("taken back, as no second connection proved it: " + ", ".join([saved["path"] for saved in change["paths"]] or ["units"]))
    elif change is not None:
        main(arguments)  # a run that went on meanwhile has asked for more time


if __name__ == "__main__":
    main(sys.argv[1:])
