"""What is due, missed, caught up and overdue: pure arithmetic, over invented histories of hosts and clocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steady_jobs import judge
from steady_jobs.model import BY_CATCH_UP, BY_CRON, FAILED, INTERRUPTED, OK, REFUSED, RUNNING, SKIPPED, WAITING, Job, Record, Run
from steady_jobs.schedule import moment, stamp

DAY = "2026-11-22"
JOB = Job(name="import", user="catscan", schedule="0 8 * * *", command=["/usr/bin/true"], changed="2026-11-01T00:00:00Z")
RECORD = judge.current(Record("import"), JOB)
START = datetime(2026, 11, 20, tzinfo=UTC)


def at(clock: str, day: str = DAY) -> datetime:
    return moment(f"{day}T{clock}:00Z")


def ran(outcome: str, started: str, due: str | None = f"{DAY}T08:00:00Z", day: str = DAY) -> Run:
    return Run(outcome, BY_CRON, f"{day}T{started}:01Z", due)


def test_shop25_a_run_missed_while_the_host_was_down_is_owed() -> None:
    assert judge.owed(JOB, RECORD, at("11:30")) == f"{DAY}T08:00:00Z"


@pytest.mark.parametrize("outcome", [OK, FAILED, REFUSED, SKIPPED])
def test_shop25_what_came_to_an_end_is_not_run_again(outcome: str) -> None:
    assert judge.owed(JOB, replace(RECORD, runs=(ran(outcome, "08:00"),)), at("11:30")) is None


@pytest.mark.parametrize("outcome", [RUNNING, INTERRUPTED])
def test_xreq5_a_run_that_a_power_cut_ended_is_owed_once_more_and_no_third_time(outcome: str) -> None:
    once = replace(RECORD, runs=(ran(outcome, "08:00"),))
    assert judge.owed(JOB, once, at("11:30")) == f"{DAY}T08:00:00Z"
    assert judge.owed(JOB, replace(once, runs=(*once.runs, ran(outcome, "09:00"))), at("11:30")) is None


def test_a_run_by_hand_since_then_answers_too() -> None:
    assert judge.owed(JOB, replace(RECORD, runs=(ran(OK, "09:00", due=None),)), at("11:30")) is None


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({"catch_up": False}, "11:30"),
        ({"catch_up_hours": 3}, "11:30"),
        ({}, "08:01"),  # cron may be about to start it
        ({"jitter_seconds": 600}, "08:11"),
        ({"schedule": "*/15 * * * *"}, "08:07"),  # due again at once
        ({"changed": f"{DAY}T08:30:00Z"}, "11:30"),  # first declared after its time: a converge catches nothing up
    ],
)
def test_shop25_what_is_not_owed(change: dict[str, object], now: str) -> None:
    job = replace(JOB, **change)
    assert judge.owed(job, judge.current(Record("import"), job), at(now)) is None


def test_shop25_a_new_schedule_holds_from_when_it_was_declared() -> None:
    job = replace(JOB, schedule="0 6 * * *", changed=f"{DAY}T07:00:00Z")
    assert judge.current(RECORD, job).since == job.changed
    assert judge.owed(job, judge.current(RECORD, job), at("11:30")) is None
    assert judge.current(RECORD, replace(JOB, changed=f"{DAY}T07:00:00Z")).since == JOB.changed, "another description is no other schedule"


def test_w19_a_clock_that_was_wrong_in_the_future_does_not_stop_the_job() -> None:
    wrong = replace(RECORD, last_success="2030-01-01T08:00:05Z", runs=(Run(OK, BY_CRON, "2030-01-01T08:00:01Z", "2030-01-01T08:00:00Z"),))
    assert judge.to_answer(JOB, wrong, BY_CRON, at("08:00")) == f"{DAY}T08:00:00Z"
    assert judge.owed(JOB, wrong, at("11:30")) == f"{DAY}T08:00:00Z"
    assert judge.expected_by(JOB, wrong, at("11:30")) == "2026-11-23T09:10:00Z"


def test_w19_a_clock_set_back_does_not_repeat_the_run() -> None:
    before = replace(RECORD, runs=(ran(OK, "08:00"),))
    assert judge.to_answer(JOB, before, BY_CRON, at("08:00")) is None


# A host that is up and down, whose cron works or not, whose clock is set: what happens in each ten minutes.
EVENTS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["up", "up", "down", "no cron", "power cut"]), st.integers(-180, 180) | st.just(0)), min_size=1, max_size=6
)
SCHEDULES = st.sampled_from(["0 8 * * *", "0 */2 * * *", "30 3,4 * * *", "15 * * * *", "0 0 1 * *"])


def live(job: Job, events: list[tuple[int, str, int]]) -> list[tuple[datetime, str, Record]]:
    """Let a host live in steps of five minutes, as cron and the timer see them; return each step's time, state and record."""
    record, clock, seen = judge.current(Record(job.name), job), START, []
    for steps, state, jump in events:
        clock += timedelta(minutes=5 * round(jump / 5))
        for _ in range(steps):
            clock += timedelta(minutes=5)
            called = {"up": [BY_CRON, BY_CATCH_UP], "power cut": [BY_CRON, BY_CATCH_UP], "no cron": [BY_CATCH_UP], "down": []}[state]
            for trigger in called:
                if trigger == BY_CRON and judge.due(job, clock) != stamp(clock):
                    continue  # cron only calls at the minute
                due = judge.to_answer(job, record, trigger, clock)
                if due:
                    outcome = INTERRUPTED if state == "power cut" else OK
                    record = replace(record, runs=(*judge.closed(record.runs), Run(outcome, trigger, stamp(clock), due)))
            seen.append((clock, state, record))
    return seen


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, EVENTS)
def test_w19_shop25_no_due_time_is_answered_twice_whatever_host_and_clock_do(schedule: str, events: list[tuple[int, str, int]]) -> None:
    record = live(replace(JOB, schedule=schedule), events)[-1][2]
    well = Counter(run.due for run in record.runs if run.outcome == OK)
    tried = Counter(run.due for run in record.runs)
    assert max(well.values(), default=0) <= 1
    assert max(tried.values(), default=0) <= judge.TRIES


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, EVENTS)
def test_shop25_what_was_missed_has_run_once_the_host_is_back(schedule: str, events: list[tuple[int, str, int]]) -> None:
    job = replace(JOB, schedule=schedule)
    steady = [(steps, state, 0) for steps, state, _ in events]
    for now, state, record in live(job, steady):
        missed, following = judge.due(job, now), job.times.next(now)
        assert missed is not None
        assert following is not None
        since = now - moment(missed)
        if state in ("up", "no cron") and judge.SETTLE <= since <= timedelta(hours=job.catch_up_hours) and following - now >= judge.SOON:
            assert judge.answered(record, missed, now)


SCRAPE = replace(JOB, name="scrape", schedule="0 6 * * *")
CLASSIFY = replace(JOB, name="classify", schedule="0 8 * * *", after=["scrape"])


def blocked(*runs: Run, **change: object) -> list[str]:
    job = replace(CLASSIFY, **change)
    jobs = {"scrape": SCRAPE, "classify": job}
    return judge.blockers(job, f"{DAY}T08:00:00Z", jobs, {"scrape": replace(judge.current(Record("scrape"), SCRAPE), runs=runs)})


def test_shop8_a_job_starts_after_a_good_run_of_the_former_since_its_own_due_time() -> None:
    assert blocked(ran(OK, "06:00", f"{DAY}T06:00:00Z")) == []
    assert blocked(ran(OK, "09:10", None)) == []
    assert blocked(ran(OK, "06:00", "2026-11-21T06:00:00Z", day="2026-11-21")) == [f"scrape, due {DAY}T06:00:00Z"]
    assert blocked(ran(RUNNING, "06:00", f"{DAY}T06:00:00Z")) == [f"scrape, due {DAY}T06:00:00Z"]
    assert blocked() == [f"scrape, due {DAY}T06:00:00Z"]


def test_shop8_what_counts_as_good_can_be_said() -> None:
    partly = ran("partly", "06:00", f"{DAY}T06:00:00Z")
    assert blocked(partly) != []
    assert blocked(partly, after_outcomes=["ok", "partly"]) == []


def test_shop8_a_job_that_this_host_does_not_have_is_named() -> None:
    assert judge.blockers(CLASSIFY, f"{DAY}T08:00:00Z", {}, {}) == ["scrape, which this host does not have"]


def test_shop8_waiting_ends_by_its_limit_or_with_the_next_due_time() -> None:
    waits = replace(RECORD, runs=(ran(WAITING, "08:00"),))
    assert judge.owed(JOB, waits, at("08:01")) == f"{DAY}T08:00:00Z"
    assert not judge.gave_up(JOB, waits, at("11:59"))
    assert judge.gave_up(JOB, waits, at("12:01"))
    assert judge.gave_up(replace(JOB, after_timeout_seconds=10**6), waits, at("08:00", "2026-11-23"))


@pytest.mark.parametrize(
    ("success", "now", "overdue"),
    [
        ("2026-11-21T08:10:00Z", "07:59", False),
        ("2026-11-21T08:10:00Z", "09:10", False),
        ("2026-11-21T08:10:00Z", "09:11", True),
        (f"{DAY}T08:05:00Z", "23:00", False),
        (f"{DAY}T11:30:00Z", "23:00", False),
        (None, "23:00", True),
    ],
)
def test_w19_absence_of_a_success_is_overdue_after_the_grace(success: str | None, now: str, overdue: bool) -> None:
    expected = judge.expected_by(JOB, replace(RECORD, last_success=success), at(now))
    assert expected is not None
    assert (stamp(at(now)) > expected) is overdue


def test_w19_a_job_just_declared_is_not_overdue() -> None:
    fresh = judge.current(Record("import"), replace(JOB, changed=f"{DAY}T08:30:00Z"))
    assert judge.expected_by(JOB, fresh, at("08:31")) == "2026-11-23T09:10:00Z"


@given(SCHEDULES, st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_w19_a_success_moves_the_expectation_on(schedule: str, now: datetime) -> None:
    job = replace(JOB, schedule=schedule, changed="2025-01-01T00:00:00Z")
    never = judge.current(Record("import"), job)
    fresh = judge.expected_by(job, replace(never, last_success=stamp(now)), now)
    stale = judge.expected_by(job, never, now)
    assert fresh is not None
    assert stale is not None
    assert stale <= fresh
    assert fresh > stamp(now)
