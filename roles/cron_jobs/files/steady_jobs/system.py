# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host is asked besides its files: the time, and to start units. Passed as an argument, so that a test can say otherwise."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

TICK_UNIT = "steady-fleet-jobs.service"


def job_unit(name: str) -> str:
    """The unit that runs a job outside of its schedule."""
    return f"steady-fleet-job@{name}.service"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _start(unit: str) -> None:
    subprocess.run(["systemctl", "start", "--no-block", unit], check=False, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class System:
    """``now`` is aware and in UTC; ``start`` does not wait, and does nothing where the unit is already active."""

    now: Callable[[], datetime] = _now
    start: Callable[[str], None] = _start
