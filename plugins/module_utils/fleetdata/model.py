# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the archive: what is declared, what a file was found to hold, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FAST, SMALL = "fast", "small"
"""Compression: isal level 1 (about 300 MB/s, ratio 3.8) or zlib level 6 (about 21 MB/s, ratio 4.4)."""

ISO, EPOCH_SECONDS, EPOCH_MILLISECONDS = "iso", "epoch_s", "epoch_ms"
"""Day formats besides strptime patterns: 2026-01-31 with or without a time behind it; numbers since 1970, in UTC."""

ONLY, FIRST, LAST, FILE_NAME = "only", "first", "last", "file_name"
"""Which day a file belongs to: the only one in it (others quarantine it), its first, its last, or the one in its name."""

UPLOADED, UNCHANGED, CONFLICT, QUARANTINED = "uploaded", "unchanged", "conflict", "quarantined"
DAMAGED, FAILED = "damaged", "failed"
"""What became of a file. DAMAGED: it read back wrong and is marked so; FAILED: S3 did not do it, or the file could not be read. The source stays."""


@dataclass(frozen=True)
class ReportType:
    """One kind of report, as its source promises it.

    columns: the header, in order; empty takes any header without an empty or repeated name. day_column: may be empty only when report_day is
    file_name. day_format: ISO, EPOCH_SECONDS, EPOCH_MILLISECONDS or a strptime pattern such as %m/%d/%Y. report_day: ONLY, FIRST, LAST or FILE_NAME.
    file_day: a regular expression with the groups year, month and day, searched in the file's name; needed for FILE_NAME and for reports without a row.
    final_newline: whether the last row must end with a newline (a file without one is half written). empty: whether a report of the header
    alone is one. extra_columns: whether columns that are not declared may follow the declared ones. files: patterns of the files on the host.
    first_day, late_after_hours: for the calendar: since when a report is expected every day (ISO, empty: since the first archived), and how long
    after the end of its day (UTC) it may come.
    """

    name: str
    columns: tuple[str, ...] = ()
    day_column: str = ""
    day_format: str = ISO
    report_day: str = ONLY
    file_day: str = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
    delimiter: str = ","
    final_newline: bool = True
    empty: bool = True
    extra_columns: bool = False
    files: tuple[str, ...] = ()
    first_day: str = ""
    late_after_hours: int = 36


@dataclass(frozen=True)
class Archive:
    """Where reports are archived and how.

    key: template of an object's key with {report}, {yyyy}, {mm}, {dd} and {day} (2026-01-31); it must tell report and day apart. revisions: whether another
    content for an archived day is kept beside it as its next revision, which then counts. compression: FAST or SMALL. settle_seconds: how long a file
    must not have changed. concurrency: files or parts under way at once. delete_source: whether a file goes once its archive is proved.
    quarantine: an absolute directory for files that cannot be archived, empty to leave them where they are. endpoint_url: empty for AWS itself.
    """

    bucket: str
    region: str
    reports: Mapping[str, ReportType] = field(default_factory=dict)
    prefix: str = ""
    key: str = "{report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz"
    revisions: bool = False
    compression: str = FAST
    settle_seconds: float = 0.0
    concurrency: int = 8
    delete_source: bool = False
    quarantine: str = ""
    endpoint_url: str = ""


@dataclass(frozen=True)
class Facts:
    """What a CSV file holds. rows: without the header. days: rows by ISO day, ascending. bytes, sha256: of the file as it is on disk."""

    rows: int
    bytes: int
    sha256: str
    columns: tuple[str, ...]
    days: Mapping[str, int] = field(default_factory=dict)

    @property
    def first_day(self) -> str | None:
        """The earliest day of its rows, None without any."""
        return min(self.days, default=None)

    @property
    def last_day(self) -> str | None:
        """The latest day of its rows, None without any."""
        return max(self.days, default=None)


@dataclass(frozen=True)
class Manifest:
    """What was proved of one archived object by reading it back: it is written last, once, and counts only with ``verified``.

    revision: 1, 2, …; the highest verified one of a day counts. version_id: empty in a bucket without versions. content_*: of the CSV;
    object_*: of the compressed object. compression: FAST or SMALL; encoder: the library, its version and level. verified: False marks an
    object that read back wrong; reason says how. archived_at: UTC, such as 2026-01-31T08:00:12Z.
    """

    bucket: str
    key: str
    version_id: str
    report: str
    day: str
    revision: int
    rows: int
    days: Mapping[str, int]
    columns: tuple[str, ...]
    content_bytes: int
    content_sha256: str
    object_bytes: int
    object_sha256: str
    compression: str
    encoder: str
    source_host: str
    source_path: str
    source_modified: str
    archived_at: str
    verified: bool = True
    reason: str = ""

    @property
    def uri(self) -> str:
        """The object's address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Outcome:
    """What became of one file, or what would. status: UPLOADED, UNCHANGED, CONFLICT, QUARANTINED, DAMAGED or FAILED; reason: a sentence unless all is well.

    changed: whether S3 or the file's directory changed (in check mode: would). deleted: whether the source went.
    """

    path: str
    report: str
    status: str
    reason: str = ""
    uri: str = ""
    version_id: str = ""
    revision: int = 0
    day: str = ""
    rows: int = 0
    first_day: str | None = None
    last_day: str | None = None
    bytes: int = 0
    content_sha256: str = ""
    object_bytes: int = 0
    object_sha256: str = ""
    changed: bool = False
    deleted: bool = False
