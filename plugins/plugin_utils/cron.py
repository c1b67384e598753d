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
    for job in jobs:
        problems += [f"cron_jobs_list: job '{job['name']}', {problem}" for problem in _problems(job)]
    return problems


def _problems(job: Mapping[str, Any]) -> Iterator[str]:
    for key in ("name", "lock"):
        if not _NAME.fullmatch(job.get(key) or job["name"]):
            yield f"key '{key}': use at most 64 small letters, digits, '-' and '_'"
    try:
        next_times(job["schedule"])
    except CronError as error:
        yield f"key 'schedule': {error}"
    command = job["command"]
    if not command or not command[0].startswith("/"):
        yield "key 'command': say the program by its absolute path, then its arguments, as a list (no shell reads it)"
    for key in ("working_directory", "environment_file"):
        if job.get(key) and not job[key].startswith("/"):
            yield f"key '{key}': '{job[key]}' is not an absolute path"
    timeout = job.get("timeout_seconds")
    if timeout is not None and int(timeout) < 1:
        yield "key 'timeout_seconds': a run needs at least one second"
    if "\n" in (job.get("description") or ""):
        yield "key 'description': keep it to one line"


def job_files(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each job's two files as ``steady.fleet.host_state`` takes them: its declaration, and the line that cron reads."""
    files: list[dict[str, Any]] = []
    for job in jobs:
        said_keys = {key: value for key, value in job.items() if value is not None}
        if "timeout_seconds" in said_keys:  # a variable of the command line is text
            said_keys["timeout_seconds"] = int(said_keys["timeout_seconds"])
        said = {"__cron_jobs_job": said_keys}
        files.append({"path": f"/etc/steady-fleet/jobs/{job['name']}.json", "template": "job.json.j2", "vars": said})
        files.append({"path": f"/etc/cron.d/steady-{job['name']}", "template": "crontab.j2", "vars": said})
    return files
