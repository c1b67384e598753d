# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time writes to a host.

Each writing call holds one kernel lock, which dies with its process and with the step that a killed process leaves at work. Between two
calls of one run the record in the lock's file is a short lease, so that no other run comes between a build, its switch and its gate.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

PATH = "/run/steady-fleet.lock"
LEASE_SECONDS = 60.0
PATIENCE_SECONDS = 75.0
"""Longer than a lease: a run that has ended, or died, never makes another one fail."""
BREAK_VARIABLE = "steady_fleet_break_lock"
_BROKEN_KEPT = 8


class LockError(Exception):
    """Another run has this host. ``holder`` is set where the asking controller can see for itself whether that run lives."""

    def __init__(self, message: str, *, holder: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.holder = holder


@dataclass(frozen=True)
class Run:
    """Who asks. All calls of one ansible-playbook run have one ``token``; without a token a call is a run by itself.

    ``breaks`` is the token of a run to end; ``ended`` one that the controller has seen to be gone; ``patient`` is to wait for a lease in any case.
    """

    token: str = ""
    user: str = "an unnamed user"
    controller: str = "this host"
    process: str = ""
    play: str = ""
    breaks: str = ""
    ended: str = ""
    patient: bool = False

    @classmethod
    def of(cls, raw: Mapping[str, Any] | None) -> Run:
        """From a module's parameter."""
        return cls(**{name: value for name, value in (raw or {}).items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Record:
    """What the lock's file says. ``until`` is a lease's end in seconds since boot: None while the lock is held, and after a run's end."""

    token: str = ""
    user: str = ""
    controller: str = ""
    process: str = ""
    play: str = ""
    address: str = ""
    since: str = ""
    pid: int = 0
    started: str = ""
    until: float | None = None
    broken: dict[str, str] = field(default_factory=dict)

    def person(self) -> str:
        """Who and from where."""
        address = f" ({self.address})" if self.address else ""
        return f"{self.user or 'another process'} from {self.controller or 'this host'}{address}"


@contextmanager
def hold(run: Run, *, last: bool = False, path: str = PATH, lease: float = LEASE_SECONDS, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold this host for the body. Raises LockError where another run has it for longer than ``patience``; ``last`` leaves no lease."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.set_inheritable(descriptor, True)  # a step that outlives its killed run keeps the lock until it is done
    try:
        mine = _acquire(descriptor, run, patience)
        _write(descriptor, mine)
        try:
            yield
        finally:
            _write(descriptor, replace(mine, until=_now() + lease if run.token and not last else None))
    finally:
        os.close(descriptor)


def end(run: Run, *, path: str = PATH) -> None:
    """End this run's lease, if it has one: its last call wrote nothing."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        if _flock(descriptor) and run.token and _read(descriptor).token == run.token:
            _write(descriptor, replace(_read(descriptor), until=None))
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, run: Run, patience: float) -> Record:
    """Wait for the kernel's lock and for another run's lease; the record to write then."""
    deadline = time.monotonic() + patience
    while True:
        free = _flock(descriptor)
        record = _read(descriptor)
        if run.token and run.token in record.broken:
            raise LockError(f"this run was ended on this host by {record.broken[run.token]}, so it changes nothing more here. Run again.")
        if free and _is_open(record, run):
            return _mine(record, run)
        if free:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            if record.controller == run.controller and record.process and not run.patient:
                raise LockError(_message(record, run), holder={"token": record.token, "process": record.process})
        elif record.token and record.token == run.breaks:
            _kill(record)
        if time.monotonic() > deadline:
            raise LockError(_message(record, run))
        time.sleep(0.2)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_open(record: Record, run: Run) -> bool:
    """Whether no other run's lease is on the record. One without an end is of a process that died with the lock."""
    return record.until is None or record.until <= _now() or record.token in (run.token, run.breaks, run.ended)


def _mine(record: Record, run: Run) -> Record:
    broken = dict(record.broken)
    again = record.token == run.token and bool(run.token)
    since = record.since if again else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    address = _client_address()
    if record.token and record.token == run.breaks:
        broken[record.token] = f"{Record(user=run.user, controller=run.controller, address=address).person()} at {since} UTC"
    return Record(
        token=run.token,
        user=run.user,
        controller=run.controller,
        process=run.process,
        play=run.play,
        address=address,
        since=since,
        pid=os.getpid(),
        started=_start_time(os.getpid()),
        broken=dict(list(broken.items())[-_BROKEN_KEPT:]),
    )


def _message(record: Record, run: Run) -> str:
    play = f", play {record.play!r}" if record.play else ""
    other = f" ({BREAK_VARIABLE}={run.breaks} is the token of another run.)" if run.breaks and run.breaks != record.token else ""
    way_out = (
        f"end it with -e {BREAK_VARIABLE}={record.token}: your run then finishes what it left" if record.token else f"end process {record.pid} on the host"
    )
    return (
        f"{record.person()} is converging this host since {record.since} UTC{play}. Nothing was changed.{other}"
        f" Wait until that run has ended and run again; if it hangs, {way_out}."
    )


def _read(descriptor: int) -> Record:
    try:
        raw = json.loads(os.pread(descriptor, 65536, 0))
        return Record(**{name: value for name, value in raw.items() if name in Record.__dataclass_fields__})
    except (ValueError, TypeError, AttributeError):
        return Record()


def _write(descriptor: int, record: Record) -> None:
    data = json.dumps(asdict(record)).encode()
    os.pwrite(descriptor, data, 0)
    os.ftruncate(descriptor, len(data))


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _kill(record: Record) -> None:
    """End the holder's module, which any run can finish. Its last step goes on, and keeps the lock, until it is done."""
    if record.started and record.started == _start_time(record.pid):
        os.kill(record.pid, signal.SIGKILL)


def _start_time(pid: int) -> str:
    """When a process started, in the kernel's ticks: with its number that is a process for certain. Source: proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _client_address() -> str:
    """From where this call came over SSH; sudo has taken it from the environment, so the processes above are asked, too."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as stream:
                environment = stream.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
                pid = int(stream.read().rpartition(")")[2].split()[1])
        except OSError:
            return ""
        for variable in environment:
            if variable.startswith(b"SSH_CONNECTION="):
                return variable.split(b"=", 1)[1].decode("ascii", "replace").split(" ")[0]
    return ""
