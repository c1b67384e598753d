# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are no longer kept go: first the manifests, so that nothing counts which is no longer there, then the objects that none names."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..store import Store
from .held import Catalogue, Held
from .keep import jumped, keepers
from .model import DATABASE, Subject

GRACE = datetime.timedelta(hours=24)
"""An object that no manifest names stays as long: its run may not have ended."""


@dataclass(frozen=True)
class Prune:
    """What goes. backups: without the damaged, which are left for a person to look at. stayed: why nothing goes until a person says so.

    notices: a sentence each on what else stays though it would go.
    """

    backups: tuple[Held, ...] = ()
    objects: tuple[str, ...] = ()
    stayed: str = ""
    notices: tuple[str, ...] = ()


def plan(*, found: Catalogue, subject: Subject, counts: Mapping[str, int], now: datetime.datetime) -> Prune:
    """What goes, once the newest of ``found`` is the one that this run proved. counts: what that one holds. Pure."""
    notices = tuple(f"{held.damage} It does not count, and is left for you to look at." for held in found.damaged)
    moments = [held.moment for held in found.good]
    if jumped(moments, now):
        doubt = f"The clock says {now:%Y-%m-%d %H:%M} UTC, which is far from that of earlier backups of {found.name}: none is deleted in this run."
        return Prune(notices=(*notices, doubt))
    lost = _lost(found, subject, counts)
    if lost:
        return Prune(stayed=lost, notices=notices)
    kept = keepers(moments, subject.keep, now)
    going = tuple(held for held in found.good if held.moment not in kept)
    if found.damaged:  # what a damaged manifest names is not known
        return Prune(backups=going, notices=notices)
    staying = {held.manifest.key for held in found.good if held.manifest and held not in going}
    objects = tuple(sorted(key for key, each in found.objects.items() if key not in staying and now - each.modified > GRACE))
    return Prune(backups=going, objects=objects, notices=notices)


def _lost(found: Catalogue, subject: Subject, counts: Mapping[str, int]) -> str:
    """A sentence where all rows are gone that an earlier backup has: it may be the only one that is of use. A folder without a file has no backup."""
    full = [(sum(held.manifest.counts.values()), held.stamp) for held in found.good if held.manifest]
    had, stamp = next(((had, stamp) for had, stamp in reversed(full) if had), (0, ""))
    if subject.kind != DATABASE or subject.empty or any(counts.values()) or not had:
        return ""
    says = f"If that is as it should be, say empty: true for {subject.name} where its backup is declared; if not, restore that one"
    return f"{subject.path} has no row any more, and its backup of {stamp} has {had:,}: no older backup is deleted. {says}."


def apply(*, store: Store, backups: Iterable[Held], objects: Iterable[str]) -> None:
    """Delete them: each gets a delete marker. Killed anywhere, what still counts is whole. Raises StoreError."""
    for held in backups:
        store.remove(key=held.key)
    for key in objects:
        store.remove(key=key)
