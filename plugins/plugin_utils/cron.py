# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron expressions and job declarations, judged on the controller before anything is written to a host."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

try:
    from cronsim import CronSim, CronSimError
except ImportError:
    CronSim = None

# Debian takes only such names from /etc/cron.d; the lock, the log and the record are named likewise.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# What the daemons of Debian and cronie both read. cronsim knows more (L, #, seconds, a step after one number).
_VALUE = r"(?:\d{1,2}|[A-Za-z]{3})"
_TERM = rf"(?:(?:\*|{_VALUE}-{_VALUE})(?:/\d{{1,2}})?|{_VALUE})"
_FIELD = re.compile(rf"{_TERM}(?:,{_TERM})*")
_EXAMPLE = "write five fields in UTC: minute, hour, day of month, month, day of week, such as '0 8 * * *'"
# As the wrapper reads them, on the host.
_COUNT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LEAST = {"timeout_seconds": 1, "jitter_seconds": 0, "after_timeout_seconds": 1, "catch_up_hours": 1, "overdue_after_seconds": 0}


class CronError(ValueError):
    """An expression that cron does not understand, or that never comes due; the text says which and the way out."""


def next_times(expression: str, *, count: int = 1, now: datetime | None = None) -> list[datetime]:
    """Return the next ``count`` times after ``now`` (aware; default: the present), in UTC.

    Raises ``CronError`` for an expression that is malformed or does not come due within 50 years.
    """
    if CronSim is None:
        raise CronError("the Python package 'cronsim' is missing beside ansible-core on the controller: install it")
    fields = expression.split()
    if len(fields) != 5:
        raise CronError(f"'{expression}' has {len(fields)} field(s) instead of five: {_EXAMPLE}")
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise CronError(f"'{expression}' has a field '{field}' that cron does not understand: {_EXAMPLE}")
    try:
        # In January every day exists: what is malformed there is malformed everywhere.
        CronSim(" ".join([*fields[:3], "1", fields[4]]), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise CronError(f"'{expression}' is no cron expression ({str(error).lower()}): {_EXAMPLE}") from None
    try:
        start = (now or datetime.now(UTC)).astimezone(UTC)
        times: list[datetime] = list(islice(CronSim(expression, start), count))
    except CronSimError as error:
        if "month" in str(error) and "day-of" not in str(error):
            raise CronError(f"'{expression}' is no cron expression ({str(error).lower()}): {_EXAMPLE}") from None
        times = []
    if len(times) < count:
        raise CronError(f"'{expression}' never fires, for no such day exists: choose a day that its months have")
    return times


def job_problems(jobs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each thing that is wrong with the declared jobs (``cron_jobs_list``); none is good."""
    jobs = list(jobs)
    problems = [
        f"cron_jobs_list: two jobs are named '{name}'; give each its own name" for name, count in Counter(job["name"] for job in jobs).items() if count > 1
    ]
    order = {job["name"]: list(job.get("after") or []) for job in jobs}
    for job in jobs:
        problems += [f"cron_jobs_list: job '{job['name']}', {problem}" for problem in (*_problems(job), *_order_problems(job["name"], order))]
    return problems


def _problems(job: Mapping[str, Any]) -> Iterator[str]:
    for key in ("name", "lock"):
        if not _NAME.fullmatch(job.get(key) or job["name"]):
            yield f"key '{key}': use at most 64 small letters, digits, '-' and '_'"
    try:
        next_times(job["schedule"])
    except CronError as error:
        yield f"key 'schedule': {error}"
    steps = job.get("steps") or []
    if steps and job.get("command"):
        yield "say either 'command' or 'steps', not both"
    yield from _expect_problems(job.get("expect") or {})
    if not steps:
        yield from _command_problems(job)
    yield from _number_problems(job)
    for number, step in enumerate(steps):
        before = [other["name"] for other in steps[:number]]
        yield from (
            f"step '{step['name']}', {problem}"
            for problem in (*_step_problems(step, before), *_number_problems(step), *_command_problems(step), *_expect_problems(step.get("expect") or {}))
        )
    for key in ("working_directory", "environment_file"):
        if job.get(key) and not job[key].startswith("/"):
            yield f"key '{key}': '{job[key]}' is not an absolute path"
    if "\n" in (job.get("description") or ""):
        yield "key 'description': keep it to one line"


def _command_problems(said: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the program to run: a job's only one, or a step's."""
    command = said.get("command") or []
    if not command or not command[0].startswith("/"):
        yield "key 'command': say the program by its absolute path, then its arguments, as a list (no shell reads it)"


def _number_problems(said: Mapping[str, Any]) -> Iterator[str]:
    for key, least in _LEAST.items():
        if said.get(key) is not None and int(said[key]) < least:
            yield f"key '{key}': say at least {least}"


def _expect_problems(expect: Mapping[str, Any]) -> Iterator[str]:
    for name, least in expect.items():
        if not _COUNT.fullmatch(str(name)) or not str(least).isdecimal():
            yield f"key 'expect': '{name}: {least}' is not a name of small letters and a whole number, such as 'rows: 1'"


def _step_problems(step: Mapping[str, Any], before: list[str]) -> Iterator[str]:
    if not _NAME.fullmatch(step["name"]):
        yield "key 'name': use at most 64 small letters, digits, '-' and '_'"
    if step["name"] in before:
        yield "key 'name': an earlier step has that name"
    for name in step.get("needs") or []:
        if name not in before:
            yield f"key 'needs': no earlier step is named '{name}'"


def _order_problems(name: str, order: Mapping[str, list[str]]) -> Iterator[str]:
    for other in order[name]:
        if other not in order:
            yield f"key 'after': no job is named '{other}'"
    reached: set[str] = set()
    todo = list(order[name])
    while todo:
        other = todo.pop()
        if other not in reached:
            reached.add(other)
            todo += order.get(other, [])
    if name in reached:
        yield "key 'after': it would wait for itself"


def job_files(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each job's two files as ``steady.fleet.host_state`` takes them: its declaration, and the line that cron reads."""
    files: list[dict[str, Any]] = []
    for job in jobs:
        said = {"__cron_jobs_job": _said(job)}
        files.append({"path": f"/etc/steady-fleet/jobs/{job['name']}.json", "template": "job.json.j2", "vars": said})
        files.append({"path": f"/etc/cron.d/steady-{job['name']}", "template": "crontab.j2", "vars": said})
    return files


def _said(job: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that were said, numbers as numbers: a variable of the command line is text."""
    said = {key: value for key, value in job.items() if value is not None}
    said.update({key: int(said[key]) for key in _LEAST if key in said})
    if "expect" in said:
        said["expect"] = {name: int(least) for name, least in said["expect"].items()}
    if "steps" in said:
        said["steps"] = [_said(step) for step in said["steps"]]
    return said
