# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a timer does every few minutes, and after boot: start what is owed, end vain waiting, tell who is overdue."""

from __future__ import annotations

import json
from typing import Any

from . import judge, records, run, status
from .model import Paths, load_all, names, recorded
from .schedule import stamp
from .system import System, job_unit


def tick(paths: Paths, system: System) -> int:
    """Do it once. The printed line is the heartbeat: an alarm on its absence notices a host that does nothing at all."""
    for name in set(recorded(paths)) - set(names(paths)):
        records.forget_schedule(paths, name)
    jobs = load_all(paths)
    for job in jobs.values():
        if records.is_free(paths.lock(job.lock_name)):
            run.give_up(paths, job, system)
    known = records.read_all(paths, jobs)
    for name, job in jobs.items():
        at = judge.owed(job, known[name], system.now())
        if at and records.is_free(paths.lock(job.lock_name)) and not (judge.waiting(known[name], at) and judge.blockers(job, at, jobs, known)):
            system.start(job_unit(name))
    views = status.publish(paths, system.now)
    print(heartbeat(views, stamp(system.now())))
    return 0


def heartbeat(views: list[dict[str, Any]], now: str) -> str:
    """One line of JSON, as metric filters read it: how many jobs there are, are overdue, did not end well, run."""
    overdue = [view["job"] for view in views if view["overdue"]]
    bad = [view["job"] for view in views if view["outcome"] in status.BAD]
    running = [view["job"] for view in views if view["outcome"] == "running"]
    counted = {"overdue": len(overdue), "bad": len(bad), "running": len(running), "jobs": len(views)}
    return json.dumps({"time": now, **counted, "overdue_jobs": overdue, "bad_jobs": bad})
