# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups read back from S3: downloaded, compared, opened, counted. Nothing is changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DamageError, StoreError
from ..reading import named
from . import database, folder_back, held
from .context import Context
from .copy import check_room
from .held import Held
from .model import DATABASE, Manifest
from .sending import receive

GOOD, DAMAGED, STALE, MISSING, FAILED = "good", "damaged", "stale", "missing", "failed"
"""A backup is what its manifest says; it is not, or its object is not there; the newest is too old; there is none; S3 did not give it."""
NEWEST, ALL = "newest", "all"


@dataclass(frozen=True)
class Depth:
    """Which backups of each name are read. which: NEWEST or ALL. sample: so many besides the newest, drawn by ``seed``. max_age_hours: of the newest."""

    which: str = NEWEST
    sample: int = 0
    seed: str = ""
    max_age_hours: float | None = None


@dataclass(frozen=True)
class Checked:
    """What one backup was found to be. reason: a sentence unless it is good. bytes: of its content that were compared."""

    name: str
    stamp: str
    status: str
    reason: str = ""
    uri: str = ""
    bytes: int = 0
    rows: int = 0


def verify(*, context: Context, names: Sequence[str] = (), depth: Depth | None = None) -> list[Checked]:
    """Verify backups of the named subjects, all when none is named. Every subject has one result at least. Raises ConfigurationError, StoreError."""
    return [each for name in names or sorted(context.backups.subjects) for each in _Verify(context, name, depth or Depth()).all()]


class _Verify:
    def __init__(self, context: Context, name: str, depth: Depth) -> None:
        self._context, self._name, self._depth = context, context.backups.subject(name).name, depth

    def all(self) -> list[Checked]:
        found = held.look(store=self._context.store, prefix=self._context.backups.prefix, name=self._name)
        if not found.backups:
            return [Checked(self._name, "", MISSING, f"There is no backup of {self._name}.")]
        results, read = [], {}
        with self._context.workplace(f"{self._name}.verify") as workplace:
            for one in self._drawn(found.backups):
                key = (one.manifest.key, one.manifest.version_id) if one.manifest and not one.damage else None
                if key not in read or key is None:  # several may name one object
                    read[key] = self._one(one, workplace)
                results.append(_of(read[key], one))
        return results + self._age(found.good)

    def _drawn(self, backups: Sequence[Held]) -> list[Held]:
        """Damaged ones are always told."""
        if self._depth.which == ALL:
            return list(backups)
        older = [one for one in backups[:-1] if not one.damage]
        drawn = sorted(older, key=lambda one: hashlib.sha256(f"{self._depth.seed}/{one.key}".encode()).digest())[: self._depth.sample]
        return [one for one in backups if one.damage or one is backups[-1] or one in drawn]

    def _age(self, good: Sequence[Held]) -> list[Checked]:
        limit = self._depth.max_age_hours
        if limit is None or not good:
            return []
        hours = (self._context.clock() - good[-1].moment).total_seconds() / 3600
        if hours <= limit:
            return []
        return [Checked(self._name, good[-1].stamp, STALE, f"The newest backup of {self._name} is {hours:.1f} hours old; {limit:g} are allowed.")]

    def _one(self, one: Held, workplace: str) -> Checked:
        manifest = one.manifest
        if manifest is None or one.damage:
            return Checked(self._name, one.stamp, DAMAGED, one.damage)
        try:
            self._on_top(manifest)
            self._read(manifest, os.path.join(workplace, "back"))
        except DamageError as error:
            return Checked(self._name, one.stamp, DAMAGED, str(error), manifest.uri)
        except StoreError as error:
            if error.kind == "missing":
                return Checked(self._name, one.stamp, DAMAGED, f"{named(manifest)} was deleted.", manifest.uri)
            return Checked(self._name, one.stamp, FAILED, str(error), manifest.uri)
        return Checked(self._name, one.stamp, GOOD, "", manifest.uri, manifest.content_bytes, sum(manifest.counts.values()))

    def _on_top(self, manifest: Manifest) -> None:
        """A version that was put over a proved one is no harm to a restore, which reads by version, but nobody should have put it there."""
        with self._context.store.read(key=manifest.key) as stream:
            if manifest.version_id and stream.version_id != manifest.version_id:
                over = f"version {stream.version_id} was put over the proved version {manifest.version_id}, which may still be there"
                raise DamageError(f"{manifest.uri}: {over}. Delete the newer version.")

    def _read(self, manifest: Manifest, path: str) -> None:
        progress, store, prefix = self._context.progress, self._context.store, self._context.backups.prefix
        check_room(os.path.dirname(path), manifest.content_bytes, what=f"The backup of {manifest.name} of {manifest.stamp}")
        progress.expect(files=1, bytes=manifest.content_bytes)
        receive(store=store, manifest=manifest, to=path, moved=progress.moved)
        try:
            if manifest.kind == DATABASE:
                database.compare(path, manifest)
            else:
                damaged = list(folder_back.check_files(store=store, prefix=prefix, manifest=manifest, path=path, moved=progress.moved))
                if damaged:
                    raise DamageError(f"{manifest.uri}: {len(damaged)} of its files are damaged. {damaged[0]}")
        finally:
            os.unlink(path)
        progress.finished(manifest.key)


def _of(checked: Checked, one: Held) -> Checked:
    return Checked(checked.name, one.stamp, checked.status, checked.reason, checked.uri, checked.bytes, checked.rows)
