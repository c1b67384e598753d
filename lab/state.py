"""The lab's state folder: who runs, what the daemon last reported, and the safe removal of it all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any

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


def hold(folder: Path) -> IO[str]:
    """Take the daemon's lock for as long as the returned file is open; raise :class:`LabError` if another has it."""
    file = (folder / "daemon.pid").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LabError(f"The lab of {folder} runs already: see python -m lab status.") from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


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
