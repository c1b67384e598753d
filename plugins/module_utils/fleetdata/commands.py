# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command's actions: the library called with what was asked, its findings as an answer."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TextIO

from . import answers, calendar_html, calendar_text, calendar_view, check, findings, restore, sources, verify
from .archive import archive_files
from .catalogue import Catalogue, Wanted, catalogue
from .errors import ConfigurationError
from .folder import Folder
from .model import Archive
from .progress import Progress
from .store import Store, connect


@dataclasses.dataclass(frozen=True)
class Request:
    """One call of the command. asked: the arguments by name."""

    asked: argparse.Namespace
    archive: Archive
    stdout: TextIO
    stderr: TextIO
    stop: threading.Event

    @cached_property
    def store(self) -> Store:
        """The archive's bucket."""
        return connect(archive=self.archive)

    @property
    def wanted(self) -> Wanted:
        """The days that were asked for."""
        return Wanted(reports=tuple(sources.reports(archive=self.archive, name=self.asked.report)), first=self.asked.first, last=self.asked.last)

    def catalogues(self) -> list[Catalogue]:
        """What the bucket holds of them."""
        wanted = self.wanted
        return [catalogue(store=self.store, archive=self.archive, report=report, first=wanted.first, last=wanted.last) for report in wanted.reports]

    @contextmanager
    def progress(self, verb: str) -> Iterator[Progress]:
        """Tell how far it is, as long as it goes on."""
        progress = Progress(verb=verb, stream=self.stderr, stop=self.stop)
        try:
            yield progress
        finally:
            progress.close()


def run(request: Request) -> answers.Answer:
    """Do one action. Raises FleetDataError; what was done until then is whole."""
    return ACTIONS[request.asked.action](request)


def now() -> datetime.datetime:
    """The clock of the command."""
    return datetime.datetime.now(datetime.timezone.utc)


def _archive(request: Request) -> answers.Answer:
    asked = request.asked
    said = {"delete_source": asked.delete_source, "revisions": asked.revisions}
    archive = dataclasses.replace(request.archive, **{name: value for name, value in said.items() if value is not None})
    files = (
        sources.named(archive=archive, paths=asked.files, report=asked.report)
        if asked.files
        else sources.declared(archive=archive, name=asked.report or sources.ALL)
    )
    with request.progress("archive") as progress:
        outcomes = archive_files(
            store=connect(archive=archive), archive=archive, files=files, check=asked.dry_run, clock=now, host=socket.gethostname(), progress=progress
        )
    return answers.archived(outcomes, bucket=archive.bucket, check=asked.dry_run)


def _restore(request: Request) -> answers.Answer:
    asked = request.asked
    into = Folder(path=os.path.abspath(asked.into), flat=asked.flat, replace=asked.replace)
    with request.progress("restore") as progress:
        results = restore.restore(store=request.store, archive=request.archive, wanted=request.wanted, into=into, check=asked.dry_run, progress=progress)
    return findings.restored(results, into=into.path, check=asked.dry_run)


def _ls(request: Request) -> answers.Answer:
    return findings.listed(request.catalogues(), bucket=request.archive.bucket)


def _verify(request: Request) -> answers.Answer:
    asked = request.asked
    depth = verify.Depth(sample=asked.sample, seed=asked.seed or now().date().isoformat(), rows=asked.deep)
    with request.progress("verify") as progress:
        results = verify.verify(store=request.store, archive=request.archive, wanted=request.wanted, depth=depth, progress=progress)
    return findings.verified(results, bucket=request.archive.bucket)


def _calendar(request: Request) -> answers.Answer:
    asked = request.asked
    shown = calendar_view.calendar(archive=request.archive, catalogues=request.catalogues(), now=now(), first=asked.first, last=asked.last)
    if asked.html:
        write_page(asked.html, calendar_html.page(shown))
    style = calendar_text.style(encoding=request.stdout.encoding or "", environ=os.environ, terminal=request.stdout.isatty())
    return findings.shown(shown, style=style, check=asked.check)


def _check(request: Request) -> answers.Answer:
    found = check.check(client=request.store.client, archive=request.archive, use=request.asked.use, dry_run=request.asked.dry_run)
    return findings.checked(found, bucket=request.archive.bucket, dry_run=request.asked.dry_run)


def write_page(path: str, page: str) -> None:
    """Write a file that is whole whenever somebody opens it. Raises ConfigurationError where that cannot be."""
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(part, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(part)
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror}). Name another file with --html.") from None


ACTIONS: Mapping[str, Callable[[Request], answers.Answer]] = {
    "archive": _archive,
    "restore": _restore,
    "ls": _ls,
    "verify": _verify,
    "calendar": _calendar,
    "check": _check,
}
