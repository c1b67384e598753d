# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that the kernel lets go of however we end, and records that are replaced whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from .judge import current
from .model import Job, Paths, Record, parse_record

BRIEF_SECONDS = 1.0


@contextlib.contextmanager
def locked(path: str, *, holder: str = "", wait: bool = False) -> Iterator[bool]:
    """Hold the lock, in the name of ``holder``; yield whether it was free within a moment: who only looks holds it for no time at all."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "rb") as file:
        give_up = time.monotonic() + BRIEF_SECONDS
        while not _take(file.fileno(), fcntl.LOCK_EX, wait=wait):
            if time.monotonic() >= give_up:
                yield False
                return
            time.sleep(0.05)
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), holder.encode(), 0)
        yield True


def is_free(path: str) -> bool:
    """Whether nobody holds the lock now."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        return _take(file.fileno(), fcntl.LOCK_SH, wait=False)
    return True


def is_held(path: str, holder: str) -> bool:
    """Whether the lock is held now, in the name of ``holder``."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        return file.read() == holder and not is_free(path)
    return False


def _take(file: int, kind: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def replace_json(path: str, content: Any) -> None:
    """Put ``content`` in place of the file at once, surviving a power cut; everyone may read it."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    staged = f"{path}.{os.getpid()}"
    with open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(staged, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # a run that is forgotten would be run again
    finally:
        os.close(folder)


def read_json(path: str) -> dict[str, Any]:
    """The object in the file; empty if there is none that can be read."""
    with contextlib.suppress(FileNotFoundError, ValueError), open(path, encoding="utf-8") as file:
        content = json.load(file)
        if isinstance(content, dict):
            return content
    return {}


def read(paths: Paths, job: Job) -> Record:
    """The job's record, with its present schedule and since when that one holds."""
    return current(parse_record(job.name, read_json(paths.record(job.name))), job)


def read_all(paths: Paths, jobs: dict[str, Job]) -> dict[str, Record]:
    return {name: read(paths, job) for name, job in jobs.items()}


def update(paths: Paths, job: Job, change: Callable[[Record], Record]) -> Record:
    """Change the job's record atomically: a running and a refused run may both write. What stays the same is not written."""
    with locked(paths.lock(f"{job.name}.record"), wait=True):
        before = parse_record(job.name, read_json(paths.record(job.name)))
        record = change(current(before, job))
        if record != before:
            replace_json(paths.record(job.name), record.as_dict())
    return record


def forget_schedule(paths: Paths, name: str) -> None:
    """Note that the job is declared no more: declared again, it has nothing to catch up."""
    with locked(paths.lock(f"{name}.record"), wait=True):
        said = read_json(paths.record(name))
        if said.get("since"):
            replace_json(paths.record(name), {**said, "schedule": "", "since": ""})
