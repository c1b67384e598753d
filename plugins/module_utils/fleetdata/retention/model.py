# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a database may go, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ISO, EPOCH_SECONDS, EPOCH_MILLISECONDS, JULIAN = "iso", "epoch_s", "epoch_ms", "julian"
"""How a day column says the day, in UTC: text such as 2026-01-31, with or without a time of day behind it; numbers since 1970; a Julian day number."""

ROWS, REPORT, NONE = "rows", "report", "none"
"""What proves that rows may go: they themselves, read back from S3; the day's report, read back, that has them; or nothing, which has to be acknowledged."""


@dataclass(frozen=True)
class Rule:
    """What of one table may go.

    keep_days: days before today that stay, in UTC. forever: nothing goes. proof: ROWS, REPORT or NONE. acknowledged: for NONE, who says so and why, in words.
    max_share: the largest part of the table that one run may delete, 0 to 1. triggers: those on deletion that may run. For REPORT: the report's name,
    its column for each column of the table, and the table's columns that it does not have, as they can be computed again.
    """

    table: str
    day_column: str = ""
    day_format: str = ISO
    keep_days: int = 90
    forever: bool = False
    proof: str = ROWS
    acknowledged: str = ""
    max_share: float = 0.3
    triggers: tuple[str, ...] = ()
    report: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    derived: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retention:
    """The rules of one database. name: what it is called in the archive. database: its absolute path. rules: by table; a table without one stays whole.

    idle_days: how old the newest row of all ruled tables, or the last write to the file, may be before the clock is doubted.
    busy_seconds: how long others that hold the database are waited for, each time. vacuum_share: the part of the file, 0 to 1, that must be unused for
    it to be written anew; vacuum_from, vacuum_to: the hours, in UTC, in which that may be, never when they are equal.
    """

    name: str
    database: str
    rules: Mapping[str, Rule]
    idle_days: int = 30
    busy_seconds: float = 60.0
    vacuum_share: float = 0.25
    vacuum_from: int = 0
    vacuum_to: int = 0
