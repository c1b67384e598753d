# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the rows of tables lie in S3, and which of their days are there.

Every proved revision of a day counts, not the last alone: one holds the rows that were there when it was made, and those of an earlier one may have left
the database since. Together they hold each row that went.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..catalogue import MARKED, UNFINISHED, Day, Revision, catalogue
from ..errors import ConfigurationError, StoreError
from ..keys import ROWS, manifest_key
from ..model import FILE_NAME, Archive, Manifest, ReportType
from ..store import Store
from ..versions import UNVERSIONED

KEY = "{report}/{yyyy}/{mm}/{dd}/{report}-{day}.csv.gz"
_FILE_DAY = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\.csv$"
_PLAIN = re.compile(rb"[A-Za-z0-9_]")
_ALL = "-61ll"
"""A table named ``all``, which as a report would stand for every report."""


class NothingArchivedError(ConfigurationError):
    """No row of a database is archived: its name is wrong, or retention has not taken any yet."""


@dataclass(frozen=True)
class ArchivedDay:
    """A day of a table. revisions: those that were proved, ascending; their union is the day. faults: why something of it may be missing, sentences.

    unproved: objects that killed runs left beside the proved ones, a sentence each: nothing was deleted on their word, and so they are passed over.
    """

    day: str
    revisions: tuple[Manifest, ...]
    faults: tuple[str, ...] = ()
    unproved: tuple[str, ...] = ()


def archived_rows(
    *, store: Store, archive: Archive, name: str, table: str, first: str | None = None, last: str | None = None
) -> Iterator[ArchivedDay]:  # fmt: skip
    """The archived days of a table, ascending, from their manifests; no object is read.

    archive: as it is declared for reports. name: of the database there. first, last: ISO days, inclusive; None: open. Raises ConfigurationError, StoreError.
    """
    report = report_name(table)
    place = rows_archive(archive=archive, name=name, columns={table: ()})
    for day in catalogue(store=store, archive=place, report=report, first=first, last=last).days.values():
        proved = tuple(revision.manifest for revision in day.revisions if revision.manifest and revision.proved)
        unproved = {revision.key: _unproved(revision) for revision in day.revisions if proved and _never_proved(store, revision)}
        yield ArchivedDay(day=day.day, revisions=proved, faults=tuple(_faults(day, passed_over=unproved)), unproved=tuple(unproved.values()))


def tables(*, store: Store, archive: Archive, name: str) -> list[str]:
    """The tables of a database that have anything in the archive. Raises NothingArchivedError where there is none, StoreError."""
    prefix = rows_archive(archive=archive, name=name, columns={}).prefix
    reports = {found.key[len(prefix) :].partition("/")[0] for found in store.list(prefix=prefix)}
    names = sorted(table_name(report) for report in reports if "." not in report)
    if not names:
        raise NothingArchivedError(f"s3://{archive.bucket}/{prefix} has no rows. Name a database as it is declared for retention; {name!r} is none, or new.")
    return names


def of_database(*, store: Store, archive: Archive, name: str) -> Archive:
    """The rows of a database as an archive, its tables as reports: for what looks at archives. Raises NothingArchivedError, StoreError."""
    return rows_archive(archive=archive, name=name, columns={table: () for table in tables(store=store, archive=archive, name=name)})


def rows_archive(*, archive: Archive, name: str, columns: Mapping[str, Iterable[str]]) -> Archive:
    """Where a database's rows are archived: beside the reports, under a prefix of their own, each table as a report.

    name: of the database. columns: the headers of its tables, by table; empty for whatever header there is.
    """
    reports = {
        report_name(table): ReportType(name=report_name(table), columns=tuple(header), report_day=FILE_NAME, file_day=_FILE_DAY, empty=False)
        for table, header in columns.items()
    }
    # The file of a proved archive goes; before that an object that is there already is read anew, and sent again when it is damaged.
    return dataclasses.replace(
        archive, prefix=f"{archive.prefix}{ROWS}{safe(name)}/", key=KEY, reports=reports,
        revisions=True, delete_source=True, settle_seconds=0.0, quarantine="",
    )  # fmt: skip


def report_name(table: str) -> str:
    """What the rows of a table are called in the archive: its name, with - and two digits for each byte that is no letter, digit or _."""
    return _ALL if table == "all" else safe(table)


def table_name(report: str) -> str:
    """The table whose rows are called so."""
    return re.sub(rb"-([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), report.encode()).decode("utf-8", "backslashreplace")


def safe(name: str) -> str:
    """A name as a part of a key, another one for each name."""
    return "".join(chr(byte) if _PLAIN.match(bytes([byte])) else f"-{byte:02x}" for byte in name.encode())


def _faults(day: Day, *, passed_over: Collection[str]) -> Iterator[str]:
    """What was marked as damaged when it was written was never counted on; everything else that is odd may have been. What is proved, reading tells."""
    for revision in day.revisions:
        if revision.oddity and not revision.proved and revision.oddity.kind != MARKED and revision.key not in passed_over:
            yield revision.oddity.reason
    yield from (gap.reason for gap in day.gaps)


def _never_proved(store: Store, revision: Revision) -> bool:
    """Whether an object has no manifest and never had one, which a bucket with versions knows: a manifest that was deleted was counted on."""
    if revision.oddity is None or revision.oddity.kind != UNFINISHED:
        return False
    try:
        kept = [version for version in store.versions(prefix=revision.key) if version.version_id != UNVERSIONED]
    except StoreError as error:
        if error.kind != "denied":
            raise
        return False
    return any(version.key == revision.key for version in kept) and not any(version.key == manifest_key(revision.key) for version in kept)


def _unproved(revision: Revision) -> str:
    return f"{revision.key} was uploaded by a run that ended before it was proved. No row went on its word, so it is passed over."
