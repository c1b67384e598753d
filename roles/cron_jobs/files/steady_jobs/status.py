# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ran, what did not, since when: for people, for programs, and for everyone in ``/run/steady-fleet/jobs.json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from . import judge, log, records
from .model import FAILED, INTERRUPTED, PARTLY, REFUSED, RUNNING, SKIPPED, TIMEOUT, TOO_FEW, Job, Paths, Record, load, load_all
from .records import is_held, locked, read_json, replace_json
from .schedule import stamp

BAD = (FAILED, PARTLY, TOO_FEW, TIMEOUT, REFUSED, SKIPPED, INTERRUPTED)


def view(job: Job, record: Record, now: datetime, *, running: bool) -> dict[str, Any]:
    """One job as status shows it: its last run (outcome ``never`` if there is none) and what is expected of it."""
    last: dict[str, Any] = asdict(record.last) if record.last else {"outcome": "never", "started": None}
    if last["outcome"] == RUNNING and not running:
        last["outcome"] = INTERRUPTED
    following = job.times.next(now)
    expected = judge.expected_by(job, record, now)
    overdue = expected is not None and stamp(now) > expected
    return {
        **last,
        "job": job.name,
        "description": job.description,
        "schedule": job.schedule,
        "state": judge.state(last["outcome"], overdue=overdue),
        "last_success": record.last_success,
        "refusals": record.refusals,
        "last_refused": record.last_refused,
        "next_due": None if following is None else stamp(following),
        "expected_by": expected,
        "overdue": overdue,
    }


def views(paths: Paths, now: datetime) -> list[dict[str, Any]]:
    """Every declared job, in order."""
    return [view(job, records.read(paths, job), now, running=is_held(paths.lock(job.lock_name), job.name)) for job in load_all(paths).values()]


def publish(paths: Paths, now: Callable[[], datetime]) -> list[dict[str, Any]]:
    """Write what everyone on the host may read, and say once who has become overdue; return the jobs."""
    with locked(paths.lock("jobs.json"), wait=True):
        known = {one["job"] for one in read_json(paths.published).get("jobs", []) if one["overdue"]}
        found = views(paths, now())
        replace_json(paths.published, {"written": stamp(now()), "jobs": found})
    for one in found:
        if one["overdue"] and one["job"] not in known:
            text = f"overdue: expected by {one['expected_by']}, last success {one['last_success'] or 'never'}"
            with log.opened(paths, load(paths, one["job"]), now) as out:
                out.note(text)
            log.alarm(f"job={one['job']} {text}")
    return found


def show(paths: Paths, now: datetime, *, as_json: bool, check: bool) -> int:
    """Print every job; with ``check`` return 1 if one is overdue or did not end well."""
    found = views(paths, now)
    if as_json:
        print(json.dumps(found, indent=2, sort_keys=True))
    else:
        columns = ["job", "state", "started", "duration_seconds", "last_success", "expected_by", "moved", "message"]
        rows = [_cells({**one, "moved": _moved(one)}, columns) for one in found]
        print(table([["JOB", "STATE", "STARTED (UTC)", "SECONDS", "LAST SUCCESS", "EXPECTED BY", "MOVED", "MESSAGE"], *rows]))
    return int(check and any(one["overdue"] or one["outcome"] in BAD for one in found))


def show_history(paths: Paths, name: str, *, as_json: bool) -> int:
    """Print the runs of one job, oldest first."""
    runs = [asdict(run) for run in records.read(paths, load(paths, name)).runs]
    if as_json:
        print(json.dumps(runs, indent=2, sort_keys=True))
    else:
        columns = ["started", "due", "trigger", "outcome", "duration_seconds", "moved", "message"]
        rows = [_cells({**run, "moved": _moved(run)}, columns) for run in runs]
        print(table([["STARTED (UTC)", "DUE", "BY", "OUTCOME", "SECONDS", "MOVED", "MESSAGE"], *rows]))
    return 0


def show_list(paths: Paths) -> int:
    """Print what is declared."""
    rows = [[job.name, job.schedule, job.user, job.description] for job in load_all(paths).values()]
    print(table([["JOB", "SCHEDULE (UTC)", "USER", "DESCRIPTION"], *rows]))
    return 0


def _moved(run: dict[str, Any]) -> str:
    return " ".join(f"{name}={number}" for name, number in sorted(run.get("counts", {}).items()))


def _cells(one: dict[str, Any], columns: list[str]) -> list[str]:
    return ["-" if one.get(key) in (None, "") else str(one[key]) for key in columns]


def table(rows: list[list[str]]) -> str:
    """Rows in columns, the first row their heads."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
