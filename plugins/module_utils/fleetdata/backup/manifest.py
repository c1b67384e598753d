# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup's manifest as the bytes of its object, and back."""

from __future__ import annotations

import dataclasses

from ..errors import DamageError
from ..manifest import checks_of, seal, unseal
from .keys import read_key
from .model import Manifest

_CHECKS = checks_of(Manifest)


def render(manifest: Manifest) -> bytes:
    """The bytes of a manifest's object."""
    return seal({**dataclasses.asdict(manifest), "counts": dict(sorted(manifest.counts.items()))})


def parse(body: bytes, *, bucket: str, prefix: str, name: str, key: str) -> Manifest:
    """The manifest that lies under ``key``. Raises DamageError unless it is whole, unaltered, and of just this backup."""
    manifest = Manifest(**unseal(body, checks=_CHECKS, key=key))
    place = read_key(prefix=prefix, name=name, key=key)
    if place is None or (manifest.bucket, manifest.name, manifest.kind, manifest.stamp) != (bucket, name, place.kind, place.stamp):
        of = f"{manifest.name} of {manifest.stamp} in {manifest.bucket}"
        raise DamageError(f"s3://{bucket}/{key}: the manifest is that of another backup ({of}): it was put under a wrong key.")
    where = read_key(prefix=prefix, name=name, key=manifest.key)
    if where is None or where.manifest or where.kind != place.kind or where.stamp > place.stamp:
        raise DamageError(f"s3://{bucket}/{key}: the manifest names {manifest.key}, which is no object of this backup or an earlier one.")
    return manifest
