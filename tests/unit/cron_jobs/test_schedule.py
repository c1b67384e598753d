"""The host's cron arithmetic, held against the controller's (cronsim) and against itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import cron
from hypothesis import assume, given
from hypothesis import strategies as st
from steady_jobs import schedule

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def _field(low: int, high: int, names: list[str]) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # cronsim takes a step after a span of one value for one that goes on; the daemons do not.
    spans = st.tuples(st.integers(low, high - 1), number).map(lambda pair: f"{min(pair)}-{max(pair[0] + 1, pair[1])}")
    stepped = st.builds("{}/{}".format, st.one_of(st.just("*"), spans), st.integers(1, 20))
    values = number.map(str) if not names else st.one_of(number.map(str), st.sampled_from(names))
    return st.one_of(st.just("*"), values, stepped, st.lists(st.one_of(values, spans), min_size=1, max_size=3).map(",".join))


MONTHS = ["jan", "FEB", "Mar", "dec"]
EXPRESSIONS = st.tuples(_field(0, 59, []), _field(0, 23, []), _field(1, 31, []), _field(1, 12, MONTHS), _field(0, 7, ["sun", "Mon", "SAT"])).map(" ".join)


@given(EXPRESSIONS, MOMENTS)
def test_w19_the_host_and_the_controller_agree_when_a_job_is_due(expression: str, moment: datetime) -> None:
    try:
        (expected,) = cron.next_times(expression, now=moment)
    except cron.CronError:
        assume(False)
    assert schedule.parse(expression).next(moment) == expected


@given(EXPRESSIONS, MOMENTS)
def test_w19_nothing_is_due_between_the_last_time_and_the_next(expression: str, moment: datetime) -> None:
    times = schedule.parse(expression)
    last, following = times.last(moment), times.next(moment)
    assume(last is not None and following is not None)
    assert last is not None
    assert last <= moment
    assert times.next(last - timedelta(seconds=1)) == last
    assert times.next(last) == following
    assert times.last(last) == last


def test_what_never_comes_due_has_no_time() -> None:
    times = schedule.parse("0 0 31 2 *")
    assert times.next(datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert times.last(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "a * * * *", "5-1 * * * *", "* * 0 * *"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        schedule.parse(expression)


@given(MOMENTS)
def test_stamps_are_read_back_and_sort_as_moments(moment: datetime) -> None:
    assert schedule.moment(schedule.stamp(moment)) == moment.replace(microsecond=0)
    assert schedule.stamp(moment) < schedule.stamp(moment + timedelta(seconds=1))
