# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do a job's work: its steps in order, each with its own outcome, and one outcome of the whole."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from . import counts, process
from .log import Log
from .model import FAILED, OK, PARTLY, SKIPPED, TIMEOUT, TOO_FEW, Job, JobError, Paths, Step
from .process import Stop

TIMED_OUT, TOO_FEW_MOVED, UNUSABLE = 124, 65, 78


@dataclass(frozen=True)
class Result:
    """How a step ended."""

    name: str
    outcome: str
    exit_code: int | None = None
    signal: int | None = None
    duration_seconds: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    message: str = ""


def perform(paths: Paths, job: Job, log: Log, stop: Stop) -> dict[str, Any]:
    """Run every step that may run; return the run's outcome, exit_code, signal, counts, message and steps."""
    deadline = time.monotonic() + job.timeout_seconds
    results: list[Result] = []
    for step in job.work:
        results.append(_step(paths, job, step, results, log, stop, left=deadline - time.monotonic()))
        if job.steps:
            log.note(f"{step.name}: {results[-1].outcome}: {results[-1].message}")
    whole = _summary(results) if job.steps else results[0]
    whole = _expecting(whole, job.expect)
    return {
        "outcome": whole.outcome,
        "exit_code": whole.exit_code,
        "signal": whole.signal,
        "counts": whole.counts,
        "message": whole.message,
        "steps": [asdict(result) for result in results] if job.steps else [],
    }


def _step(paths: Paths, job: Job, step: Step, before: list[Result], log: Log, stop: Stop, *, left: float) -> Result:
    missed = [result.name for result in before if result.name in step.needs and result.outcome != OK]
    if missed:
        return Result(step.name, SKIPPED, message=f"needs {', '.join(missed)}")
    if stop.name:
        return Result(step.name, FAILED if not before else SKIPPED, 128 + signal.Signals[stop.name], message=f"told to stop by {stop.name}")
    if left <= 0:
        return Result(step.name, SKIPPED, message=f"the job's {job.timeout_seconds} s were over")
    clock = time.monotonic()
    try:
        user = process.user_of(job)
        owner = (user.pw_uid, user.pw_gid) if os.geteuid() == 0 else None
        with counts.opened(paths, f"{job.name}.{step.name}", owner) as (path, file):
            seconds = min(left, step.timeout_seconds or left)
            ended = process.run(job, step, log, seconds=seconds, stop=stop, extra={counts.VARIABLE: path, "STEADY_JOB": job.name})
            moved, problem = counts.read(file)
    except JobError as error:
        return Result(step.name, FAILED, UNUSABLE, message=str(error))
    if problem:
        log.note(f"{step.name}: {problem}")
    limit = min(step.timeout_seconds or job.timeout_seconds, job.timeout_seconds)
    outcome, code, message = _judged(ended, stop, limit)
    number = -ended.returncode if ended.returncode < 0 else None
    result = Result(step.name, outcome, code, number, round(time.monotonic() - clock, 3), moved, message)
    return _expecting(result, step.expect)


def _judged(ended: process.Ended, stop: Stop, limit: int) -> tuple[str, int, str]:
    code = ended.returncode
    shown = 128 - code if code < 0 else code
    if ended.early == "timeout":
        return TIMEOUT, TIMED_OUT, f"did not end within {limit} s"
    if ended.early:
        return FAILED, shown or 128 + signal.Signals[stop.name], f"told to stop by {stop.name}"
    message = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    if ended.left_behind:
        message += f"; {ended.left_behind} process(es) that it left behind were ended"
    return (OK if code == 0 else FAILED), shown, message


def _expecting(result: Result, expect: dict[str, int]) -> Result:
    """A good end that moved too little is not good."""
    short = counts.missing(result.counts, expect) if result.outcome == OK else ""
    return Result(**{**asdict(result), "outcome": TOO_FEW, "exit_code": TOO_FEW_MOVED, "message": f"moved too few: {short}"}) if short else result


def _summary(results: list[Result]) -> Result:
    """One result of several: ok if all are, partly if some are, else what they have in common or failed."""
    bad = [result for result in results if result.outcome != OK]
    sums: dict[str, int] = {}
    for result in results:
        for name, number in result.counts.items():
            sums[name] = sums.get(name, 0) + number
    if not bad:
        return Result("", OK, 0, counts=sums, message=f"all {len(results)} steps ended well")
    kinds = {result.outcome for result in bad if result.outcome != SKIPPED}
    outcome = PARTLY if len(bad) < len(results) else kinds.pop() if len(kinds) == 1 else FAILED
    code = next((result.exit_code for result in bad if result.exit_code), 1)
    named = "; ".join(f"{result.name} ({result.outcome}: {result.message})" for result in bad)
    return Result("", outcome, code, counts=sums, message=f"{len(bad)} of {len(results)} steps did not end well: {named}")
