# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``query``."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TextIO

from .. import errors
from ..answers import Answer
from ..argument_types import day, positive
from ..configuration import RETENTION
from ..errors import ConfigurationError, UsageError
from ..reading import Reader
from ..request import Action, Request
from ..retention.model import Retention
from ..retention.rules import parse_all
from ..table import clean, number, size
from .archived import Bucket
from .output import CSV, JSON, TABLE, write
from .run import Answered, Place, Question, answered


def _query(request: Request) -> Answer:
    asked = request.asked
    if asked.json and not asked.output:
        raise UsageError("--json tells about the answer. For its rows say --format json, or --output FILE as well.")
    if asked.first and asked.last and asked.first > asked.last:
        raise UsageError(f"The first day, {asked.first}, is after the last, {asked.last}.")
    question = Question(
        sql=asked.sql, first=asked.first, last=asked.last, reports=asked.reports, partial=asked.partial, limit=asked.limit_bytes, seconds=asked.seconds
    )  # fmt: skip

    def notice(sentence: str) -> None:
        if not asked.json:
            request.stderr.write(f"{clean(sentence)}\n")

    count = 0
    with request.progress("query") as progress:
        place = Place(
            bucket=Bucket(store=request.store, archive=request.archive, first=asked.first, last=asked.last),
            reader=Reader(request.store, progress), retention=_retention(request, asked.name), cache=asked.cache, notice=notice,
            stopped=request.stop.is_set, clock=time.monotonic, sleep=time.sleep,
        )  # fmt: skip
        with answered(question, place) as answer, _stream(request, asked.output) as stream:
            missing = [asdict(fault) for fault in answer.missing]
            count = write(stream, form=asked.format, columns=answer.columns, rows=answer.rows, missing=missing)
    return _told(request, answer, count)


def _told(request: Request, answer: Answered, count: int) -> Answer:
    """The rows are written already; what is told of them must not be among them."""
    lacking = [f"NOT IN THE ANSWER: {fault.name} of {fault.day}. {fault.reason}" for fault in answer.missing]
    code = errors.INCOMPLETE if lacking else errors.OK
    sentence = f"{number(count, 'row')} from live data and {number(answer.objects, 'archived object')}, {size(answer.bytes)}."
    summary = {"rows": count, "objects": answer.objects, "bytes": answer.bytes, "missing": len(lacking)}
    more = {"columns": list(answer.columns), "missing": [asdict(fault) for fault in answer.missing]}
    if not request.asked.json:
        request.stderr.write("".join(f"{clean(line)}\n" for line in [*lacking, sentence]))
    return Answer(code=code, summary=summary, sentence="", more=more)


def _retention(request: Request, name: str | None) -> Retention | None:
    """The database that is asked; None where none is declared."""
    if RETENTION not in request.configuration.parts and name is None:
        return None
    part = request.configuration.part(RETENTION)
    declared = parse_all(part.data, part.where)
    if name is None and len(declared) == 1:
        return next(iter(declared.values()))
    if name not in declared:
        wrong = "Say which database" if name is None else f"There is no database {name!r}"
        raise UsageError(f"{wrong} (--name); declared are {', '.join(sorted(declared))}.")
    return declared[name]


@contextmanager
def _stream(request: Request, path: str | None) -> Iterator[TextIO]:
    """Where the rows go: a file is whole once it has its name."""
    if path is None:
        try:
            yield request.stdout
        except BrokenPipeError:  # whoever reads the answer has enough
            return
        return
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror}). Name another file with --output.") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one statement that reads: SELECT, WITH or EXPLAIN")
    parser.add_argument("--name", metavar="DATABASE", help="the database, as retention declares it; needed where there are several")
    parser.add_argument("--from", type=day, metavar="DAY", dest="first", help="the first day, such as 2026-01-31; left out: as far back as there is any")
    parser.add_argument("--to", type=day, metavar="DAY", dest="last", help="the last day, included")
    parser.add_argument("--reports", action="store_true", help="where a report and a table have one name, ask the report")
    parser.add_argument("--partial", action="store_true", help="answer without days that are damaged or missing, and say which")
    parser.add_argument("--format", choices=[TABLE, CSV, JSON], default=TABLE, help="how rows are written (default: table)")
    parser.add_argument("--output", metavar="FILE", help="write the rows there")
    parser.add_argument("--cache", metavar="DIR", help="a directory of your own for archived rows, so that they are read from S3 only once")
    limit = "bytes of archived rows that may be read, and kept in the cache (default: 2000000000)"
    parser.add_argument("--limit-bytes", type=positive, metavar="N", default=2_000_000_000, help=limit)
    parser.add_argument("--seconds", type=positive, metavar="N", default=600, help="how long the statement may take once all is read (default: 600)")


ACTIONS: Mapping[str, Action] = {"query": Action("ask live and archived days in SQL, as one table", _arguments, _query)}
