# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bucket holds of a name: its backups, from LIST and their manifests. Only what is verified and there counts."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from ..errors import DamageError, FleetDataError
from ..keys import MANIFEST
from ..reading import each
from ..store import Found, Store
from . import keys, manifest
from .model import Manifest

_AT_ONCE = 8


class NoBackupError(FleetDataError):
    """There is no backup that was asked for."""

    code = 6


@dataclass(frozen=True)
class Held:
    """One backup. key: of its manifest. damage: why it does not count, a sentence; then ``manifest`` may be None."""

    stamp: str
    key: str
    manifest: Manifest | None
    damage: str = ""

    @property
    def moment(self) -> datetime.datetime:
        """When its copy was made."""
        return keys.moment(self.stamp)


@dataclass(frozen=True)
class Catalogue:
    """backups: all that have a manifest, the oldest first. objects: what else lies there, by key: what the manifests name, and what killed runs left."""

    name: str
    backups: tuple[Held, ...] = ()
    objects: Mapping[str, Found] = field(default_factory=dict)

    @property
    def good(self) -> tuple[Held, ...]:
        """Those that count."""
        return tuple(held for held in self.backups if not held.damage)

    @property
    def damaged(self) -> tuple[Held, ...]:
        """Those that do not."""
        return tuple(held for held in self.backups if held.damage)

    @property
    def newest(self) -> Manifest | None:
        """The newest that counts."""
        return self.good[-1].manifest if self.good else None

    @property
    def stamps(self) -> frozenset[str]:
        """All that are taken."""
        places = (re.search(r"\d{8}T\d{6}Z", key[key.rfind("/") :]) for key in self.objects)
        return frozenset(held.stamp for held in self.backups) | {place[0] for place in places if place}


def look(*, store: Store, prefix: str, name: str) -> Catalogue:
    """All of a name. Needs s3:ListBucket, s3:GetObject. Raises StoreError."""
    listed = {found.key: found for found in store.list(prefix=keys.stem(prefix=prefix, name=name))}
    places = {key: keys.read_key(prefix=prefix, name=name, key=key) for key in listed}
    objects = {key: listed[key] for key, place in places.items() if place and not place.manifest}
    named = [(place.stamp, key) for key, place in places.items() if place and place.manifest]
    read = partial(_held, store, prefix, name, objects)
    return Catalogue(name=name, backups=tuple(each(of=sorted(named), do=lambda one: read(*one), at_once=_AT_ONCE)), objects=objects)


def _held(store: Store, prefix: str, name: str, objects: Mapping[str, Found], stamp: str, key: str) -> Held:
    body = store.fetch(key=key)
    if body is None:
        return Held(stamp, key, None, f"s3://{store.bucket}/{key} was listed and then not there.")
    try:
        said = manifest.parse(body, bucket=store.bucket, prefix=prefix, name=name, key=key)
    except DamageError as error:
        return Held(stamp, key, None, str(error))
    return Held(stamp, key, said, _damage(said, objects.get(said.key)))


def _damage(said: Manifest, found: Found | None) -> str:
    if not said.verified:
        return f"{said.uri} is marked as damaged: {said.reason}"
    if found is None:
        return f"{said.uri} is missing, and its manifest of {said.stamp} is still there."
    if found.size != said.object_bytes:
        return f"{said.uri} has {found.size} bytes instead of the {said.object_bytes} that were proved at {said.archived_at}."
    if not said.content_bytes or not said.counts:
        return f"{said.uri} holds nothing: an empty backup."
    return ""


def newest(*, store: Store, prefix: str, name: str) -> Manifest | None:
    """The newest backup that counts, None without one. Raises StoreError."""
    return look(store=store, prefix=prefix, name=name).newest


def chosen(found: Catalogue, stamp: str | None) -> Manifest:
    """The backup of a stamp, or the newest. Raises NoBackupError; DamageError when it does not count: then an older one must be asked for by its stamp."""
    if not found.backups:
        raise NoBackupError(f"There is no backup of {found.name}.")
    held = next((held for held in found.backups if held.stamp == stamp), None) if stamp else found.backups[-1]
    stamps = ", ".join(held.stamp for held in found.good[-5:]) or "none"
    if held is None:
        raise NoBackupError(f"There is no backup of {found.name} of {stamp}. The newest that count: {stamps}.")
    if held.damage or held.manifest is None:
        raise DamageError(
            f"The backup of {found.name} of {held.stamp} does not count: {held.damage} Name another one with --at; the newest that count: {stamps}."
        )
    return held.manifest


def manifest_key(said: Manifest, *, prefix: str) -> str:
    """The key of a backup's own manifest, which may name the object of an earlier one."""
    return keys.object_key(prefix=prefix, name=said.name, kind=said.kind, stamp=said.stamp) + MANIFEST
