"""Which backups stay: tables of what everybody expects, and properties that hold whatever came before."""

from __future__ import annotations

import datetime

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.held import Catalogue, Held
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.keep import JUMP, keepers
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.keys import stamped
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DATABASE, Keep, Subject
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.prune import plan
from backup_runs import DAY, NOON
from hypothesis import given
from hypothesis import strategies as st

Stamp = datetime.datetime
KEEP = st.builds(Keep, daily=st.integers(0, 9), weekly=st.integers(0, 5), monthly=st.integers(0, 13), last=st.integers(1, 5))
AGES = st.lists(st.integers(0, 60 * 24 * 500), min_size=1, max_size=60, unique=True)


def history(ages: list[int]) -> list[Stamp]:
    """Backups so many minutes old, the newest of now, and one of a week ago, so that the clock is not doubted."""
    return [NOON, NOON - 7 * DAY, *(NOON - datetime.timedelta(minutes=age) for age in ages)]


def test_mrpt5_f54_seven_days_four_weeks_twelve_months() -> None:
    years = [NOON - day * DAY for day in range(800)]
    kept = sorted(keepers(years, Keep(daily=7, weekly=4, monthly=12, last=1), NOON), reverse=True)
    assert kept[:7] == years[:7]
    assert [f"{stamp:%m-%d}" for stamp in kept[7:]] == ["11-15", "11-08", "11-01", "10-31", "09-30", "08-31", "07-31", "06-30", "05-31", "04-30", "03-31"] + [
        "02-28",
        "01-31",
        "12-31",
    ]


@given(ages=AGES, keep=KEEP)
def test_f54_the_newest_and_the_last_always_stay_and_nothing_is_made_up(ages: list[int], keep: Keep) -> None:
    stamps = history(ages)
    kept = keepers(stamps, keep, NOON)
    assert kept <= set(stamps)
    assert set(sorted(set(stamps), reverse=True)[: keep.last]) <= kept


@given(ages=AGES, keep=KEEP, more=KEEP)
def test_f54_who_keeps_more_loses_nothing(ages: list[int], keep: Keep, more: Keep) -> None:
    wider = Keep(keep.daily + more.daily, keep.weekly + more.weekly, keep.monthly + more.monthly, keep.last + more.last)
    assert keepers(history(ages), keep, NOON) <= keepers(history(ages), wider, NOON)


@given(ages=AGES, keep=KEEP)
def test_f54_what_is_kept_is_kept_by_the_next_look(ages: list[int], keep: Keep) -> None:
    kept = keepers(history(ages), keep, NOON)
    assert keepers(kept, keep, NOON) == kept


@given(ages=AGES, keep=KEEP, jump=st.integers(-900, 900))
def test_f54_a_clock_that_jumps_deletes_nothing(ages: list[int], keep: Keep, jump: int) -> None:
    wrong = NOON + jump * DAY
    stamps = [*history(ages), wrong]
    kept = keepers(stamps, keep, wrong)
    if jump < 0 or jump * DAY > JUMP:
        assert kept == set(stamps)
    if jump:
        assert kept >= {wrong}


@given(nights=st.integers(1, 120), keep=KEEP)
def test_f54_night_after_night_there_are_as_many_as_were_asked_for(nights: int, keep: Keep) -> None:
    held: set[Stamp] = set()
    for night in range(nights):
        now = NOON + night * DAY
        held = set(keepers({*held, now}, keep, now))
    days = {NOON + night * DAY for night in range(nights)}
    assert held >= set(sorted(days)[-max(keep.daily, keep.last) :])
    assert len(held) <= keep.daily + keep.weekly + keep.monthly + keep.last


@given(ages=AGES, keep=KEEP, damaged=st.sets(st.integers(0, 61)))
def test_f54_damaged_ones_keep_no_place_and_never_go(ages: list[int], keep: Keep, damaged: set[int]) -> None:
    stamps = sorted(set(history(ages)))
    bad = {stamp for number, stamp in enumerate(stamps) if number in damaged}
    held = tuple(Held(stamped(stamp), "", None, "It is damaged." if stamp in bad else "") for stamp in stamps)
    planned = plan(found=Catalogue("app", held), subject=Subject("app", DATABASE, "/app.db", keep), counts={"t": 1}, now=NOON)
    gone = {each.moment for each in planned.backups}
    assert not gone & bad
    assert set(stamps) - gone - bad == keepers(set(stamps) - bad, keep, NOON)
    assert len(planned.notices) >= len(bad)
    assert not (bad and planned.objects)
