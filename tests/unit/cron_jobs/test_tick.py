"""Jobs over time, with real processes and a clock that the test says: missed, interrupted, waiting, overdue."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from steady_jobs.schedule import moment

FILES = Path(__file__).parents[3] / "roles/cron_jobs/files"
ME = pwd.getpwuid(os.geteuid()).pw_name
# The command as the host has it, but for its two doors to the host: the clock, and systemd, which only says what it would start.
PROGRAM = """
import sys, time
from datetime import timedelta
from steady_jobs import cli, schedule, system
now, began = schedule.moment(sys.argv[1]), time.monotonic()
sys.exit(cli.main(sys.argv[2:], system.System(
    now=lambda: now + timedelta(seconds=time.monotonic() - began), start=lambda unit: print("start", unit, flush=True))))
"""


class World:
    """A host's root directory, and its time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = "2026-11-22T07:00:00Z"
        for folder in ("etc/steady-fleet/jobs", "var/lib/steady-fleet/jobs"):
            (root / folder).mkdir(parents=True)

    def declare(self, name: str, shell: str = "true", *, schedule: str = "0 8 * * *", since: str = "2026-11-01T00:00:00Z", **more: Any) -> None:
        spec = {"name": name, "user": ME, "schedule": schedule, **more}
        if "steps" not in more:
            spec["command"] = ["/bin/sh", "-c", shell]
        (self.root / f"etc/steady-fleet/jobs/{name}.json").write_text(json.dumps(spec))
        if since:
            record = {"job": name, "schedule": schedule, "since": since, "runs": []}
            (self.root / f"var/lib/steady-fleet/jobs/{name}.json").write_text(json.dumps(record))

    def written(self, name: str, at: str) -> None:
        """Say when the declaration was written."""
        seconds = moment(at).timestamp()
        os.utime(self.root / f"etc/steady-fleet/jobs/{name}.json", (seconds, seconds))

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, self.now, "--root", str(self.root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(FILES)})

    def run(self, name: str, trigger: str = "cron") -> int:
        return self.call("run", "--trigger", trigger, name).returncode

    def tick(self) -> list[str]:
        """Return the jobs that it starts."""
        lines = self.call("tick").stdout.splitlines()
        return [line.split("@")[1].removesuffix(".service") for line in lines if line.startswith("start steady-fleet-job@")]

    def runs(self, name: str) -> list[dict[str, Any]]:
        return json.loads(self.call("history", name, "--json").stdout)

    def outcomes(self, name: str) -> list[tuple[str, str]]:
        return [(run["trigger"], run["outcome"]) for run in self.runs(name)]

    def status(self, name: str) -> dict[str, Any]:
        return next(one for one in json.loads(self.call("status", "--json").stdout) if one["job"] == name)

    def published(self) -> dict[str, dict[str, Any]]:
        return {one["job"]: one for one in json.loads((self.root / "run/steady-fleet/jobs.json").read_text())["jobs"]}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_shop25_a_missed_run_is_caught_up_once(world: World) -> None:
    world.declare("backup")
    world.now = "2026-11-22T11:30:00Z"
    assert world.tick() == ["backup"]
    assert world.run("backup", "catch-up") == 0
    assert world.run("backup", "catch-up") == 0
    assert world.tick() == []
    (run,) = world.runs("backup")
    assert (run["trigger"], run["outcome"], run["due"]) == ("catch-up", "ok", "2026-11-22T08:00:00Z")


def test_w19_a_run_caught_up_just_before_cron_calls_is_not_repeated(world: World) -> None:
    """Debian's cron starts a daily job late when the clock was set forward: by then it may have been caught up."""
    world.declare("backup")
    world.now = "2026-11-22T08:30:00Z"
    world.run("backup", "catch-up")
    assert world.run("backup", "cron") == 0
    assert world.outcomes("backup") == [("catch-up", "ok")]


def test_w19_after_the_clock_was_set_back_cron_does_not_repeat_the_run(world: World) -> None:
    world.declare("backup")
    world.now = "2026-11-22T08:00:02Z"
    world.run("backup")
    world.now = "2026-11-22T08:00:01Z"
    world.run("backup")
    world.now = "2026-11-23T08:00:01Z"
    world.run("backup")
    assert [run["due"] for run in world.runs("backup")] == ["2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"]


def test_xreq5_a_run_that_a_power_cut_ended_is_caught_up(world: World) -> None:
    world.declare("backup", "kill -KILL $PPID; sleep 60")
    world.now = "2026-11-22T08:00:01Z"
    assert world.run("backup") == -9
    world.declare("backup", since="")
    world.now = "2026-11-22T09:00:00Z"
    assert world.status("backup")["outcome"] == "interrupted"
    assert world.call("status", "--check").returncode == 1
    assert world.tick() == ["backup"]
    assert world.run("backup", "catch-up") == 0
    assert world.outcomes("backup") == [("cron", "interrupted"), ("catch-up", "ok")]
    assert world.call("status", "--check").returncode == 0


def test_xreq5_a_lost_run_is_not_taken_for_another_one_that_shares_its_lock(world: World) -> None:
    world.declare("backup", "kill -KILL $PPID; sleep 60", lock="data")
    world.now = "2026-11-22T08:00:01Z"
    world.run("backup")
    world.declare("other", "sleep 60", lock="data")
    command = [sys.executable, str(FILES / "job.py"), "--root", str(world.root), "run", "other"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as other:
        while world.status("other")["outcome"] != "running":
            pass
        assert world.status("backup")["outcome"] == "interrupted"
        other.terminate()


def test_shop25_a_job_first_declared_after_its_time_waits_for_the_next(world: World) -> None:
    world.declare("backup", since="")
    world.written("backup", "2026-11-22T08:30:00Z")
    world.now = "2026-11-22T12:30:00Z"
    assert world.tick() == []
    assert world.status("backup")["state"] == "never"


def test_a_job_that_was_away_has_nothing_to_catch_up(world: World) -> None:
    world.declare("backup")
    spec = world.root / "etc/steady-fleet/jobs/backup.json"
    text = spec.read_text()
    spec.unlink()
    world.now = "2026-11-22T10:00:00Z"
    world.tick()
    spec.write_text(text)
    world.written("backup", "2026-11-22T11:00:00Z")
    world.now = "2026-11-22T11:30:00Z"
    assert world.tick() == []


def scrape(*failing: str) -> dict[str, Any]:
    command = {name: ["/bin/sh", "-c", "exit 4" if name in failing else 'echo rows=30 >> "$STEADY_JOB_COUNTS"'] for name in ("reddit", "appstore", "community")}
    return {"schedule": "0 6 * * *", "steps": [{"name": name, "command": words, "expect": {"rows": 1}} for name, words in command.items()]}


def test_w5_shop7_each_step_has_its_own_outcome_and_a_failure_stops_no_other(world: World) -> None:
    world.declare("daily_scrape", **scrape("appstore"))
    world.now = "2026-11-22T06:00:01Z"
    result = world.call("run", "--trigger", "cron", "daily_scrape")
    assert result.returncode == 4
    assert "partly: 1 of 3 steps did not end well: appstore (failed: exit code 4)" in result.stderr
    run = world.runs("daily_scrape")[-1]
    assert [(step["name"], step["outcome"], step["counts"]) for step in run["steps"]] == [
        ("reddit", "ok", {"rows": 30}),
        ("appstore", "failed", {}),
        ("community", "ok", {"rows": 30}),
    ]
    assert run["counts"] == {"rows": 60}
    assert all(step["duration_seconds"] > 0 for step in run["steps"])


def test_w5_a_step_whose_need_failed_is_skipped_and_all_failing_is_failed(world: World) -> None:
    steps = [
        {"name": "fetch", "command": ["/bin/false"]},
        {"name": "load", "command": ["/bin/true"], "needs": ["fetch"]},
        {"name": "tell", "command": ["/bin/sleep", "60"], "timeout_seconds": 1},
    ]
    world.declare("load", steps=steps)
    assert world.run("load", "hand") == 1
    run = world.runs("load")[-1]
    assert [step["outcome"] for step in run["steps"]] == ["failed", "skipped", "timeout"]
    assert run["outcome"] == "failed"
    assert "load (skipped: needs fetch)" in run["message"]


def test_w19_the_time_of_a_job_holds_for_its_steps_together(world: World) -> None:
    sleep = {"command": ["/bin/sleep", "60"], "timeout_seconds": 30}
    world.declare("slow", steps=[{"name": "one", **sleep}, {"name": "two", **sleep}], timeout_seconds=1)
    assert world.run("slow", "hand") == 124
    assert [step["outcome"] for step in world.runs("slow")[-1]["steps"]] == ["timeout", "skipped"]


def test_shop8_classify_waits_for_scrape_and_starts_when_that_has_ended_well(world: World) -> None:
    world.declare("daily_scrape", **scrape())
    world.declare("classify_batch", after=["daily_scrape"])
    world.now = "2026-11-22T08:00:01Z"
    assert world.run("classify_batch") == 75
    assert world.status("classify_batch")["state"] == "waiting"
    assert world.status("classify_batch")["message"] == "waits for daily_scrape, due 2026-11-22T06:00:00Z"
    world.now = "2026-11-22T08:05:00Z"
    assert world.tick() == ["daily_scrape"], "the former was missed: it is caught up, the latter goes on waiting"
    done = world.call("run", "--trigger", "catch-up", "daily_scrape")
    assert "start steady-fleet-jobs.service" in done.stdout, "who waits is looked after at once"
    assert world.tick() == ["classify_batch"]
    assert world.run("classify_batch", "catch-up") == 0
    assert world.outcomes("classify_batch") == [("catch-up", "ok")]
    assert world.tick() == []


def test_shop8_waiting_in_vain_ends_and_is_an_alarm(world: World) -> None:
    world.declare("daily_scrape", **scrape("reddit", "appstore", "community"))
    world.declare("classify_batch", after=["daily_scrape"], after_timeout_seconds=3600)
    world.now = "2026-11-22T06:00:01Z"
    assert world.run("daily_scrape") == 4
    world.now = "2026-11-22T08:00:01Z"
    world.run("classify_batch")
    world.now = "2026-11-22T09:00:02Z"
    result = world.call("tick")
    assert "job 'classify_batch' skipped: waits for daily_scrape, due 2026-11-22T06:00:00Z; in vain" in result.stderr
    assert world.status("classify_batch")["state"] == "skipped"
    assert world.tick() == []


def test_shop25_both_missed_are_caught_up_in_their_order(world: World) -> None:
    world.declare("daily_scrape", **scrape())
    world.declare("classify_batch", after=["daily_scrape"])
    world.now = "2026-11-22T11:30:00Z"
    assert world.tick() == ["classify_batch", "daily_scrape"]
    assert world.run("classify_batch", "catch-up") == 75
    assert world.run("daily_scrape", "catch-up") == 0
    assert world.tick() == ["classify_batch"]
    assert world.run("classify_batch", "catch-up") == 0


def test_w19_absence_is_told_once_and_everyone_may_read_it(world: World) -> None:
    world.declare("backup", since="2026-11-22T07:00:00Z", catch_up=False)
    world.now = "2026-11-22T09:09:00Z"
    assert json.loads(world.call("tick").stdout)["overdue"] == 0
    world.now = "2026-11-22T09:12:00Z"
    beat = json.loads(world.call("tick").stdout)
    assert (beat["overdue"], beat["overdue_jobs"], beat["jobs"]) == (1, ["backup"], 1)
    world.call("tick")
    assert (world.root / "var/log/steady-fleet/backup.log").read_text().count("overdue: expected by 2026-11-22T09:10:00Z, last success never") == 1
    assert (world.published()["backup"]["state"], world.published()["backup"]["overdue"]) == ("overdue", True)
    assert (world.root / "run/steady-fleet/jobs.json").stat().st_mode & 0o777 == 0o644
    assert world.call("status", "--check").returncode == 1
    world.run("backup", "hand")
    assert not world.published()["backup"]["overdue"], "each run refreshes it, not only the timer"


def test_w19_whoever_sees_it_first_tells_that_a_job_is_overdue(world: World) -> None:
    world.declare("backup", since="2026-11-22T07:00:00Z", catch_up=False)
    world.declare("other")
    world.now = "2026-11-22T09:12:00Z"
    world.run("other", "hand")
    world.call("tick")
    assert (world.root / "var/log/steady-fleet/backup.log").read_text().count("overdue") == 1


def test_w19_a_catch_up_that_finds_the_lock_taken_leaves_no_trace(world: World) -> None:
    world.declare("backup", lock="data")
    world.now = "2026-11-22T11:30:00Z"
    lock = world.root / "run/steady-fleet/data.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert world.tick() == []
        assert world.run("backup", "catch-up") == 75
        assert world.runs("backup") == []
    assert world.tick() == ["backup"]


def test_w19_cron_starts_with_jitter(world: World) -> None:
    world.declare("backup", jitter_seconds=1)
    world.now = "2026-11-22T08:00:01Z"
    assert world.run("backup") == 0
    assert world.outcomes("backup") == [("cron", "ok")]


def test_a_declaration_of_a_newer_release_is_understood_as_far_as_it_goes(world: World) -> None:
    world.declare("backup", steps=[{"name": "one", "command": ["/bin/true"], "colour": "red"}], flavour="new")
    assert world.run("backup", "hand") == 0


def test_w19_what_is_published_holds_no_command_and_no_value(world: World) -> None:
    secrets = world.root / "env"
    secrets.write_text("TOKEN=canary\n")
    world.declare("backup", "echo canary; : command-line", environment_file=str(secrets))
    world.run("backup", "hand")
    text = (world.root / "run/steady-fleet/jobs.json").read_text()
    assert "canary" not in text
    assert "command-line" not in text


@pytest.mark.parametrize(
    ("shell", "counts", "outcome", "code"),
    [
        ('echo "rows=3 files=1" >> "$STEADY_JOB_COUNTS"; echo rows=4 >> "$STEADY_JOB_COUNTS"', {"rows": 7, "files": 1}, "ok", 0),
        ('echo "rows=0" > "$STEADY_JOB_COUNTS"', {"rows": 0}, "too_few", 65),
        ("true", {}, "too_few", 65),
        ('echo "rows: many" >> "$STEADY_JOB_COUNTS"', {}, "too_few", 65),
        ('rm "$STEADY_JOB_COUNTS" || echo rows=9 > "$STEADY_JOB_COUNTS"', {}, "too_few", 65),
        ('echo rows=9 >> "$STEADY_JOB_COUNTS"; exit 3', {"rows": 9}, "failed", 3),
    ],
)
def test_w5_moving_too_little_is_not_success(world: World, shell: str, counts: dict[str, int], outcome: str, code: int) -> None:
    world.declare("import", shell, expect={"rows": 1})
    assert world.run("import", "hand") == code
    run = world.runs("import")[-1]
    assert (run["counts"], run["outcome"]) == (counts, outcome)


def test_the_history_is_bounded(world: World) -> None:
    world.declare("backup", history_keep=3)
    for _ in range(5):
        world.run("backup", "hand")
    assert len(world.runs("backup")) == 3
    table = world.call("history", "backup").stdout.splitlines()
    assert (len(table), table[0].split()[0]) == (4, "STARTED")


def test_a_stop_ends_the_running_step_and_starts_no_other(world: World) -> None:
    world.declare("load", steps=[{"name": "one", "command": ["/bin/sh", "-c", "kill -TERM $PPID; sleep 60"]}, {"name": "two", "command": ["/bin/true"]}])
    assert world.run("load", "hand") == 143
    run = world.runs("load")[-1]
    assert [(step["outcome"], step["message"]) for step in run["steps"]] == [("failed", "told to stop by SIGTERM"), ("skipped", "told to stop by SIGTERM")]


def test_w16_only_the_jobs_user_can_write_its_counts(world: World) -> None:
    if os.geteuid() != 0:
        return
    for folder in (world.root, *world.root.parents):
        if folder != Path("/tmp") and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    world.declare(
        "import", 'echo rows=2 >> "$STEADY_JOB_COUNTS"; stat -c "%U %a" "$STEADY_JOB_COUNTS"; ls "${STEADY_JOB_COUNTS%/*}" && exit 9; exit 0', user="nobody"
    )
    assert world.run("import", "hand") == 0
    assert world.runs("import")[-1]["counts"] == {"rows": 2}
    assert "nobody 600" in (world.root / "var/log/steady-fleet/import.log").read_text()
