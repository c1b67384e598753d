# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared (jobs), what happened (runs, records) and where it lies."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any

from . import schedule
from .schedule import Schedule, stamp

RUNNING, OK, FAILED, PARTLY, TOO_FEW = "running", "ok", "failed", "partly", "too_few"
TIMEOUT, REFUSED, WAITING, SKIPPED, INTERRUPTED = "timeout", "refused", "waiting", "skipped", "interrupted"
OPEN = (RUNNING, WAITING)  # how a run may look that has not come to its end
BY_CRON, BY_CATCH_UP, BY_HAND = "cron", "catch-up", "hand"


class JobError(Exception):
    """The job cannot be started as declared; the text says why and what to do."""


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
    def counts(self) -> str:
        return f"{self.root}/run/steady-fleet/counts"

    @property
    def published(self) -> str:
        return f"{self.root}/run/steady-fleet/jobs.json"

    @property
    def logrotate(self) -> str:
        return f"{self.root}/etc/logrotate.d/steady-fleet-jobs"


@dataclass(frozen=True)
class Step:
    """One program of a job. ``needs``: earlier steps without whose success it is skipped; ``expect``: least counts."""

    name: str
    command: list[str]
    timeout_seconds: int | None = None
    needs: list[str] = field(default_factory=list)
    expect: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """What the role declares in ``/etc/steady-fleet/jobs/NAME.json``, with the role's own bounds on output and history.

    ``changed`` is when that file was last written.
    """

    name: str
    user: str
    schedule: str
    command: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    description: str = ""
    lock: str = ""
    working_directory: str = "/"
    environment_file: str = ""
    timeout_seconds: int = 3600
    expect: dict[str, int] = field(default_factory=dict)
    jitter_seconds: int = 0
    after: list[str] = field(default_factory=list)
    after_outcomes: list[str] = field(default_factory=lambda: [OK])
    after_timeout_seconds: int = 14400
    catch_up: bool = True
    catch_up_hours: int = 72
    overdue_after_seconds: int | None = None
    log_max_bytes: int = 10 * 1024 * 1024
    history_keep: int = 30
    changed: str = ""

    @property
    def times(self) -> Schedule:
        try:
            return schedule.parse(self.schedule)
        except ValueError as error:
            raise JobError(f"its schedule {error}: converge the role cron_jobs again") from None

    @property
    def lock_name(self) -> str:
        return self.lock or self.name

    @property
    def work(self) -> list[Step]:
        """Its steps; a job of one command is one step of the job's name."""
        return self.steps or [Step(name=self.name, command=self.command)]

    @property
    def grace_seconds(self) -> int:
        """How long after its due time a success may take before it is overdue."""
        if self.overdue_after_seconds is not None:
            return self.overdue_after_seconds
        return self.jitter_seconds + self.timeout_seconds + (self.after_timeout_seconds if self.after else 0) + 600


@dataclass(frozen=True)
class Run:
    """One run. ``due``: the due time that it answers, None by hand; ``steps``: only of a job that declares steps."""

    outcome: str
    trigger: str
    started: str
    due: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    duration_seconds: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    message: str = ""
    steps: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Record:
    """What is remembered of a job. ``runs``: oldest first, bounded; ``since``: when ``schedule`` was declared."""

    job: str
    schedule: str = ""
    since: str = ""
    last_success: str | None = None
    refusals: int = 0
    last_refused: str | None = None
    runs: tuple[Run, ...] = ()

    @property
    def last(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def names(paths: Paths) -> list[str]:
    """Every declared job, in order."""
    return _stems(os.path.dirname(paths.spec("x")))


def recorded(paths: Paths) -> list[str]:
    """Every job of which a record is kept, declared or not."""
    return _stems(os.path.dirname(paths.record("x")))


def _stems(folder: str) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return sorted(name[: -len(".json")] for name in os.listdir(folder) if name.endswith(".json"))
    return []


def load(paths: Paths, name: str) -> Job:
    known = names(paths)
    if name not in known:
        raise JobError(f"no job is named '{name}' on this host; it has: {', '.join(known) or 'none'}")
    with open(paths.spec(name), encoding="utf-8") as file:
        said = json.load(file)
        changed = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, timezone.utc)
    job = Job(**_known(Job, said))
    return replace(job, steps=[Step(**_known(Step, step)) for step in said.get("steps", [])], changed=stamp(changed))


def load_all(paths: Paths) -> dict[str, Job]:
    return {name: load(paths, name) for name in names(paths)}


def parse_record(name: str, said: dict[str, Any]) -> Record:
    """Read a record of this or another release."""
    return Record(**{**_known(Record, said), "job": name, "runs": tuple(Run(**_known(Run, run)) for run in said.get("runs", []))})


def _known(kind: type, said: dict[str, Any]) -> dict[str, Any]:
    """What this release knows of it: another one may have written it, in the midst of a converge."""
    return {item.name: said[item.name] for item in fields(kind) if item.name in said}
