"""Cron expressions and job declarations, judged on the controller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.steady.fleet.plugins.filter.cron import cron_next
from ansible_collections.steady.fleet.plugins.plugin_utils import cron
from hypothesis import given
from hypothesis import strategies as st

JOB = {"name": "import", "schedule": "0 8 * * *", "command": ["/usr/bin/true"], "user": "catscan"}
STEP = {"name": "one", "command": ["/usr/bin/true"]}


def test_cs26_the_import_is_due_at_eight_utc() -> None:
    assert cron_next("0 8 * * *", count=2, now="2026-01-31T09:00:00") == ["2026-02-01T08:00:00Z", "2026-02-02T08:00:00Z"]


def test_xreq10_times_are_utc_whatever_the_offset_of_now() -> None:
    assert cron_next("0 8 * * *", now="2026-01-31T09:30:00+02:00") == ["2026-01-31T08:00:00Z"]


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6 *"])
def test_what_never_fires_is_refused(expression: str) -> None:
    with pytest.raises(AnsibleFilterError, match="never fires, for no such day exists: choose a day"):
        cron_next(expression)


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "@daily", "61 * * * *", "*/0 * * * *", "0 0 0 * *", "0 0 5-1 * *", "0 0 L * *", "5/15 * * * *", "0 0 * * 1#2", "0 0 1 13 *", "0 0 1 0 *"],
)
def test_what_cron_does_not_read_is_refused_with_an_example(expression: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"such as '0 8 \* \* \*'"):
        cron_next(expression)


def test_a_missing_cronsim_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "CronSim", None)
    with pytest.raises(AnsibleFilterError, match="'cronsim' is missing"):
        cron_next("0 8 * * *")


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_a_daily_job_is_due_once_a_day(minute: int, hour: int, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    first, second = cron.next_times(f"{minute} {hour} * * *", count=2, now=now)
    assert (first.minute, first.hour) == (minute, hour)
    assert timedelta(0) < first - now <= timedelta(days=1)
    assert second - first == timedelta(days=1)


@given(st.text(alphabet="0123456789*/,-LWAM# @", max_size=25))
def test_any_text_is_either_times_or_one_sentence(expression: str) -> None:
    try:
        assert len(cron.next_times(expression, count=3)) == 3
    except cron.CronError as error:
        assert "\n" not in str(error)
        assert f"'{expression}'" in str(error)


def test_a_good_job_has_no_problems() -> None:
    assert cron.job_problems([JOB, {**JOB, "name": "other", "lock": "import", "timeout_seconds": 60, "environment_file": None}]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Im.port"}, "key 'name'"),
        ({"lock": "a b"}, "key 'lock'"),
        ({"schedule": "0 0 31 2 *"}, "key 'schedule': '0 0 31 2 *' never fires"),
        ({"command": []}, "key 'command'"),
        ({"command": ["python"]}, "key 'command'"),
        ({"working_directory": "here"}, "key 'working_directory': 'here'"),
        ({"timeout_seconds": 0}, "key 'timeout_seconds'"),
        ({"description": "a\nb"}, "key 'description'"),
        ({"steps": [STEP]}, "say either 'command' or 'steps', not both"),
        ({"command": None}, "key 'command'"),
        ({"command": None, "steps": [{**STEP, "command": ["python"]}]}, "step 'one', key 'command'"),
        ({"command": None, "steps": [{**STEP, "name": "One"}]}, "step 'One', key 'name'"),
        ({"command": None, "steps": [STEP, STEP]}, "step 'one', key 'name': an earlier step has that name"),
        ({"command": None, "steps": [{**STEP, "needs": ["two"]}]}, "step 'one', key 'needs': no earlier step is named 'two'"),
        ({"command": None, "steps": [{**STEP, "timeout_seconds": 0}]}, "step 'one', key 'timeout_seconds'"),
        ({"command": None, "steps": [{**STEP, "expect": {"rows": -1}}]}, "step 'one', key 'expect': 'rows: -1'"),
        ({"expect": {"Rows": 1}}, "key 'expect': 'Rows: 1'"),
        ({"catch_up_hours": 0}, "key 'catch_up_hours': say at least 1"),
        ({"after": ["scrape"]}, "key 'after': no job is named 'scrape'"),
        ({"after": ["import"]}, "key 'after': it would wait for itself"),
    ],
)
def test_each_problem_names_the_job_and_the_key(change: dict[str, object], words: str) -> None:
    job = {**JOB, **change}
    assert any(f"job '{job['name']}'" in problem and words in problem for problem in cron.job_problems([job]))


def test_shop8_jobs_that_wait_for_each_other_are_refused() -> None:
    ring = [{**JOB, "name": name, "after": [after]} for name, after in (("a", "b"), ("b", "c"), ("c", "a"))]
    assert [problem.split(", key")[0] for problem in cron.job_problems(ring)] == [f"cron_jobs_list: job '{name}'" for name in "abc"]
    assert cron.job_problems([JOB, {**JOB, "name": "later", "after": ["import"]}]) == []


def test_shop7_steps_reach_the_host_without_what_was_not_said() -> None:
    steps = [{**STEP, "timeout_seconds": "60", "needs": None, "expect": {"rows": "1"}}]
    declared, _ = cron.job_files([{**JOB, "command": None, "steps": steps, "catch_up_hours": "5"}])
    said = declared["vars"]["__cron_jobs_job"]
    assert said["steps"] == [{**STEP, "timeout_seconds": 60, "expect": {"rows": 1}}]
    assert (said["catch_up_hours"], "command" in said) == (5, False)


def test_one_name_for_two_jobs_is_refused() -> None:
    assert cron.job_problems([JOB, JOB]) == ["cron_jobs_list: two jobs are named 'import'; give each its own name"]


def test_each_job_has_a_declaration_and_a_crontab_without_what_was_not_said() -> None:
    declared, crontab = cron.job_files([{**JOB, "lock": None, "timeout_seconds": "60"}])
    assert (declared["path"], crontab["path"]) == ("/etc/steady-fleet/jobs/import.json", "/etc/cron.d/steady-import")
    assert declared["vars"]["__cron_jobs_job"] == {**JOB, "timeout_seconds": 60}
