"""The wrapper that cron calls, with real processes."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steady_jobs.environment import parse_environment
from steady_jobs.model import JobError
from steady_jobs.run import NOT_NOW
from steady_jobs.work import TIMED_OUT, UNUSABLE

SCRIPT = Path(__file__).parents[3] / "roles/cron_jobs/files/job.py"
ME = pwd.getpwuid(os.geteuid()).pw_name


class Host:
    """A directory that stands for a host's root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "etc/steady-fleet/jobs").mkdir(parents=True)

    def declare(self, name: str, shell: str, **more: Any) -> None:
        spec = {"name": name, "command": ["/bin/sh", "-c", shell], "user": ME, "schedule": "* * * * *", **more}
        (self.root / f"etc/steady-fleet/jobs/{name}.json").write_text(json.dumps(spec))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-I", str(SCRIPT), "--root", str(self.root), *words]

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command("run", name, *words), capture_output=True, text=True, check=False)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command("run", name), stderr=subprocess.DEVNULL)

    def record(self, name: str) -> dict[str, Any]:
        """The last run, and what is remembered beyond it."""
        record = json.loads((self.root / f"var/lib/steady-fleet/jobs/{name}.json").read_text())
        return {**record, **record["runs"][-1]}

    def log(self, name: str) -> str:
        return (self.root / f"var/log/steady-fleet/{name}.log").read_text()

    def status(self) -> dict[str, dict[str, Any]]:
        shown = subprocess.run(self.command("status", "--json"), capture_output=True, text=True, check=True).stdout
        return {one["job"]: one for one in json.loads(shown)}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def _until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_w19_a_good_run_is_recorded_and_its_output_kept(host: Host) -> None:
    host.declare("good", "echo first; printf last >&2")
    result = host.run("good", "--tail=1")
    assert (result.returncode, result.stdout, result.stderr) == (0, "last\n", "")
    record = host.record("good")
    assert record["outcome"] == "ok"
    assert record["last_success"] == record["ended"] >= record["started"]
    assert [line.split(" ", 1)[1] for line in host.log("good").splitlines()][2:] == ["first", "last", "[job] ok: exit code 0"]


def test_w5_a_failure_passes_its_exit_code_on_and_keeps_the_last_success(host: Host) -> None:
    host.declare("job", "exit 0")
    host.run("job")
    success = host.record("job")["last_success"]
    host.declare("job", "exit 7")
    result = host.run("job")
    assert result.returncode == 7
    assert result.stderr == "job 'job' failed: exit code 7\n"
    record = host.record("job")
    assert (record["outcome"], record["exit_code"], record["last_success"]) == ("failed", 7, success)


def test_a_signal_is_recorded(host: Host) -> None:
    host.declare("job", "kill -SEGV $$")
    assert host.run("job").returncode == 128 + signal.SIGSEGV
    assert host.record("job")["signal"] == signal.SIGSEGV


def test_w19_a_timeout_ends_grandchildren_in_sessions_of_their_own(host: Host) -> None:
    pids = host.root / "pids"
    host.declare("slow", f"setsid sleep 300 & echo $! > {pids}; sleep 301 & echo $! >> {pids}; wait", timeout_seconds=1)
    assert host.run("slow").returncode == TIMED_OUT
    assert host.record("slow")["outcome"] == "timeout"
    assert not any(_alive(int(pid)) for pid in pids.read_text().split())


@pytest.mark.slow
def test_w19_who_ignores_sigterm_is_killed(host: Host) -> None:
    host.declare("stubborn", "trap '' TERM; while :; do sleep 0.1; done", timeout_seconds=1)
    assert host.run("stubborn").returncode == TIMED_OUT
    assert host.record("stubborn")["signal"] == signal.SIGKILL


def test_a_process_left_behind_is_ended(host: Host) -> None:
    pid = host.root / "pid"
    host.declare("leaving", f"setsid sleep 300 & echo $! > {pid}")
    assert host.run("leaving").returncode == 0
    assert not _alive(int(pid.read_text()))
    assert "1 process(es) that it left behind" in host.record("leaving")["message"]


def test_w19_an_overlapping_run_is_refused_and_recorded(host: Host) -> None:
    go = host.root / "go"
    host.declare("job", f"while ! test -e {go}; do sleep 0.05; done")
    first = host.start("job")
    _until(lambda: (host.root / "var/log/steady-fleet/job.log").exists() and "started" in host.log("job"))
    assert host.status()["job"]["outcome"] == "running"
    second = host.run("job")
    assert second.returncode == NOT_NOW
    assert "refused" in second.stderr
    go.touch()
    assert first.wait() == 0
    record = host.record("job")
    assert (record["outcome"], record["refusals"]) == ("ok", 1)


def test_w19_jobs_that_share_a_lock_exclude_each_other(host: Host) -> None:
    go = host.root / "go"
    host.declare("one", f"while ! test -e {go}; do sleep 0.05; done", lock="data")
    host.declare("two", "true", lock="data")
    first = host.start("one")
    _until(lambda: (host.root / "var/log/steady-fleet/one.log").exists() and "started" in host.log("one"))
    assert host.run("two").returncode == NOT_NOW
    assert host.record("two")["outcome"] == "refused"
    go.touch()
    first.wait()
    assert host.run("two").returncode == 0


def test_w19_a_killed_wrapper_takes_the_job_along_and_the_next_run_works(host: Host) -> None:
    pid = host.root / "pid"
    host.declare("job", f"echo $$ > {pid}; exec sleep 300")
    first = host.start("job")
    _until(lambda: pid.exists() and bool(pid.read_text().strip()))
    first.kill()
    first.wait()
    _until(lambda: not _alive(int(pid.read_text())))
    assert host.status()["job"]["outcome"] == "interrupted"
    host.declare("job", "true")
    assert host.run("job").returncode == 0


def test_a_stopped_wrapper_stops_the_job_and_records_it(host: Host) -> None:
    pid = host.root / "pid"
    host.declare("job", f"echo $$ > {pid}; exec sleep 300")
    first = host.start("job")
    _until(lambda: pid.exists() and bool(pid.read_text().strip()))
    first.terminate()
    assert first.wait() != 0
    assert not _alive(int(pid.read_text()))
    assert host.record("job")["message"] == "told to stop by SIGTERM"


def test_w15_one_run_cannot_fill_the_log(host: Host) -> None:
    host.declare("talker", "yes | head -n 200000", log_max_bytes=10000)
    assert host.run("talker").returncode == 0
    assert len(host.log("talker")) < 11000
    assert "further output is left out" in host.log("talker")


def test_the_environment_file_reaches_the_job_and_no_record(host: Host) -> None:
    secrets = host.root / "env"
    secrets.write_text('# comment\nTOKEN="can\\"ary $HOME"\n')
    host.declare("job", 'test "$TOKEN" = \'can"ary $HOME\'; test $? = 0 && test -n "$TZ"', environment_file=str(secrets))
    assert host.run("job").returncode == 0
    assert "ary" not in host.log("job") + json.dumps(host.record("job"))


def test_a_broken_environment_file_is_named_without_its_content(host: Host) -> None:
    secrets = host.root / "env"
    secrets.write_text("A=1\ncanary without sign\n")
    host.declare("job", "true", environment_file=str(secrets))
    result = host.run("job")
    assert result.returncode == UNUSABLE
    assert f"{secrets}: line 2 is not KEY=VALUE" in result.stderr
    assert "canary" not in result.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"command": ["/no/such/program"]}, "/no/such/program: No such file"),
        ({"working_directory": "/no/such/place"}, "/no/such/place: No such file"),
        ({"environment_file": "/no/such/env"}, "cannot read its environment file /no/such/env"),
        ({"user": "nobody-such"}, "its user 'nobody-such' does not exist"),
    ],
)
def test_what_cannot_be_started_is_said_and_recorded(host: Host, change: dict[str, Any], words: str) -> None:
    host.declare("job", "true", **change)
    result = host.run("job")
    assert result.returncode == UNUSABLE
    assert words in result.stderr
    assert host.record("job")["outcome"] == "failed"


def test_an_unknown_job_names_the_known_ones(host: Host) -> None:
    host.declare("one", "true")
    host.declare("two", "true")
    result = host.run("three")
    assert result.returncode == UNUSABLE
    assert result.stderr == "job: no job is named 'three' on this host; it has: one, two\n"


def test_list_and_status_are_tables(host: Host) -> None:
    host.declare("one", "true", description="Do nothing")
    for action in ("list", "status"):
        shown = subprocess.run(host.command(action), capture_output=True, text=True, check=True).stdout
        assert "one" in shown.splitlines()[1]
    assert host.status()["one"]["outcome"] == "never"


def test_w16_the_job_runs_as_its_user_with_no_way_back(host: Host) -> None:
    host.root.chmod(0o755)
    host.declare("job", "id -u; id -G; umask; grep -E '^(Uid|Gid):' /proc/self/status", user="nobody")
    result = host.run("job")
    if os.geteuid() != 0:
        assert "only root may run it" in result.stderr
        return
    nobody = pwd.getpwnam("nobody")
    words = [line.split(" ", 1)[1] for line in host.log("job").splitlines() if "[job]" not in line]
    assert words[:3] == [str(nobody.pw_uid), str(nobody.pw_gid), "0027"]
    assert words[3].split()[1:] == [str(nobody.pw_uid)] * 4
    assert words[4].split()[1:] == [str(nobody.pw_gid)] * 4


VALUES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(st.dictionaries(st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,10}\Z"), VALUES, max_size=4))
def test_a_quoted_value_is_read_back_exactly(values: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + "".join("\\" + char if char in '"\\`$' else char for char in value) + '"'

    text = "".join(f"{name}={quoted(value)}\n" for name, value in values.items())
    assert parse_environment(text) == values


@given(st.text(max_size=80))
def test_any_text_is_either_an_environment_or_one_sentence(text: str) -> None:
    try:
        parse_environment(text)
    except JobError as error:
        assert str(error).startswith("line ")


@pytest.mark.parametrize(
    ("line", "value"),
    [("A=b c  ", "b c"), ("A='b\\n'", "b\\n"), ("A=\"b\"'c'", "bc"), ("A=", ""), ("A=b\\\nc", "bc"), ("A = b", "b"), ('A="x"y', "xy"), ("; c\nA=b#c", "b#c")],
)
def test_values_are_read_as_systemd_reads_them(line: str, value: str) -> None:
    assert parse_environment(line) == {"A": value}
