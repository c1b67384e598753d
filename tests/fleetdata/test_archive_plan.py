"""What is to be done with a content, for every kind of day that a bucket may hold."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import LOST, MARKED, OVERWRITTEN, UNFINISHED, UNREADABLE, Day, Oddity, Revision
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.plan import EXAMINE, KEEP, REFUSE, UPLOAD, Held, plan
from test_archive_manifest import ONE

A, B = "a" * 64, "b" * 64


def proved(number: int, sha256: str = A, oddity: str = "") -> Revision:
    """A revision with a good manifest."""
    return Revision(number=number, key=f"k{number}", bytes=1, manifest=dataclasses.replace(ONE, revision=number, content_sha256=sha256), oddity=_odd(oddity))


def odd(number: int, kind: str) -> Revision:
    """A revision without one, or with one that says it is damaged."""
    manifest = dataclasses.replace(ONE, revision=number, verified=False) if kind == MARKED else None
    return Revision(number=number, key=f"k{number}", bytes=1, manifest=manifest, oddity=_odd(kind))


def _odd(kind: str) -> Oddity | None:
    return Oddity(kind, "k", f"It is {kind}.", "performance") if kind else None


def held(sha256: str = B, damage: str = "") -> Held:
    """What an object without manifest was found to hold."""
    return Held("v", 1, "", 1, sha256, "fast", "isal", damage)


@pytest.mark.parametrize(
    ("revisions", "found", "failed", "kind", "number", "next_kind", "next_number"),
    [
        # what is held of the day; the step without revisions; with them
        ([], {}, {}, UPLOAD, 1, UPLOAD, 1),
        ([proved(1)], {}, {}, KEEP, 1, KEEP, 1),
        ([proved(1, B)], {}, {}, REFUSE, 1, UPLOAD, 2),
        ([proved(1), proved(2, B)], {}, {}, KEEP, 1, KEEP, 1),
        ([proved(1, B), proved(2)], {}, {}, KEEP, 2, KEEP, 2),
        ([odd(1, MARKED)], {}, {}, UPLOAD, 2, UPLOAD, 2),
        ([odd(1, MARKED), proved(2, B)], {}, {}, REFUSE, 2, UPLOAD, 3),
        ([proved(1, A, LOST)], {}, {}, UPLOAD, 2, UPLOAD, 2),
        ([proved(1, A, OVERWRITTEN)], {}, {}, UPLOAD, 2, UPLOAD, 2),
        ([proved(1, B, LOST)], {}, {}, REFUSE, 1, UPLOAD, 2),
        ([proved(1)], {}, {1: "it did not read back"}, UPLOAD, 2, UPLOAD, 2),
        ([odd(1, UNREADABLE)], {}, {}, REFUSE, 1, UPLOAD, 2),
        ([odd(1, UNFINISHED)], {}, {}, EXAMINE, 1, EXAMINE, 1),
        ([odd(1, UNFINISHED), proved(2)], {}, {}, KEEP, 2, KEEP, 2),
        ([odd(1, UNFINISHED)], {1: held()}, {}, REFUSE, 1, UPLOAD, 2),
        ([odd(1, UNFINISHED)], {1: held(damage="cut")}, {}, UPLOAD, 2, UPLOAD, 2),
        ([proved(7, B)], {}, {}, REFUSE, 7, UPLOAD, 8),
    ],
)
def test_f45_f47_the_next_step(
    revisions: list[Revision], found: dict[int, Held], failed: dict[int, str], kind: str, number: int, next_kind: str, next_number: int
) -> None:
    day = Day(report="performance", day="2026-01-31", revisions=tuple(revisions))
    without = plan(day=day, sha256=A, revisions=False, held=found, failed=failed)
    assert (without.kind, without.number) == (kind, number)
    with_them = plan(day=day, sha256=A, revisions=True, held=found, failed=failed)
    assert (with_them.kind, with_them.number) == (next_kind, next_number)
    assert bool(without.reason) or without.kind in (UPLOAD, KEEP, EXAMINE)
    assert "Nothing was overwritten" in without.reason or without.kind != REFUSE
