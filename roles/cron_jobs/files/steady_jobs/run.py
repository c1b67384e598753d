# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a job under its lock, with a record of how it ended, for a due time that nobody has answered yet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime

from . import judge, log, records, status
from .log import Log
from .model import BY_CATCH_UP, BY_CRON, BY_HAND, OK, OPEN, REFUSED, RUNNING, SKIPPED, WAITING, Job, Paths, Record, Run, load_all
from .process import Stop
from .schedule import stamp
from .system import TICK_UNIT, System
from .work import perform

NOT_NOW = 75


def run(paths: Paths, job: Job, system: System, *, trigger: str = BY_HAND, tail: int = 0) -> int:
    """Run ``job`` if its trigger has a reason to; return the exit code."""
    os.umask(0o022)
    called = system.now()
    if trigger == BY_CRON and job.jitter_seconds:
        time.sleep(job.jitter_seconds * int.from_bytes(os.urandom(4), "big") / 2**32)
    with log.opened(paths, job, system.now) as out:
        with records.locked(paths.lock(job.lock_name), holder=job.name) as free:
            code = _locked(paths, job, system, out, trigger, called) if free else _refuse(paths, job, out, trigger, called)
        too_long = os.fstat(out.file.fileno()).st_size > job.log_max_bytes
    status.publish(paths, system.now)
    if too_long and os.path.exists(paths.logrotate):
        # logrotate's own timer is daily: without this, a talkative job could fill the disk before it.
        subprocess.run(["logrotate", paths.logrotate], check=False, stdin=subprocess.DEVNULL)
    for line in list(out.tail)[-tail:] if tail else []:
        print(line)
    if any(job.name in other.after for other in load_all(paths).values()):
        system.start(TICK_UNIT)  # who waits for this job starts now, not at the next tick
    return code


def _locked(paths: Paths, job: Job, system: System, out: Log, trigger: str, called: datetime) -> int:
    at = None
    if trigger != BY_HAND:
        at = judge.to_answer(job, records.read(paths, job), trigger, called)
        if at is None:
            out.note(f"not started by {trigger}: what was due has run")
            return 0
        jobs = load_all(paths) if job.after else {}
        missing = judge.blockers(job, at, jobs, records.read_all(paths, jobs))
        if missing:
            return _wait(paths, job, out, Run(WAITING, trigger, stamp(called), at, message=f"waits for {' and for '.join(missing)}"))
    stop = Stop()
    with stop.listening():
        return _perform(paths, job, system, out, Run(RUNNING, trigger, stamp(system.now()), at), stop)


def _perform(paths: Paths, job: Job, system: System, out: Log, started: Run, stop: Stop) -> int:
    clock = time.monotonic()
    records.update(paths, job, lambda record: _with(record, job, started))
    status.publish(paths, system.now)
    if started.trigger != BY_CRON:
        out.note(f"started by {started.trigger}" + (f", for {started.due}" if started.due else ""))
    result = perform(paths, job, out, stop)
    ended = replace(started, ended=stamp(system.now()), duration_seconds=round(time.monotonic() - clock, 3), **result)

    def finish(record: Record) -> Record:
        last_success = ended.ended if ended.outcome == OK else record.last_success
        return replace(record, last_success=last_success, runs=(*record.runs[:-1], ended))

    records.update(paths, job, finish)
    report(job, ended, out)
    return int(ended.exit_code or 0)


def _with(record: Record, job: Job, run: Run) -> Record:
    """The record with one more run, the newest; earlier ones are not left open."""
    runs = (*judge.closed(record.runs, replacing=run.due), run)
    return replace(record, runs=runs[-job.history_keep :])


def _wait(paths: Paths, job: Job, out: Log, run: Run) -> int:
    def note(record: Record) -> Record:
        return record if judge.waiting(record, run.due) else _with(record, job, run)

    records.update(paths, job, note)
    out.note(f"{run.outcome}: {run.message}")
    return NOT_NOW


def _refuse(paths: Paths, job: Job, out: Log, trigger: str, called: datetime) -> int:
    """The lock is held. A catch-up has time; anything else is a run that did not happen, and is recorded."""
    if trigger == BY_CATCH_UP:
        return NOT_NOW
    message = f"refused: a run that holds the lock '{job.lock_name}' has not ended yet"
    at = judge.due(job, called) if trigger == BY_CRON else None
    run = Run(REFUSED, trigger, stamp(called), at, stamp(called), NOT_NOW, message=message)

    def note(record: Record) -> Record:
        refused = replace(record, refusals=record.refusals + 1, last_refused=run.started)
        # The run that goes on (or waits) is the newest of the record and stays it: what it will become is the news.
        if record.last is not None and record.last.outcome in OPEN:
            return replace(refused, runs=(*record.runs[:-1], run, record.last)[-job.history_keep :])
        return _with(refused, job, run)

    records.update(paths, job, note)
    report(job, run, out)
    return NOT_NOW


def give_up(paths: Paths, job: Job, system: System) -> None:
    """Record that what a job waited for did not come."""

    def note(record: Record) -> Record:
        if not judge.gave_up(job, record, system.now()) or record.last is None:
            return record
        run = replace(record.last, outcome=SKIPPED, ended=stamp(system.now()), message=f"{record.last.message}; in vain")
        return replace(record, runs=(*record.runs[:-1], run))

    record = records.update(paths, job, note)
    if record.last is not None and record.last.outcome == SKIPPED:
        with log.opened(paths, job, system.now) as out:
            report(job, record.last, out)


def report(job: Job, run: Run, out: Log) -> None:
    """Say how it ended in the log and, if it is not well, in the journal and on the error stream."""
    moved = " ".join(f"{name}={number}" for name, number in sorted(run.counts.items()))
    text = f"{run.outcome}: {run.message}" + (f"; {moved}" if moved else "")
    out.note(text)
    if run.outcome != OK:
        log.alarm(f"job={job.name} {text}")
        print(f"job '{job.name}' {text}", file=sys.stderr)
