# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .. import errors
from ..answers import worst
from ..catalogue import MISSING
from ..reading import FAILED
from ..verify import GOOD

REPORT, ROWS, BACKUP, IMPORT, RECORD = "report", "rows", "backup", "import", "record"
"""What is drilled: a day's report, a day of a table's rows, the newest backup, the application's importer; and the records of the drills before."""
LIMIT = "limit"
"""A measure and what it may be."""
DIFFERS, EMPTY, ALTERED, LATE, REFUSED = "differs", "empty", "altered", "late", "refused"
"""Faults, beside those of catalogue, reading and verify: not what its manifest says; it holds nothing; a record is not what was written; older, or slower,
than is declared; it could not be drilled as it is declared."""
_CODES: Mapping[str, int] = {GOOD: errors.OK, MISSING: errors.INCOMPLETE, LATE: errors.INCOMPLETE, FAILED: errors.UNREACHABLE, REFUSED: errors.USAGE}


@dataclass(frozen=True)
class Filled:
    """A table that the importer fills. day_column: says the day of its rows as ISO text. reports: whose rows, all of them and no others, become its rows."""

    day_column: str
    reports: tuple[str, ...]


@dataclass(frozen=True)
class Importer:
    """How the application imports reports. command, environment: with {folder}, where the CSV files lie, and {database}. database: the application's own.

    tables: by name; what is compared. timeout_seconds: after that it is ended, with all that it started.
    """

    command: tuple[str, ...]
    database: str
    tables: Mapping[str, Filled]
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = "/"
    timeout_seconds: float = 3600.0

    @property
    def reports(self) -> tuple[str, ...]:
        """The reports that it imports."""
        return tuple(sorted({report for table in self.tables.values() for report in table.reports}))


@dataclass(frozen=True)
class Drill:
    """folder: where records and scratch lie. days: so many days of the reports are drawn, and as many of archived rows.

    rto_seconds: how long it may take to restore everything; rpo_hours: how old the newest backup may be.
    """

    folder: str
    rto_seconds: float
    rpo_hours: float
    days: int = 3
    importer: Importer | None = None


@dataclass(frozen=True)
class Check:
    """One thing that was restored and compared, or should have been. kind, status: see above. name: of the report, table or database.

    rows: that were compared with a manifest's, 0 unless good. bytes, sha256: of its content. seconds: it took to restore. reason: a sentence unless good.
    """

    kind: str
    name: str
    day: str
    status: str
    reason: str = ""
    uri: str = ""
    version_id: str = ""
    rows: int = 0
    bytes: int = 0
    sha256: str = ""
    seconds: float = 0.0

    @property
    def compared(self) -> bool:
        """Whether something of the archive or a backup was read and is what was proved."""
        return self.status == GOOD and self.kind in (REPORT, ROWS, BACKUP)

    @property
    def code(self) -> int:
        """The exit code that stands for it."""
        return _CODES.get(self.status, errors.DAMAGED)


@dataclass(frozen=True)
class Found:
    """What one part of a drill found. newest: what is the newest of each name, a day or a moment.

    object_bytes: of the objects that were restored in ``seconds``, and all_bytes: of all that there are.
    """

    checks: tuple[Check, ...] = ()
    newest: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    object_bytes: int = 0
    all_bytes: int = 0

    @property
    def seconds_for_all(self) -> float:
        """How long it would take to restore everything, by bytes."""
        return self.seconds * self.all_bytes / self.object_bytes if self.object_bytes else 0.0


def exit_code(checks: tuple[Check, ...]) -> int:
    """The exit code for what was found. Nothing compared is INCOMPLETE, never a green light."""
    codes = [check.code for check in checks]
    if not any(check.compared for check in checks):
        codes.append(errors.INCOMPLETE)
    return worst(codes)
