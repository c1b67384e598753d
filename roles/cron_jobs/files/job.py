#!/usr/bin/python3 -I
# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a declared job once, as cron does: one at a time, as its own user, for a limited time, with a record of how it ended.

``job run NAME`` exits as the job did: its exit code, 128 + the signal that ended it, 124 after a time-out, 75 if refused
because a run is still going on, 78 if the job cannot be started as declared.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import pwd
import re
import select
import signal
import subprocess
import sys
import syslog
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn

TIMED_OUT, REFUSED, UNUSABLE = 124, 75, 78
GRACE_SECONDS = 10
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KEY = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
QUOTED = re.compile(r"""'([^']*)'[ \t]*|"((?:[^"\\]|\\.)*)"[ \t]*""", re.DOTALL)
PLAIN = re.compile(r"(?:[^\\\n]|\\.)*", re.DOTALL)


class JobError(Exception):
    """The job cannot be started as declared; the text says why and what to do."""


class Stopped(Exception):
    """The run was told to stop; the text names the signal."""


@dataclass(frozen=True)
class Paths:
    """Where everything lies, below ``root``."""

    root: str = ""

    def spec(self, name: str) -> str:
        return f"{self.root}/etc/steady-fleet/jobs/{name}.json"

    def log(self, name: str) -> str:
        return f"{self.root}/var/log/steady-fleet/{name}.log"

    def record(self, name: str) -> str:
        return f"{self.root}/var/lib/steady-fleet/jobs/{name}.json"

    def lock(self, name: str) -> str:
        return f"{self.root}/run/steady-fleet/{name}.lock"

    @property
    def logrotate(self) -> str:
        return f"{self.root}/etc/logrotate.d/steady-fleet-jobs"


@dataclass(frozen=True)
class Job:
    """What the role declares in ``/etc/steady-fleet/jobs/NAME.json``; ``log_max_bytes`` bounds one run's output."""

    name: str
    command: list[str]
    user: str
    schedule: str
    description: str = ""
    lock: str = ""
    working_directory: str = "/"
    environment_file: str = ""
    timeout_seconds: int = 3600
    log_max_bytes: int = 10 * 1024 * 1024


@dataclass
class Log:
    """The job's log: every line gets its time; of one run at most ``budget`` bytes are kept."""

    file: IO[bytes]
    budget: int
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    _rest: bytes = b""

    def note(self, text: str) -> None:
        self.file.write(f"{now()} [job] {text}\n".encode())

    def write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > 65536:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._line(line)

    def flush(self) -> None:
        if self._rest:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        self.tail.append(line.decode(errors="replace"))
        if self.budget > 0:
            self.file.write(now().encode() + b" " + line + b"\n")
            self.budget -= len(line) + 22
            if self.budget <= 0:
                self.note("this run's further output is left out: it reached its limit")


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def parse_environment(text: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` lines as systemd's EnvironmentFile= does, so that a unit and a job see the same values.

    Raises ``JobError`` with the line's number, never its content.
    """
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        if not text[at].strip():
            at += 1
            continue
        if text[at] in "#;":
            at = (text.find("\n", at) + 1) or len(text)
            continue
        key = KEY.match(text, at)
        if not key:
            raise JobError(f"line {text.count(chr(10), 0, at) + 1} is not KEY=VALUE")
        value, at = _value(text, key.end())
        values[key.group(1)] = value
    return values


def _value(text: str, at: int) -> tuple[str, int]:
    value = ""
    quoted = QUOTED.match(text, at)
    while quoted:
        if quoted.group(1) is not None:
            value += quoted.group(1)
        else:
            value += re.sub(r"\\(.)", _unescape, quoted.group(2), flags=re.DOTALL)
        at = quoted.end()
        quoted = QUOTED.match(text, at)
    if at < len(text) and text[at] in "'\"":
        raise JobError(f"line {text.count(chr(10), 0, at) + 1} opens a quote that nothing closes")
    plain = PLAIN.match(text, at)
    end = plain.end() if plain else at
    value += re.sub(r"\\(.)", lambda m: "" if m.group(1) == "\n" else m.group(1), text[at:end].rstrip(), flags=re.DOTALL)
    return value, end


def _unescape(match: re.Match[str]) -> str:
    char = match.group(1)
    return char if char in '"\\`$' else "" if char == "\n" else "\\" + char


def names(paths: Paths) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        found = os.listdir(os.path.dirname(paths.spec("x")))
        return sorted(name[: -len(".json")] for name in found if name.endswith(".json"))
    return []


def load(paths: Paths, name: str) -> Job:
    known = names(paths)
    if name not in known:
        raise JobError(f"no job is named '{name}' on this host; it has: {', '.join(known) or 'none'}")
    with open(paths.spec(name), encoding="utf-8") as file:
        return Job(**json.load(file))


@contextlib.contextmanager
def locked(path: str, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock; yield whether it was free. The kernel lets go of it however this process ends."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def read_record(paths: Paths, name: str) -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError, ValueError), open(paths.record(name), encoding="utf-8") as file:
        record = json.load(file)
        if isinstance(record, dict):
            return record
    return {}


def update_record(paths: Paths, name: str, changes: dict[str, Any]) -> None:
    """Merge ``changes`` into the job's record, atomically: a running and a refused run may both write."""
    with locked(paths.lock(f"{name}.record"), wait=True):
        record = {**read_record(paths, name), **changes}
        target = paths.record(name)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        staged = f"{target}.{os.getpid()}"
        with open(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w", encoding="utf-8") as file:
            json.dump(record, file, indent=2, sort_keys=True)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(staged, target)


def environment(job: Job, user: pwd.struct_passwd) -> dict[str, str]:
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


def start(job: Job, *, output: int) -> subprocess.Popen[bytes]:
    """Start the job's program as its user, in a session of its own; no shell is involved."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Killed ourselves, we let go of the lock: the job then ends with us, or it would overlap with the next run.
    options: dict[str, Any] = {"preexec_fn": lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)}
    try:
        user = pwd.getpwnam(job.user)
    except KeyError:
        raise JobError(f"its user '{job.user}' does not exist on this host") from None
    if os.geteuid() == 0:
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        options.update(user=user.pw_uid, group=user.pw_gid, extra_groups=groups)
    elif os.geteuid() != user.pw_uid:
        raise JobError(f"only root may run it, for it runs as '{job.user}': use sudo")
    # What the job leaves behind becomes our child, not init's, so that it can be found and ended.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        return subprocess.Popen(
            job.command,
            cwd=job.working_directory,
            env=environment(job, user),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o027,
            **options,
        )
    except OSError as error:
        what = error.filename or job.command[0]
        raise JobError(f"cannot start: {what}: {error.strerror}") from None


def descendants() -> set[int]:
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


def pump(output: int, log: Log, *, wait: float) -> bool:
    """Write what the job prints within ``wait`` seconds to the log. Return whether more may come."""
    if not select.select([output], [], [], wait)[0]:
        return True
    data = os.read(output, 65536)
    log.write(data)
    return bool(data)


def follow(process: subprocess.Popen[bytes], output: int, log: Log, *, timeout_seconds: int) -> bool:
    """Write the job's output to the log until it ends. Return whether it ended in time."""
    deadline = time.monotonic() + timeout_seconds
    more = True
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        # What the job left behind may keep the pipe open, and the job may close it early: look at both.
        if more:
            more = pump(output, log, wait=min(left, 1.0))
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=left)
    return True


def end_all(process: subprocess.Popen[bytes], output: int, log: Log) -> int:
    """End what still runs: SIGTERM, then SIGKILL after a grace period. Return how many processes there were."""
    alive = told = descendants()
    for pid in told:
        send(pid, signal.SIGTERM)
    give_up = time.monotonic() + GRACE_SECONDS
    while alive:
        if not pump(output, log, wait=0.05):
            time.sleep(0.05)
        if time.monotonic() >= give_up:
            for pid in alive:
                send(pid, signal.SIGKILL)
        process.poll()
        alive = descendants()
    process.wait()
    while pump(output, log, wait=1.0):  # nobody holds the other end any more: what is left, then its end
        pass
    return len(told)


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def stop(number: int, _frame: object) -> NoReturn:
    raise Stopped(signal.Signals(number).name)


def perform(job: Job, log: Log) -> dict[str, Any]:
    """Run the job to its end; return how that was: outcome, exit_code, signal, message."""
    output, job_end = os.pipe()
    try:
        process = start(job, output=job_end)
    except JobError as error:
        return {"outcome": "failed", "exit_code": UNUSABLE, "signal": None, "message": str(error)}
    finally:
        os.close(job_end)
    outcome, message = "failed", ""
    try:
        log.note(f"started as {job.user}, process {process.pid}")
        if not follow(process, output, log, timeout_seconds=job.timeout_seconds):
            outcome, message = "timeout", f"did not end within {job.timeout_seconds} s"
    except Stopped as error:
        message = f"told to stop by {error}"
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)  # what follows is short and must be finished
    left = end_all(process, output, log)
    log.flush()
    code = process.returncode
    if not message:
        outcome = "ok" if code == 0 else "failed"
        message = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if left:
            message += f"; {left} process(es) that it left behind were ended"
    return {
        "outcome": outcome,
        "exit_code": TIMED_OUT if outcome == "timeout" else 128 - code if code < 0 else code,
        "signal": -code if code < 0 else None,
        "message": message,
    }


def run(paths: Paths, job: Job, *, tail: int = 0) -> int:
    """Run ``job`` under its lock, keep its output and a record; return the exit code."""
    os.umask(0o022)
    log_path = paths.log(job.name)
    os.makedirs(os.path.dirname(log_path), mode=0o750, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with open(os.open(log_path, flags, 0o640), "ab", buffering=0) as file:
        log = Log(file=file, budget=job.log_max_bytes)
        with locked(paths.lock(job.lock or job.name)) as free:
            code = run_locked(paths, job, log) if free else refuse(paths, job, log)
        too_long = os.fstat(file.fileno()).st_size > job.log_max_bytes
    if too_long and os.path.exists(paths.logrotate):
        # logrotate's own timer is daily: without this, a talkative job could fill the disk before it.
        subprocess.run(["logrotate", paths.logrotate], check=False, stdin=subprocess.DEVNULL)
    for line in list(log.tail)[-tail:] if tail else []:
        print(line)
    return code


def run_locked(paths: Paths, job: Job, log: Log) -> int:
    for number in STOPPING:
        signal.signal(number, stop)
    started, clock = now(), time.monotonic()
    common = {"job": job.name, "started": started, "pid": os.getpid()}
    nothing = {"ended": None, "exit_code": None, "signal": None, "duration_seconds": None, "message": ""}
    update_record(paths, job.name, {**common, **nothing, "outcome": "running"})
    result = perform(job, log)
    result.update(ended=now(), duration_seconds=round(time.monotonic() - clock, 3))
    if result["outcome"] == "ok":
        result["last_success"] = result["ended"]
    update_record(paths, job.name, {**common, **result})
    report(job, result, log)
    return int(result["exit_code"])


def refuse(paths: Paths, job: Job, log: Log) -> int:
    message = f"refused: a run that holds the lock '{job.lock or job.name}' has not ended yet"
    record = read_record(paths, job.name)
    changes = {"job": job.name, "last_refused": now(), "refusals": int(record.get("refusals", 0)) + 1}
    if record.get("outcome") != "running":
        changes.update(outcome="refused", exit_code=REFUSED, message=message)
    update_record(paths, job.name, changes)
    report(job, {"outcome": "refused", "message": message}, log)
    return REFUSED


def report(job: Job, result: dict[str, Any], log: Log) -> None:
    """Say how it ended in the log and, if it is not well, in the journal and on the error stream."""
    text = f"{result['outcome']}: {result['message']}"
    log.note(text)
    if result["outcome"] != "ok":
        syslog.openlog("steady-fleet-job", facility=syslog.LOG_CRON)
        syslog.syslog(syslog.LOG_ERR, f"job={job.name} {text}")
        print(f"job '{job.name}' {text}", file=sys.stderr)


def states(paths: Paths) -> list[dict[str, Any]]:
    """Return the record of every declared job, with its schedule; ``never`` if it has not run yet."""
    result = []
    for name in names(paths):
        job = load(paths, name)
        record = {"job": name, "outcome": "never", **read_record(paths, name), "schedule": job.schedule}
        if record["outcome"] == "running":
            with locked(paths.lock(job.lock or name)) as free:
                record["outcome"] = "interrupted" if free else "running"
        result.append(record)
    return result


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def show_list(paths: Paths) -> int:
    jobs = [load(paths, name) for name in names(paths)]
    rows = [[job.name, job.schedule, job.user, job.description] for job in jobs]
    print(table([["JOB", "SCHEDULE (UTC)", "USER", "DESCRIPTION"], *rows]))
    return 0


def show_status(paths: Paths, *, as_json: bool) -> int:
    found = states(paths)
    if as_json:
        print(json.dumps(found, indent=2, sort_keys=True))
        return 0
    columns = ["job", "outcome", "started", "duration_seconds", "last_success", "message"]
    rows = [["-" if one.get(key) is None else str(one[key]) for key in columns] for one in found]
    print(table([["JOB", "OUTCOME", "STARTED (UTC)", "SECONDS", "LAST SUCCESS", "MESSAGE"], *rows]))
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="job", description="Run and show this host's declared jobs.")
    parser.add_argument("--root", default="", help="a directory in which /etc, /var and /run are looked for")
    commands = parser.add_subparsers(dest="action", required=True)
    one = commands.add_parser("run", help="run a job now, exactly as cron does")
    one.add_argument("name")
    one.add_argument("--tail", type=int, default=0, metavar="LINES", help="print the last lines of its output")
    commands.add_parser("list", help="show the declared jobs")
    status = commands.add_parser("status", help="show how each job's last run ended")
    status.add_argument("--json", action="store_true", help="as JSON, for programs")
    asked = parser.parse_args(arguments)
    paths = Paths(root=asked.root)
    try:
        if asked.action == "list":
            return show_list(paths)
        if asked.action == "status":
            return show_status(paths, as_json=asked.json)
        return run(paths, load(paths, asked.name), tail=asked.tail)
    except JobError as error:
        print(f"job: {error}", file=sys.stderr)
    except Stopped as error:
        print(f"job: told to stop by {error} before it was started", file=sys.stderr)
    except PermissionError as error:
        print(f"job: {error.filename}: {error.strerror}; use sudo", file=sys.stderr)
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
