"""The lab's state folder: who runs, what the daemon last reported, and the safe removal of it all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from lab.errors import LabError

MARKER = "this-folder-belongs-to-the-lab"


def create(folder: Path) -> None:
    """Make the state folder; refuse one that something else has filled."""
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise LabError(f"{folder} is not the lab's folder and not empty: set STEADY_LAB_STATE to another path.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARKER).touch()


def remove(folder: Path) -> None:
    """Remove the state folder, provided that the lab made it."""
    if (folder / MARKER).exists():
        shutil.rmtree(folder)


def hold(folder: Path) -> None:
    """Take the daemon's lock until this process has ended; raise :class:`LabError` if another has it.

    A bare descriptor that nobody closes: the kernel lets the lock go, so who gets it next knows that we are gone.
    """
    descriptor = os.open(folder / "daemon.pid", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LabError(f"The lab of {folder} runs already: see python -m lab status.") from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def daemon_pid(folder: Path) -> int | None:
    """The daemon's process id, or None when none runs. A lock, not the file, says so: process ids are used again."""
    try:
        with (folder / "daemon.pid").open(encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` so that a reader sees the old file or the new one, whole."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def read_json(path: Path, default: Any) -> Any:
    """The file's value, or ``default`` when there is no file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
