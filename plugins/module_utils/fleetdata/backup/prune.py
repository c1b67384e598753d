# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are no longer kept go: first the manifests, so that nothing counts which is no longer there, then the objects that none names."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from ..store import Store
from .held import Catalogue, Held
from .keep import jumped, keepers
from .model import Keep

GRACE = datetime.timedelta(hours=24)
"""An object that no manifest names stays as long: its run may not have ended."""


@dataclass(frozen=True)
class Prune:
    """What goes. backups: without the damaged, which are left for a person to look at. notices: a sentence each on what stays though it would go."""

    backups: tuple[Held, ...] = ()
    objects: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def plan(*, found: Catalogue, keep: Keep, now: datetime.datetime) -> Prune:
    """What goes, once the newest of ``found`` is the one that this run proved. Pure."""
    notices = tuple(f"{held.damage} It does not count, and is left for you to look at." for held in found.damaged)
    moments = [held.moment for held in found.good]
    if jumped(moments, now):
        doubt = f"The clock says {now:%Y-%m-%d %H:%M} UTC, which is far from that of earlier backups of {found.name}: none is deleted in this run."
        return Prune(notices=(*notices, doubt))
    kept = keepers(moments, keep, now)
    going = tuple(held for held in found.good if held.moment not in kept)
    if found.damaged:  # what a damaged manifest names is not known
        return Prune(backups=going, notices=notices)
    staying = {held.manifest.key for held in found.good if held.manifest and held not in going}
    objects = tuple(sorted(key for key, each in found.objects.items() if key not in staying and now - each.modified > GRACE))
    return Prune(backups=going, objects=objects, notices=notices)


def apply(*, store: Store, backups: Iterable[Held], objects: Iterable[str]) -> None:
    """Delete them: each gets a delete marker. Killed anywhere, what still counts is whole. Raises StoreError."""
    for held in backups:
        store.remove(key=held.key)
    for key in objects:
        store.remove(key=key)
