# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job's record means at a moment: is a due time answered, missed, overdue? Pure functions; no clock, no disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from .model import BY_CATCH_UP, INTERRUPTED, OK, OPEN, RUNNING, SKIPPED, WAITING, Job, Record, Run
from .schedule import moment, stamp

SETTLE = timedelta(minutes=2)  # so long a due time is cron's own business
SOON = timedelta(minutes=10)  # what is due again so soon need not be caught up
TRIES = 2  # its own time, and one catch-up


def current(record: Record, job: Job) -> Record:
    """The record with the schedule that now holds and since when; a job has nothing to catch up from before that."""
    if record.schedule == job.schedule and record.since:
        return record
    return replace(record, schedule=job.schedule, since=job.changed)


def due(job: Job, now: datetime) -> str | None:
    """The latest due time that has come."""
    found = job.times.last(now)
    return None if found is None else stamp(found)


def answered(record: Record, at: str, now: datetime) -> bool:
    """Whether a run came to its end, well or not, for the due time ``at`` (it was started for it, or since it), or often enough began.

    A run that says to have started later than now was recorded under a wrong clock: it only answers its own due time.
    """
    ended = any(run.outcome not in (*OPEN, INTERRUPTED) and (run.due == at or at <= run.started <= stamp(now)) for run in record.runs)
    return ended or sum(run.due == at and run.outcome != WAITING for run in record.runs) >= TRIES


def waiting(record: Record, at: str | None = None) -> bool:
    """Whether the job waits for another one (for its due time ``at``)."""
    return record.last is not None and record.last.outcome == WAITING and at in (None, record.last.due)


def owed(job: Job, record: Record, now: datetime) -> str | None:
    """The due time for which the job is to be started now although nobody calls it; None if there is none."""
    at = due(job, now)
    if at is None:
        return None
    if waiting(record, at):
        return at
    age = now - moment(at)
    if not job.catch_up or at < record.since or age < SETTLE + timedelta(seconds=job.jitter_seconds) or age > timedelta(hours=job.catch_up_hours):
        return None
    following = job.times.next(now)
    if following is not None and following - now < SOON:
        return None
    return None if answered(record, at, now) else at


def to_answer(job: Job, record: Record, trigger: str, now: datetime) -> str | None:
    """The due time that a run called by ``trigger`` would answer; None if there is nothing to do."""
    if trigger == BY_CATCH_UP:
        return owed(job, record, now)
    at = due(job, now)
    return None if at is None or answered(record, at, now) else at


def blockers(job: Job, at: str, jobs: Mapping[str, Job], records: Mapping[str, Record]) -> list[str]:
    """What the job still waits for at its due time ``at``: a good run of each job in ``after`` since that one's due time."""
    found = []
    for name in job.after:
        before = due(jobs[name], moment(at)) if name in jobs else None
        if before is None:
            found.append(f"{name}, which this host does not have")
        elif not any(run.outcome in job.after_outcomes and (run.due == before or run.started >= before) for run in records[name].runs):
            found.append(f"{name}, due {before}")
    return found


def gave_up(job: Job, record: Record, now: datetime) -> bool:
    """Whether the job has waited too long, or its next due time has come meanwhile."""
    if not waiting(record) or record.last is None:
        return False
    too_long = now - moment(record.last.started) > timedelta(seconds=job.after_timeout_seconds)
    return too_long or record.last.due != due(job, now)


def closed(runs: tuple[Run, ...], *, replacing: str | None = None) -> tuple[Run, ...]:
    """The runs with none left open: an unfinished one was interrupted, a waiting one skipped (gone, if ``replacing`` its due time)."""
    kept = (run for run in runs if not (run.outcome == WAITING and run.due == replacing))
    ends = {RUNNING: INTERRUPTED, WAITING: SKIPPED}
    return tuple(replace(run, outcome=ends.get(run.outcome, run.outcome)) for run in kept)


def expected_by(job: Job, record: Record, now: datetime) -> str | None:
    """When the job must have succeeded again: its first due time since its last success, and the grace."""
    base = max(record.since, min(record.last_success or "", stamp(now)))
    following = job.times.next(moment(base)) if base else None
    return None if following is None else stamp(following + timedelta(seconds=job.grace_seconds))


def state(outcome: str, *, overdue: bool) -> str:
    """One word: how the last run ended, unless that is no news and the next one is overdue."""
    return "overdue" if overdue and outcome in (OK, "never") else outcome
