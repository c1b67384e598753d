# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one program as the job's user, without a shell, until it and all that it started has ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .environment import parse_environment
from .log import Log
from .model import Job, JobError, Step

GRACE_SECONDS = 10
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_LOOK_SECONDS = 0.5  # how soon a request to stop is seen


class Stop:
    """Remembers the signal that told this run to stop: what must be recorded is recorded first."""

    name = ""

    def __call__(self, number: int, _frame: object) -> None:
        self.name = self.name or signal.Signals(number).name

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass(frozen=True)
class Ended:
    """How a program ended. ``early``: why it was ended before its own end (``timeout`` or ``stopped``), else empty."""

    returncode: int
    early: str
    left_behind: int


def user_of(job: Job) -> pwd.struct_passwd:
    """Whom the job runs as. Raises JobError if that user is not there or cannot be become."""
    try:
        user = pwd.getpwnam(job.user)
    except KeyError:
        raise JobError(f"its user '{job.user}' does not exist on this host") from None
    if os.geteuid() not in (0, user.pw_uid):
        raise JobError(f"only root may run it, for it runs as '{job.user}': use sudo")
    return user


def environment(job: Job, user: pwd.struct_passwd) -> dict[str, str]:
    """What the job's programs see; nothing of what we see. Raises JobError for an environment file that cannot be read."""
    values = {
        "HOME": user.pw_dir,
        "LANG": "C.UTF-8",
        "LOGNAME": user.pw_name,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONUNBUFFERED": "1",  # so that the log's times are true
        "SHELL": "/bin/sh",
        "TZ": "UTC",
        "USER": user.pw_name,
    }
    if job.environment_file:
        try:
            with open(job.environment_file, encoding="utf-8") as file:
                values.update(parse_environment(file.read()))
        except OSError as error:
            raise JobError(f"cannot read its environment file {job.environment_file}: {error.strerror}") from None
        except JobError as error:
            raise JobError(f"its environment file {job.environment_file}: {error}") from None
    return values


def start(job: Job, step: Step, *, output: int, extra: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the step's program as the job's user, in a session of its own. Raises JobError if that cannot be."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Killed ourselves, we let go of the lock: the job then ends with us, or it would overlap with the next run.
    options: dict[str, Any] = {"preexec_fn": lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)}
    user = user_of(job)
    if os.geteuid() == 0:
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        options.update(user=user.pw_uid, group=user.pw_gid, extra_groups=groups)
    # What the job leaves behind becomes our child, not init's, so that it can be found and ended.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        return subprocess.Popen(
            step.command,
            cwd=job.working_directory,
            env={**environment(job, user), **extra},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o027,
            **options,
        )
    except OSError as error:
        what = error.filename or step.command[0]
        raise JobError(f"cannot start: {what}: {error.strerror}") from None


def run(job: Job, step: Step, log: Log, *, seconds: float, stop: Stop, extra: dict[str, str]) -> Ended:
    """Run the step's program for at most ``seconds``. Raises JobError if it cannot be started."""
    output, job_end = os.pipe()
    try:
        try:
            process = start(job, step, output=job_end, extra=extra)
        finally:
            os.close(job_end)
        log.note(f"{step.name}: started as {job.user}, process {process.pid}")
        early = _follow(process, output, log, seconds=seconds, stop=stop)
        left = _end_all(process, output, log)
        log.flush()
    finally:
        os.close(output)
    return Ended(returncode=process.returncode, early=early, left_behind=left)


def _follow(process: subprocess.Popen[bytes], output: int, log: Log, *, seconds: float, stop: Stop) -> str:
    """Write the program's output to the log until it ends. Return why it must be ended, if it must."""
    deadline = time.monotonic() + seconds
    more = True
    while process.poll() is None:
        left = deadline - time.monotonic()
        if stop.name:
            return "stopped"
        if left <= 0:
            return "timeout"
        # What the job left behind may keep the pipe open, and the job may close it early: look at both.
        if more:
            more = _pump(output, log, wait=min(left, _LOOK_SECONDS))
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=min(left, _LOOK_SECONDS))
    return ""


def _pump(output: int, log: Log, *, wait: float) -> bool:
    """Write what the job prints within ``wait`` seconds to the log. Return whether more may come."""
    if not select.select([output], [], [], wait)[0]:
        return True
    data = os.read(output, 65536)
    log.write(data)
    return bool(data)


def _end_all(process: subprocess.Popen[bytes], output: int, log: Log) -> int:
    """End what still runs: SIGTERM, then SIGKILL after a grace period. Return how many processes there were."""
    alive = told = _descendants()
    for pid in told:
        _send(pid, signal.SIGTERM)
    give_up = time.monotonic() + GRACE_SECONDS
    while alive:
        if not _pump(output, log, wait=0.05):
            time.sleep(0.05)
        if time.monotonic() >= give_up:
            for pid in alive:
                _send(pid, signal.SIGKILL)
        process.poll()
        alive = _descendants()
    process.wait()
    while _pump(output, log, wait=1.0):  # nobody holds the other end any more: what is left, then its end
        pass
    return len(told)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _descendants() -> set[int]:
    """Return every living process below this one, whatever group or session it moved to."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(entry))
    found: set[int] = set()
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found.update(below)
        todo.extend(below)
    return found
