# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV reports to S3: checked, compressed, put where nothing was, read back, recorded; only then is a source removed.

For every file the same steps, so that a killed run is finished by the next: see what the bucket holds of the file's day, plan, write one object,
read it back, write its manifest. Only conditional writes change the bucket. Whoever is overtaken looks again and plans anew.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import time
from collections.abc import Sequence
from typing import Callable

from . import gz, keys, quarantine, scan
from .errors import ConfigurationError, ContentError, StoreError
from .limits import Allowance, Progress, Silence, share_memory
from .model import FAILED, QUARANTINED, Archive, Outcome
from .one_file import Context, archive_one
from .reading import each
from .source import Source, UnsettledError, opened
from .store import Store
from .survey import Survey

HALTING = ("denied", "unreachable")
"""Kinds of StoreError that every further file would meet as well."""


def archive_files(
    *,
    store: Store,
    archive: Archive,
    files: Sequence[tuple[str, str]],
    check: bool,
    clock: Callable[[], datetime.datetime],
    host: str,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Archive files; what became of each, in their order.

    files: path and name of the report. check: write nothing, and say what would be. clock: the time, with its zone. host: this host's name, for
    the manifests. sleep: waits, in seconds. One bad file stops no other; when S3 cannot be reached or denies, the files that are left are not tried.
    Raises ConfigurationError before anything is done.
    """
    for report in sorted({report for _, report in files}):
        if report not in archive.reports:
            raise ConfigurationError(f"There is no report {report!r}; declared are {', '.join(sorted(archive.reports)) or 'none'}.")
        scan.check_report(archive.reports[report])
    keys.check_template(archive.key)
    share_memory()
    counts = {report: sum(report == other for _, other in files) for report in archive.reports}
    context = Context(
        store=store,
        archive=archive,
        survey=Survey(store=store, archive=archive, counts=counts),
        check=check,
        clock=clock,
        host=host,
        encoder=gz.encoder(archive.compression),
        progress=progress or Silence(),
        sleep=sleep,
    )
    return _Run(context, files).all()


class _Run:
    def __init__(self, context: Context, files: Sequence[tuple[str, str]]) -> None:
        self._context, self._files = context, files
        self._allowance = Allowance()
        self._outcomes: dict[int, Outcome] = {}
        self._expected: dict[int, str] = {}
        self._halted: StoreError | None = None

    def all(self) -> list[Outcome]:
        self._context.progress.expect(files=len(self._files), bytes=sum(_size(path) for path, _ in self._files))
        groups: dict[tuple[str, str], list[int]] = {}
        for number, (path, report) in enumerate(self._files):
            day = self._expected[number] = self._expected_day(path, report)
            groups.setdefault((report, day or path), []).append(number)
        each(of=list(groups.items()), do=self._of_one_day, at_once=self._context.archive.concurrency)
        # What turned out to be of another day than its beginning let expect comes last, when the files of that day are done.
        for number in range(len(self._files)):
            if number not in self._outcomes:
                self._try(number, late=True)
        return [self._outcomes[number] for number in range(len(self._files))]

    def _expected_day(self, path: str, report: str) -> str:
        """The day that a file's beginning lets expect, empty when that says nothing."""
        try:
            with opened(path, hold=False, sleep=self._context.sleep) as source:
                return scan.first_day(block=source.beginning(), report=self._context.archive.reports[report], name=path) or ""
        except (ContentError, OSError):
            return ""  # said when the file is read

    def _of_one_day(self, group: tuple[tuple[str, str], list[int]]) -> None:
        """Files one after the other."""
        (report, day), numbers = group
        for number in numbers:
            self._try(number)
        if not self._context.check:  # a check remembers what it would have written
            self._context.survey.done(report=report, day=day)

    def _try(self, number: int, *, late: bool = False) -> None:
        path, report = self._files[number]
        outcome = self._outcome(path, report, "" if late else self._expected[number], late)
        if outcome:
            self._outcomes[number] = outcome
            self._context.progress.finished(path)

    def _outcome(self, path: str, report: str, expected: str, late: bool) -> Outcome | None:
        if self._halted:
            return Outcome(path=path, report=report, status=FAILED, reason=f"It was not tried, as S3 failed before. {self._halted}")
        try:
            with opened(path, hold=not self._context.check, sleep=self._context.sleep) as source, self._allowance.for_file(source.size):
                return self._archived_or_aside(source, report, expected, late)
        except ContentError as error:
            return Outcome(path=path, report=report, status=QUARANTINED, reason=str(error))
        except StoreError as error:
            if error.kind in HALTING:
                self._halted = error
            return Outcome(path=path, report=report, status=FAILED, reason=str(error))
        except OSError as error:
            return Outcome(path=path, report=report, status=FAILED, reason=f"{path}: {error.strerror or error}. Nothing was done with it.")

    def _archived_or_aside(self, source: Source, report: str, expected: str, late: bool) -> Outcome | None:
        archive = self._context.archive
        try:
            source.check_settled(now=self._context.clock(), seconds=archive.settle_seconds)
            return archive_one(context=self._context, source=source, report=archive.reports[report], expected=expected, late=late)
        except UnsettledError:
            raise
        except ContentError as error:
            source.check_unchanged()
            return self._aside(source, report, str(error))

    def _aside(self, source: Source, report: str, reason: str) -> Outcome:
        outcome = Outcome(path=source.path, report=report, status=QUARANTINED, reason=reason)
        directory = self._context.archive.quarantine
        if not directory:
            return outcome
        try:
            if self._context.check:
                goes_to = quarantine.target(directory=directory, source=source)
            else:
                goes_to = quarantine.move(directory=directory, source=source, reason=reason)
        except OSError as error:
            return dataclasses.replace(outcome, reason=f"{reason} It stays where it is, as {directory} does not take it: {error.strerror or error}.")
        return dataclasses.replace(outcome, reason=f"{reason} Moved to {goes_to}.", changed=True)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
