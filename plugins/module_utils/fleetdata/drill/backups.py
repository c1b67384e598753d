# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drill backups: the newest of each brought back, opened, and compared; and how old it is."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable

from ..backup import held, keys
from ..backup.bring_back import Target, restore_backup
from ..backup.held import Catalogue
from ..backup.model import Backups as Declared
from ..catalogue import MISSING
from ..errors import DamageError, FleetDataError, StoreError
from ..reading import DAMAGED, FAILED
from ..store import Store
from ..verify import GOOD
from .draw import Draw
from .model import BACKUP, EMPTY, LATE, LIMIT, REFUSED, Check, Found


@dataclass(frozen=True)
class Backups:
    """now: UTC. rpo_hours: how old the newest may be. clock: seconds that never go back."""

    store: Store
    declared: Declared
    rpo_hours: float
    now: datetime.datetime
    clock: Callable[[], float]

    def drill(self, *, folder: str, draw: Draw) -> Found:
        """Drill them in an empty folder: the newest of each, and one older one that is drawn. Raises ConfigurationError, StoreError."""
        found = {name: held.look(store=self.store, prefix=self.declared.prefix, name=name) for name in sorted(self.declared.subjects)}
        newest = {name: one.backups[-1] for name, one in found.items() if one.backups}
        older = [(name, one.stamp) for name, each in found.items() for one in each.good if one is not newest[name]]
        restored = [self._restored(name, "", newest[name].moment, os.path.join(folder, name)) for name in newest]
        drawn = [self._restored(name, stamp, keys.moment(stamp), os.path.join(folder, f"{name}.older")) for name, stamp in Draw(1, draw.seed).of(older)]
        size = sum(one.manifest.object_bytes for one in newest.values() if one.manifest)
        return Found(
            checks=(*restored, *drawn, *(check for one in found.values() for check in self._others(one))),
            newest={f"backup of {name}": one.stamp for name, one in newest.items()},
            seconds=sum(check.seconds for check in restored),
            object_bytes=size,
            all_bytes=size,
        )

    def _restored(self, name: str, stamp: str, moment: datetime.datetime, into: str) -> Check:
        """Bring a backup back, the newest without a stamp, which opens it and compares it with its manifest."""
        began = self.clock()
        check = Check(BACKUP, name, moment.date().isoformat(), GOOD)
        try:
            back = restore_backup(store=self.store, prefix=self.declared.prefix, name=name, into=Target(path=into), stamp=stamp or None)
        except StoreError as error:
            status = DAMAGED if error.kind == "missing" else FAILED
            return dataclasses.replace(check, status=status, reason=str(error))
        except FleetDataError as error:
            return dataclasses.replace(check, status=DAMAGED if isinstance(error, DamageError) else REFUSED, reason=str(error))
        rows = sum(back.counts.values())
        check = dataclasses.replace(
            check, uri=back.uri, version_id=back.version_id, rows=rows, bytes=back.bytes, sha256=back.content_sha256, seconds=self.clock() - began
        )
        return check if rows else dataclasses.replace(check, status=EMPTY, reason=f"{back.uri} holds nothing: an empty backup.")

    def _others(self, found: Catalogue) -> Iterator[Check]:
        """What is wrong with older ones, and with the age of the newest."""
        if not found.backups:
            yield Check(BACKUP, found.name, "", MISSING, f"There is no backup of {found.name}.")
        for one in found.damaged:
            if one is not found.backups[-1]:
                yield Check(BACKUP, found.name, one.moment.date().isoformat(), DAMAGED, one.damage)
        if found.good:
            hours = (self.now - found.good[-1].moment).total_seconds() / 3600
            if hours > self.rpo_hours:
                reason = f"The newest backup of {found.name} that counts is {hours:.1f} hours old, and may be {self.rpo_hours:g} (rpo_hours)."
                yield Check(LIMIT, f"rpo_hours of {found.name}", "", LATE, reason)
