# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions on the archive: what can be said to each, and the library called with it; its findings are the answer."""

from __future__ import annotations

import argparse
import dataclasses
import os
import socket
from collections.abc import Iterator, Mapping

from . import answers, argument_types, calendar_html, calendar_text, calendar_view, check, findings, restore, sources, verify
from .archive import archive_files
from .catalogue import MISSING
from .folder import Folder
from .reading import DAMAGED
from .request import Action, Request, now, write_page
from .retention import archived, databases, schema
from .store import connect


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
    if asked.rows:  # a day without rows is none that is missing
        results = [*(result for result in results if result.status != MISSING), *_schemas(request)]
    return findings.verified(results, bucket=request.archive.bucket)


def _schemas(request: Request) -> Iterator[verify.Verified]:
    for report in request.wanted.reports:
        for key in schema.altered(store=request.store, archive=request.archive, table=archived.table_name(report)):
            yield verify.Verified(report, "", 0, key, DAMAGED, f"s3://{request.archive.bucket}/{key}, which holds what the table is, was altered.")


def _calendar(request: Request) -> answers.Answer:
    asked = request.asked
    shown = calendar_view.calendar(archive=request.archive, catalogues=request.catalogues(), now=now(), first=asked.first, last=asked.last)
    if asked.html:
        write_page(asked.html, calendar_html.page(shown))
    style = calendar_text.style(encoding=request.stdout.encoding or "", environ=os.environ, terminal=request.stdout.isatty())
    return findings.shown(shown, style=style, check=asked.check)


def _check(request: Request) -> answers.Answer:
    folders = databases.folders(archive=request.archive, configuration=request.configuration)
    found = check.check(client=request.store.client, archive=request.archive, folders=folders, use=request.asked.use, dry_run=request.asked.dry_run)
    return findings.checked(found, bucket=request.archive.bucket, dry_run=request.asked.dry_run)


def _archive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="CSV files; none: all that the declared patterns name")
    parser.add_argument("--report", metavar="NAME", help="the report that the files are; left out: whose declared pattern names them")
    parser.add_argument("--dry-run", action="store_true", help="read and check the files, say what would become of them, write nothing")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--delete-source", action="store_true", default=None, help="delete each file once it is proved")
    source.add_argument("--keep-source", action="store_false", default=None, dest="delete_source", help="keep the files, whatever the configuration says")
    parser.add_argument("--revisions", action="store_true", default=None, help="keep another content for an archived day beside it; it then counts")


def _range_arguments(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    parser.add_argument("--report", metavar="NAME", default=None if required else "all", required=required, help="one report, or all")
    parser.add_argument("--from", type=argument_types.day, metavar="DAY", dest="first", required=required, help="the first day, such as 2026-01-31")
    parser.add_argument("--to", type=argument_types.day, metavar="DAY", dest="last", required=required, help="the last day, included")


def _look_arguments(parser: argparse.ArgumentParser) -> None:
    _range_arguments(parser)
    parser.add_argument("--rows", metavar="NAME", default="", help="the rows of a database, as it is declared for retention; its tables are the reports")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _range_arguments(parser, required=True)
    parser.add_argument("--into", metavar="DIR", required=True, help="the directory for the files; made if it is not there")
    parser.add_argument("--flat", action="store_true", help="all files directly in that directory")
    parser.add_argument("--replace", action="store_true", help="replace files there that have another content")
    parser.add_argument("--dry-run", action="store_true", help="say what would come back, write nothing")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    _look_arguments(parser)
    parser.add_argument("--sample", type=argument_types.positive, metavar="N", help="read only N days back, drawn by the seed")
    parser.add_argument("--seed", metavar="TEXT", help="what the sample is drawn by (default: today, so that every day draws others)")
    parser.add_argument("--deep", action="store_true", help="count rows, days and columns again, too")


def _calendar_arguments(parser: argparse.ArgumentParser) -> None:
    _look_arguments(parser)
    parser.add_argument("--html", metavar="FILE", help="write it as one self-contained HTML page, too")
    parser.add_argument("--check", action="store_true", help="exit with 6 if a day is missing, with 5 if one holds an object that does not count")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for", dest="use", choices=[check.ARCHIVE, check.RESTORE], default=check.ARCHIVE, help="what the credentials are for (default: archive)"
    )
    parser.add_argument("--dry-run", action="store_true", help="read only: no probe object is written")


ACTIONS: Mapping[str, Action] = {
    "archive": Action("archive files, and prove each one by reading it back", _archive_arguments, _archive),
    "restore": Action("bring days back as verified CSV files", _restore_arguments, _restore),
    "ls": Action("list the archived days from their manifests", _look_arguments, _ls),
    "verify": Action("read archived objects back and compare them with their manifests", _verify_arguments, _verify),
    "calendar": Action("show every day of every report: archived, conflicting, missing, late", _calendar_arguments, _calendar),
    "check": Action("show whether the credentials can do exactly what they must, and whether the bucket is as declared", _check_arguments, _check),
}
