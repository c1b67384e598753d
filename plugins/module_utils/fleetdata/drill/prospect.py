# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an empty host would get back, from what S3 lists and its manifests: the host need not be there, and no object is read."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..backup import held, keys
from ..backup.model import DATABASE, Backups
from ..catalogue import catalogue
from ..errors import DamageError
from ..model import Archive, Manifest
from ..store import Store
from . import importer
from .model import Importer


@dataclass(frozen=True)
class Newest:
    """The newest backup of a database. moment: ISO, UTC. counts: its rows by table. reason: why there is none, or none that may be restored."""

    name: str
    stamp: str = ""
    moment: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class DaySince:
    """A day that was archived since, or ever where there is no backup. counts: the rows that its reports make, by table."""

    day: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Prospect:
    """backups: of each declared database. days: those that come through the importer, ascending."""

    backups: tuple[Newest, ...]
    days: tuple[DaySince, ...]


def prospect(
    *, archive: Archive, reports: Store, application: Importer | None, last_days: int, today: datetime.date, backups: Backups | None, copies: Store | None
) -> Prospect:  # fmt: skip
    """What would come back. reports: the archive's bucket. copies: the backups' bucket. Raises ConfigurationError, StoreError."""
    newest = tuple(_newest(backups, copies)) if backups and copies else ()
    since = min((one.moment for one in newest if one.moment), default="")
    if application is None:
        return Prospect(backups=newest, days=())
    first, last = (today - datetime.timedelta(days=last_days)).isoformat(), today.isoformat()
    found = [catalogue(store=reports, archive=archive, report=report, first=first, last=last) for report in application.reports]
    counting = [day.counting for one in found for day in one.days.values()]
    return Prospect(backups=newest, days=tuple(_since(application, [one for one in counting if one and one.archived_at >= since])))


def _newest(backups: Backups, store: Store) -> Iterator[Newest]:
    for name, subject in sorted(backups.subjects.items()):
        if subject.kind == DATABASE:
            try:
                manifest = held.chosen(held.look(store=store, prefix=backups.prefix, name=name), None)
            except (held.NoBackupError, DamageError) as error:
                yield Newest(name=name, reason=str(error))
            else:
                moment = f"{keys.moment(manifest.stamp):%Y-%m-%dT%H:%M:%SZ}"
                yield Newest(name=name, stamp=manifest.stamp, moment=moment, counts=dict(manifest.counts))


def _since(application: Importer, manifests: list[Manifest]) -> Iterator[DaySince]:
    days: dict[str, dict[str, int]] = defaultdict(dict)
    for (table, day), rows in importer.expected(application, manifests).items():
        days[day][table] = rows
    yield from (DaySince(day=day, counts=dict(sorted(days[day].items()))) for day in sorted(days))
