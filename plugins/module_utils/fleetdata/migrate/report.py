# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a migration."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import OK, QUARANTINED
from .misfit import Misfit
from .planned import Difference, Plan

LOADED, PARTIAL = "loaded", "partial"
"""All rows are in the target; some did not fit and are in <table>__misfit."""


@dataclass(frozen=True)
class TableResult:
    """source, target: its names. digest: the sum of its rows' digests. kept: parts that an earlier, killed run had loaded. misfits: rows put aside."""

    source: str
    target: str
    rows: int
    bytes: int
    digest: int
    kept: int
    misfits: int
    status: str


@dataclass(frozen=True)
class Report:
    """status: LOADED or PARTIAL. phases: seconds of each. misfits: the first of them, of each table. stamp: UTC, of the state that was read."""

    plan: Plan
    tables: tuple[TableResult, ...]
    misfits: tuple[Misfit, ...]
    phases: Mapping[str, float]
    stamp: datetime.datetime

    @property
    def status(self) -> str:
        """Of all."""
        return PARTIAL if any(table.misfits for table in self.tables) else LOADED

    @property
    def code(self) -> int:
        """The exit status of a command."""
        return OK if self.status == LOADED else QUARANTINED

    @property
    def notices(self) -> tuple[Difference, ...]:
        """What is not the same on both sides, and was agreed to or needs nothing."""
        return self.plan.differences
