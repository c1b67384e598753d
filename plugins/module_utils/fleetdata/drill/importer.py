# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application's own importer: run it, and count what it made of the reports."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from typing import Any
from urllib.parse import quote

from ..errors import ConfigurationError, FleetDataError
from ..model import Manifest
from ..sql import quoted, statement
from ..table import clean
from .model import Importer

DayOf = tuple[str, str]
"""A table and an ISO day."""
_PRIVATE = ("AWS_", "STEADY_", "FLEETDATA_")
"""Neither the credentials nor a job's counts are the importer's."""
_SHOWN = 300
_STOP_SECONDS = 10.0


class ImporterError(FleetDataError):
    """The importer did not do what it is for. Its sentence says why."""


def run(importer: Importer, *, folder: str, database: str) -> None:
    """Have the files of a folder imported into a database. Raises ImporterError, with the last line that it wrote."""
    places = {"folder": folder, "database": database}
    command = [word.format(**places) for word in importer.command]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    environment = {**inherited, **{name: value.format(**places) for name, value in importer.environment.items()}}
    log = os.path.join(folder, ".importer.log")
    try:
        with open(log, "wb") as output, subprocess.Popen(
            command, cwd=importer.working_directory, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        ) as process:  # fmt: skip
            _wait(process, importer.timeout_seconds)
        if process.returncode:
            raise ImporterError(f"{command[0]} ended with {process.returncode} and said: {_last_line(log)}")
    except subprocess.TimeoutExpired:
        raise ImporterError(f"{command[0]} did not end within {importer.timeout_seconds:g} s and was ended. It had said: {_last_line(log)}") from None
    except OSError as error:
        raise ImporterError(f"{error.filename or command[0]}: the importer cannot be run: {error.strerror}.") from None


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for its end. Whatever ends the waiting ends it, and all that it started."""
    try:
        process.wait(seconds)
    except BaseException:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
        raise


def expected(importer: Importer, manifests: Iterable[Manifest]) -> dict[DayOf, int]:
    """The rows that these reports make, by table and day."""
    rows: Counter[DayOf] = Counter()
    for manifest in manifests:
        for name, table in importer.tables.items():
            if manifest.report in table.reports:
                rows[name, manifest.day] += manifest.rows
    return dict(rows)


def imported(importer: Importer, database: str) -> dict[DayOf, int]:
    """The rows that there are, by table and day; none without the file or the table. Raises ConfigurationError where it cannot be read."""
    rows: dict[DayOf, int] = {}
    if not os.path.isfile(database):
        return rows
    try:
        with closing(sqlite3.connect(f"file:{quote(database)}?mode=ro", uri=True, timeout=60)) as opened:
            there = {str(name) for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for name, table in importer.tables.items():
                if name in there:
                    column = quoted(table.day_column)
                    counted: Iterable[Any] = opened.execute(statement("SELECT", column, ", count(*) FROM", quoted(name), "GROUP BY", column))
                    rows.update({(name, str(day)): count for day, count in counted})
    except sqlite3.Error as error:
        raise ConfigurationError(f"{database}: its rows cannot be counted ({error}).") from None
    return rows


def differences(wanted: Mapping[DayOf, int], found: Mapping[DayOf, int]) -> list[str]:
    """Where the rows of tables are not as many as those of their reports, a sentence each."""
    return [
        f"{table} has {found.get((table, day), 0):,} rows of {day}; its archived reports have {rows:,}."
        for (table, day), rows in sorted(wanted.items())
        if found.get((table, day), 0) != rows
    ]


def _last_line(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 4096))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return clean(lines[-1][:_SHOWN]) if lines else "nothing"
