# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``cron_next``, ``cron_job_problems`` and ``cron_job_files``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.steady.fleet.plugins.plugin_utils.cron import (
    CronError,
    job_files,
    job_problems,
    next_times,
)


def cron_next(expression: str, count: int = 1, now: str | datetime | None = None) -> list[str]:
    """Return the next times in UTC as ISO 8601 text; ``now`` without an offset is read as UTC."""
    try:
        start = datetime.fromisoformat(now) if isinstance(now, str) else now
        if start is not None and start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        return [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in next_times(str(expression), count=count, now=start)]
    except CronError as error:
        raise AnsibleFilterError(f"The schedule {error}") from None
    except ValueError:
        raise AnsibleFilterError(f"cron_next: now='{now}' is no ISO 8601 time, such as 2026-01-31T08:00:00Z") from None


def cron_job_problems(jobs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each thing that is wrong with the declared jobs."""
    return job_problems(jobs)


def cron_job_files(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each job's files as host_state takes them."""
    return job_files(jobs)


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cron_next": cron_next, "cron_job_problems": cron_job_problems, "cron_job_files": cron_job_files}
