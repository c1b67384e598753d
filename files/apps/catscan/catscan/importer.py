"""Import the report CSVs of the drop folder into SQLite: ``python -m catscan.importer [--json]``.

Each file is archived in S3 first, where that is set up; then it is one transaction, known again by the SHA-256 of its
content. Good files end in ``done/``, bad ones in ``quarantine/`` beside a reason; neither is ever overwritten or deleted.
What cannot be archived now waits for the next run. A killed run is finished by the next one.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import io
import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from . import archive, database, reports
from .settings import ConfigurationError, Settings, load

UNKNOWN_TYPE = "unknown"


class ImportRunning(Exception):
    """Another import holds the drop folder."""


class StillWritten(Exception):
    """The file changed while it was read: it is left for the next run."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file. status: imported, skipped, quarantined, left or unarchived. rows: rows written for it.

    archive_uri: where S3 holds it, empty where it does not.
    """

    file: str
    status: str
    report_type: str
    day: str
    rows: int
    rows_replaced: int
    reason: str
    archive_uri: str = ""


@dataclass(frozen=True)
class Summary:
    """One run over the drop folder, in file order."""

    files: tuple[Outcome, ...]

    def count(self, status: str) -> int:
        """How many files ended with ``status``."""
        return sum(outcome.status == status for outcome in self.files)

    @property
    def ok(self) -> bool:
        """Whether every file could be used."""
        return self.count("quarantined") == self.count("unarchived") == 0

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON data."""
        counts = {status: self.count(status) for status in ("imported", "skipped", "quarantined", "left", "unarchived")}
        return {
            "ok": self.ok,
            **counts,
            "rows": sum(outcome.rows for outcome in self.files),
            "files": [asdict(outcome) for outcome in self.files],
        }

    def as_counts(self) -> str:
        """What was moved, as the job's wrapper counts it."""
        return f"rows={sum(outcome.rows for outcome in self.files)} files={self.count('imported')} quarantined={self.count('quarantined')}\n"

    def as_text(self) -> str:
        """One line for a log."""
        data = self.as_dict()
        others = f"skipped {data['skipped']}, quarantined {data['quarantined']}, left {data['left']}, not archived {data['unarchived']}"
        return f"imported {data['imported']} file(s) with {data['rows']} row(s), {others}"


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    with (settings.imports / ".importer.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRunning(f"another import of {settings.imports} is running: wait for it to end.") from None
        yield


def waiting(settings: Settings) -> list[str]:
    """Return the names of the complete files in the drop folder, sorted. What is still uploaded ends in ``.part``."""
    return sorted(entry.name for entry in os.scandir(settings.imports) if entry.name.endswith(".csv"))


def _move(source: Path, folder: Path, suffix: str) -> Path:
    """Move a file into ``folder``; where its name is taken, ``suffix`` and then a counter keep both."""
    folder.mkdir(mode=0o750, exist_ok=True)
    target, attempt = folder / source.name, 0
    while os.path.lexists(target) or os.path.lexists(f"{target}.reason.txt"):
        attempt += 1
        target = folder / f"{source.stem}-{suffix}{f'-{attempt}' if attempt > 1 else ''}{source.suffix}"
    source.rename(target)
    return target


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


def _fingerprint(stream: BinaryIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def _record(connection: sqlite3.Connection, outcome: Outcome, sha256: str) -> None:
    connection.execute(
        "INSERT INTO import_history (report_type, file_name, day, sha256, status, rows, rows_replaced, reason, imported_at, archive_uri)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            outcome.report_type,
            outcome.file,
            outcome.day or None,
            sha256,
            outcome.status,
            outcome.rows,
            outcome.rows_replaced,
            outcome.reason,
            datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            outcome.archive_uri or None,
        ),
    )


def _known(connection: sqlite3.Connection, sha256: str, report_type: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM import_history WHERE sha256 = ? AND report_type = ? AND status = 'imported'",
        (sha256, report_type),
    )
    return found.fetchone() is not None


# A later, corrected report of a day replaces that day; each type owns its part of a table. The tables and columns are
# ours (reports.py), so the statements are written out once here instead of being put together from data.
_DELETE = {
    "performance": "DELETE FROM rtb_daily WHERE day = ?",
    "funnel-geo": "DELETE FROM rtb_funnel WHERE day = ? AND dimension = 'geo'",
    "funnel-publishers": "DELETE FROM rtb_funnel WHERE day = ? AND dimension = 'publisher'",
}
_INSERT = {
    "rtb_daily": "INSERT INTO rtb_daily VALUES (:day, :billing_id, :creative_id, :creative_size, :country,"
    " :reached_queries, :impressions, :clicks, :spend_micros)",
    "rtb_funnel": "INSERT INTO rtb_funnel VALUES (:day, :dimension, :country, :publisher_id, :publisher_name,"
    " :bid_requests, :inventory_matches, :bids, :bids_in_auction, :auctions_won, :impressions)",
}
_AGGREGATE = (
    "INSERT INTO performance_metrics SELECT day, billing_id, count(DISTINCT creative_id), count(DISTINCT country),"
    " sum(reached_queries), sum(impressions), sum(clicks), sum(spend_micros)"
    " FROM rtb_daily WHERE day = ? GROUP BY day, billing_id"
)


class _Counted:
    """Counts the rows that pass through, so that an error of the database can name the row it happened at."""

    def __init__(self, rows: Iterable[dict[str, reports.Value]]) -> None:
        self.count = 0
        self._rows = rows

    def __iter__(self) -> Iterator[dict[str, reports.Value]]:
        for row in self._rows:
            self.count += 1
            yield row


def _write(connection: sqlite3.Connection, report: reports.ReportType, day: str, rows: Iterable[dict[str, reports.Value]]) -> tuple[int, int]:
    """Replace the day of this report by ``rows``; return how many rows were written and how many replaced."""
    replaced = connection.execute(_DELETE[report.name], (day,)).rowcount
    counted = _Counted(rows)
    try:
        connection.executemany(_INSERT[report.table], counted)
    except sqlite3.IntegrityError:
        raise reports.ReportError(f"row {counted.count + 1}: repeats the keys of an earlier row") from None
    if report.name == "performance":
        connection.execute("DELETE FROM performance_metrics WHERE date = ?", (day,))
        try:
            connection.execute(_AGGREGATE, (day,))
        except sqlite3.OperationalError as error:
            if "integer overflow" not in str(error):
                raise
            raise reports.ReportError("the sums of the day do not fit into 64 bits; look for an absurd number") from None
    return counted.count, replaced


def _archive(settings: Settings, name: str, sha256: str) -> str:
    """Archive a report that has the name of one; return its URI, empty where nothing is archived."""
    report, _ = reports.classify(name)
    if not settings.archive_command:
        return ""
    return archive.archive_to_s3(settings.imports / name, report.name, command=settings.archive_command, sha256=sha256)


def _store(connection: sqlite3.Connection, stream: BinaryIO, name: str, sha256: str, uri: str) -> Outcome:
    """Import one open report in one transaction. Raises ReportError or StillWritten and then has written nothing."""
    report, day = reports.classify(name)
    with database.transaction(connection):
        if _known(connection, sha256, report.name):
            outcome = Outcome(name, "skipped", report.name, day, 0, 0, "this content was imported before", uri)
        else:
            before = _fingerprint(stream)
            with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
                rows, replaced = _write(connection, report, day, reports.read(text, report, day))
                if _fingerprint(stream) != before:
                    raise StillWritten
            outcome = Outcome(name, "imported", report.name, day, rows, replaced, "", uri)
        _record(connection, outcome, sha256)
    return outcome


def _quarantine(connection: sqlite3.Connection, settings: Settings, name: str, sha256: str, reason: str, uri: str = "") -> Outcome:
    target = _move(settings.imports / name, settings.quarantine, sha256[:8] or "other")
    note = f"{name}: {reason}.\nCorrect the report, then move it back to {settings.imports}; nothing of it was imported.\n"
    Path(f"{target}.reason.txt").write_text(note, encoding="utf-8")
    try:
        report_type = reports.classify(name)[0].name
    except reports.ReportError:
        report_type = UNKNOWN_TYPE
    outcome = Outcome(name, "quarantined", report_type, "", 0, 0, reason, uri)
    with database.transaction(connection):
        _record(connection, outcome, sha256)
    return outcome


def _import_file(connection: sqlite3.Connection, settings: Settings, name: str) -> Outcome:
    path = settings.imports / name
    sha256 = uri = ""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise reports.ReportError("it is not a regular file")
        with path.open("rb") as stream:
            sha256 = _digest(stream)
            uri = _archive(settings, name, sha256)
            outcome = _store(connection, stream, name, sha256, uri)
    except StillWritten:
        return Outcome(name, "left", "", "", 0, 0, "it changed while it was read; upload reports as NAME.part")
    except archive.NotArchived as error:
        return Outcome(name, "unarchived", "", "", 0, 0, f"not archived, so not imported either: {error}")
    except PermissionError:
        return _quarantine(connection, settings, name, sha256, "it cannot be read: permission denied")
    except (archive.Refused, reports.ReportError) as error:
        return _quarantine(connection, settings, name, sha256, str(error), uri)
    # Only after the commit: killed in between, the next run finds the content known and just moves the file.
    _move(path, settings.done, sha256[:8])
    return outcome


def run(settings: Settings) -> Summary:
    """Import everything that waits in the drop folder.

    Raises ImportRunning, database.SchemaError or sqlite3.Error; a bad report is no error but an outcome.
    """
    with _locked(settings), database.connect(settings.database) as connection:
        return Summary(tuple(_import_file(connection, settings, name) for name in waiting(settings)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all used, 1 a report was quarantined or could not be archived, 2 the import could not run."""
    parser = argparse.ArgumentParser(prog="catscan.importer", description="Import the reports of the drop folder.")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options = parser.parse_args(arguments)
    try:
        summary = run(load(os.environ))
        if os.environ.get("STEADY_JOB_COUNTS"):
            with Path(os.environ["STEADY_JOB_COUNTS"]).open("a", encoding="ascii") as counts:
                counts.write(summary.as_counts())
    except (ConfigurationError, ImportRunning, database.SchemaError, sqlite3.Error, OSError) as error:
        print(f"catscan.importer: {error}", file=sys.stderr)
        return 2
    for outcome in summary.files:
        if outcome.reason:
            print(f"{outcome.status}: {outcome.file}: {outcome.reason}", file=sys.stderr)
    print(json.dumps(summary.as_dict()) if options.json else summary.as_text())
    return 0 if summary.ok else 1


if __name__ == "__main__":
    sys.exit(main())
