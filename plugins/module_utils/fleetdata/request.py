# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the command, and what an action of it is made of."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TextIO

from . import sources
from .answers import Answer
from .catalogue import Catalogue, Wanted, catalogue
from .configuration import Configuration
from .errors import ConfigurationError
from .model import Archive
from .progress import Progress, Stop
from .retention import archived
from .store import Store, connect
from .table import size


@dataclasses.dataclass(frozen=True)
class Request:
    """One call of the command. asked: the arguments by name. configuration: what is declared on this host."""

    asked: argparse.Namespace
    configuration: Configuration
    stdout: TextIO
    stderr: TextIO
    stop: Stop

    @cached_property
    def archive(self) -> Archive:
        """The declared archive; where the rows of a database were asked for, the part of it that has them. Raises ConfigurationError."""
        declared, rows = self.configuration.archive, getattr(self.asked, "rows", "")
        return archived.of_database(store=connect(archive=declared), archive=declared, name=rows) if rows else declared

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
    def progress(self, verb: str, *, thing: str = "file", amount: Callable[[int], str] = size, rate: bool = False) -> Iterator[Progress]:
        """Tell how far it is, as long as it goes on. thing, amount: what is counted, and how so much of it is said; rate: and how fast."""
        progress = Progress(verb=verb, stream=self.stderr, stop=self.stop, thing=thing, amount=amount, rate=rate)
        try:
            yield progress
        finally:
            progress.close()


@dataclasses.dataclass(frozen=True)
class Action:
    """An action of the command. purpose: begins with a verb. arguments: adds what can be said to it. run: does it; raises FleetDataError."""

    purpose: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Request], Answer]


def now() -> datetime.datetime:
    """The clock of the command."""
    return datetime.datetime.now(datetime.timezone.utc)


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
