"""X-REQ-5, W-19, F12: one run at a time writes to a host; the lock says whose it is, outlives no one, and can be broken by name."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import host_lock
from ansible_collections.steady.fleet.plugins.module_utils.host_lock import LockError, Run

ALICE = Run(token="a11ce000", user="alice", controller="build-1", play="Converge the hosts")
BOB = Run(token="b0b00000", user="bob", controller="laptop-7")


@pytest.fixture
def lock(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


def _hold(path: str, run: Run, ready: str, seconds: float) -> None:
    with host_lock.hold(run, path=path, patience=0):
        Path(ready).touch()
        time.sleep(seconds)


@contextmanager
def holding(path: str, run: Run, *, seconds: float = 60) -> Iterator[multiprocessing.Process]:
    """A live holder in a process of its own."""
    ready = Path(path + ".ready")
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(path, run, str(ready), seconds))
    process.start()
    while not ready.exists():
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def try_hold(path: str, run: Run, *, patience: float = 0) -> None:
    with host_lock.hold(run, path=path, patience=patience):
        pass


def test_w19_a_live_holder_is_named_with_the_way_out(lock: str) -> None:
    with holding(lock, ALICE), pytest.raises(LockError) as refusal:
        try_hold(lock, BOB)
    assert re.fullmatch(
        r"alice from build-1(?: \(\S+\))? is converging this host since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, play 'Converge the hosts'\. Nothing was changed\."
        r" Wait until that run has ended and run again; if it hangs, end it with -e steady_fleet_break_lock=a11ce000: your run then finishes what it left\.",
        str(refusal.value),
    )


def test_f12_a_killed_holder_does_not_block(lock: str) -> None:
    with holding(lock, ALICE) as holder:
        os.kill(holder.pid or 0, signal.SIGKILL)
        holder.join()
        try_hold(lock, BOB)


def test_f12_a_step_that_outlives_its_killed_run_keeps_the_host(lock: str) -> None:
    code = f"""
import subprocess, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from ansible_collections.steady.fleet.plugins.module_utils.host_lock import Run, hold
from ansible_collections.steady.fleet.plugins.module_utils.host_state import systemd
with hold(Run(), path={lock!r}):
    systemd.run(sys.executable, "-c", "import pathlib, sys; pathlib.Path({lock + ".ready"!r}).touch(); sys.stdin = open({lock + ".go"!r}); sys.stdin.read()")
"""
    os.mkfifo(lock + ".go")
    tests = Path(__file__).parents[1]
    run = subprocess.Popen([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tests)!r}); import conftest\n{code}"])
    while not os.path.exists(lock + ".ready"):
        time.sleep(0.01)
    run.kill()
    run.wait()
    with pytest.raises(LockError):
        try_hold(lock, BOB)
    Path(lock + ".go").open("w").close()
    try_hold(lock, BOB, patience=20)


def test_w12_no_other_run_comes_between_two_calls_of_one(lock: str) -> None:
    try_hold(lock, ALICE)
    with pytest.raises(LockError, match="alice from build-1"):
        try_hold(lock, BOB)
    try_hold(lock, ALICE)


def test_f12_a_lease_ends_by_itself_and_the_other_run_goes_on(lock: str) -> None:
    with host_lock.hold(ALICE, path=lock, lease=0.5):
        pass
    try_hold(lock, BOB, patience=20)
    assert host_lock.LEASE_SECONDS < host_lock.PATIENCE_SECONDS


def test_the_last_call_leaves_no_lease(lock: str) -> None:
    with host_lock.hold(ALICE, path=lock, last=True):
        pass
    try_hold(lock, BOB)
    host_lock.end(BOB, path=lock)
    try_hold(lock, ALICE)
    host_lock.end(BOB, path=lock)
    with pytest.raises(LockError):
        try_hold(lock, BOB)
    host_lock.end(ALICE, path=lock)
    try_hold(lock, BOB)


def test_a_call_without_a_run_leaves_no_lease(lock: str) -> None:
    try_hold(lock, Run())
    try_hold(lock, BOB)


def test_f12_the_same_controller_is_asked_whether_the_run_lives(lock: str) -> None:
    mine = Run(token="one00000", user="alice", controller="build-1", process="boot ns 12 34")
    try_hold(lock, mine)
    with pytest.raises(LockError) as refusal:
        try_hold(lock, Run(token="two00000", controller="build-1", process="boot ns 56 78"), patience=60)
    assert refusal.value.holder == {"token": "one00000", "process": "boot ns 12 34"}
    try_hold(lock, Run(token="two00000", controller="build-1", ended="one00000"))


def test_f12_a_foreign_controller_is_never_asked(lock: str) -> None:
    try_hold(lock, Run(token="one00000", controller="build-1", process="boot ns 12 34"))
    with pytest.raises(LockError) as refusal:
        try_hold(lock, BOB)
    assert refusal.value.holder is None


def test_f12_the_right_token_ends_the_holder_and_its_run_changes_nothing_more(lock: str) -> None:
    with holding(lock, ALICE) as holder:
        try_hold(lock, Run(token="b0b00000", user="bob", controller="laptop-7", breaks="a11ce000"), patience=20)
        holder.join()
        assert holder.exitcode == -signal.SIGKILL
    with pytest.raises(LockError, match=r"this run was ended on this host by bob from laptop-7.* UTC, so it changes nothing more here"):
        try_hold(lock, ALICE)


def test_f12_the_right_token_ends_a_lease(lock: str) -> None:
    try_hold(lock, ALICE)
    try_hold(lock, Run(token="b0b00000", breaks="a11ce000"))


def test_f12_a_wrong_or_old_token_breaks_nothing(lock: str) -> None:
    old = Run(token="b0b00000", user="bob", controller="laptop-7", breaks="01d00000")
    with holding(lock, ALICE) as holder:
        with pytest.raises(LockError, match=r"\(steady_fleet_break_lock=01d00000 is the token of another run\.\)"):
            try_hold(lock, old)
        assert holder.is_alive()


def test_two_runs_at_once_write_one_after_the_other(lock: str, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def work(run: Run) -> None:
        for _ in range(5):
            with host_lock.hold(run, path=lock, last=True, patience=60), log.open("a") as stream:
                stream.write(f"in {run.token}\n")
                stream.flush()
                time.sleep(0.01)
                stream.write(f"out {run.token}\n")

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(run,)) for run in (ALICE, BOB)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = log.read_text().splitlines()
    assert len(lines) == 20
    assert all(lines[n] == lines[n - 1].replace("in", "out") for n in range(1, 20, 2))


def test_the_record_says_who_and_an_unreadable_one_stops_nobody(lock: str) -> None:
    try_hold(lock, ALICE)
    record = json.loads(Path(lock).read_text())
    assert (record["user"], record["controller"], record["play"]) == ("alice", "build-1", "Converge the hosts")
    Path(lock).write_text("not json")
    try_hold(lock, BOB)
