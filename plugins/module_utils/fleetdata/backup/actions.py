# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions on backups: what can be said to each, and the library called with it; its findings are the answer."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Mapping

from .. import argument_types
from ..answers import Answer
from ..configuration import BACKUPS
from ..errors import UsageError
from ..limits import Progress
from ..request import Action, Request, now
from ..store import connect
from . import findings, settings, verify
from .bring_back import Target, restore_backup
from .context import Context
from .live import Live, replace_live
from .model import Backups
from .run import back_up
from .services import Services


def declared(request: Request) -> Backups:
    """The declared backups. Raises ConfigurationError."""
    part = request.configuration.part(BACKUPS)
    return settings.parse(part.data, part.where)


def context(backups: Backups, progress: Progress) -> Context:
    """What a run has on this host."""
    return Context(store=connect(archive=backups.archive), backups=backups, host=socket.gethostname(), clock=now, progress=progress)


def _backup(request: Request) -> Answer:
    backups, check = declared(request), request.asked.dry_run
    for name in request.asked.names:
        backups.subject(name)
    with request.progress("backup") as progress:
        run = context(backups, progress)
        results = [back_up(name=name, context=run, check=check) for name in request.asked.names or sorted(backups.subjects)]
    return findings.backed_up(results, bucket=backups.bucket, check=check)


def _restore(request: Request) -> Answer:
    asked, backups = request.asked, declared(request)
    if bool(asked.into) == asked.live:
        raise UsageError("Say either --into PATH, for a copy, or --live, to replace the database itself.")
    if (asked.service and not asked.live) or (asked.replace and asked.live):
        raise UsageError("--service goes with --live, and --replace with --into.")
    stamp = None if asked.at == _LATEST else asked.at
    with request.progress("restore") as progress:
        store = connect(archive=backups.archive)
        if asked.live:
            live = Live(path=backups.subject(asked.name).path, services=Services(names=tuple(asked.service)), clock=now)
            result = replace_live(store=store, prefix=backups.prefix, name=asked.name, live=live, stamp=stamp, check=asked.dry_run, progress=progress)
        else:
            into = Target(path=asked.into, replace=asked.replace)
            result = restore_backup(store=store, prefix=backups.prefix, name=asked.name, into=into, stamp=stamp, check=asked.dry_run, progress=progress)
    return findings.restored(result, check=asked.dry_run)


def _verify(request: Request) -> Answer:
    asked, backups = request.asked, declared(request)
    which = verify.ALL if asked.all else verify.NEWEST
    depth = verify.Depth(which=which, sample=asked.sample or 0, seed=now().date().isoformat(), max_age_hours=asked.max_age_hours)
    with request.progress("verify") as progress:
        results = verify.verify(context=context(backups, progress), names=[asked.name] if asked.name else [], depth=depth)
    return findings.verified(results, bucket=backups.bucket)


_LATEST = "latest"


def _backup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="declared databases and folders; none: all of them")
    parser.add_argument("--dry-run", action="store_true", help="copy and check, say what would be sent and deleted, send and delete nothing")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a database or folder")
    parser.add_argument("--at", metavar="STAMP", default=_LATEST, help="the backup, such as 20260131T080012Z (default: latest)")
    parser.add_argument("--into", metavar="PATH", help="the file, or the folder, that it comes back into")
    parser.add_argument("--replace", action="store_true", help="keep what is there with other content beside it")
    parser.add_argument("--live", action="store_true", help="replace the declared database itself; refused while a process has it open")
    parser.add_argument("--service", metavar="UNIT", action="append", default=[], help="with --live: a systemd unit to stop before and start after")
    parser.add_argument("--dry-run", action="store_true", help="say what would come back, write nothing")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a declared database or folder; none: all of them")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--newest", action="store_true", help="the newest backup alone (this is the default)")
    which.add_argument("--all", action="store_true", help="every backup")
    which.add_argument("--sample", type=argument_types.positive, metavar="N", help="the newest and N others, drawn anew every day")
    parser.add_argument("--max-age-hours", type=argument_types.positive, metavar="H", help="exit with 6 when the newest backup is older")


ACTIONS: Mapping[str, Action] = {
    "backup": Action("back up databases and folders, prove each by reading it back, then delete those that are no longer kept", _backup_arguments, _backup),
    "restore-backup": Action("bring a backup back into a file or folder, or in the place of the live database", _restore_arguments, _restore),
    "verify-backup": Action("read backups back, open them, and compare them with their manifests", _verify_arguments, _verify),
}
