"""Real files: what others have open, links and other tricks, what changes between plan and deletion, and a run that dies at any step."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention import apply, folders, use
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.model import Rule
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.proof import Proof
from prune_runs import aged, another, gone, rule, run, statuses, there, write

RELEASES = {"units": "directories", "keep_last": 2}


@pytest.fixture(autouse=True)
def all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here root itself may be kept from looking into some process, as in a container; no host does that."""
    look = use.look
    monkeypatch.setattr(use, "look", lambda: dataclasses.replace(look(), hidden=0))


def old(folder: Path, **said: Any) -> Rule:
    """Let go what is older than a month, the last one included."""
    return rule(folder, keep_days=30, keep_last=0, idle_days=0, depth=2, **said)


MAPPED = "f = open(p); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); f.close()"
LOCKED = "f = open(p); fcntl.flock(f, fcntl.LOCK_SH)"


@pytest.mark.parametrize(
    ("program", "lease"),
    [("f = open(p)", True), ("f = open(p, 'ab')", True), (MAPPED, True), (LOCKED, True), ("f = open(q)", True), ("f = open(q)", False), (MAPPED, False)],
    ids=["reads", "appends", "mapped", "locked", "under another name", "without a lease", "mapped, without a lease"],
)
def test_f51_shop14_what_another_process_uses_stays(program: str, lease: bool, tmp_path: Path) -> None:
    folder, other = tmp_path / "logs", tmp_path / "other"
    used, free = write(folder / "used"), write(folder / "free")
    os.link(used, other)
    with another(program, used, other), mock.patch.object(use, "is_free", use.is_free if lease else lambda _: None):
        planned = run(old(folder), check=True)
        done = run(old(folder))
    assert statuses(done) == {"used": "in_use", "free": "deleted"}
    assert "python" in next(one.reason for one in done.results if one.status == "in_use")
    assert gone(planned) == {str(free)}
    assert not any(one.code for one in done.results), "that something is in use is an ordinary thing"
    assert statuses(run(old(folder))) == {"used": "deleted"}


@pytest.mark.parametrize("seen", [use.Use(), use.Use(hidden=3)], ids=["between look and deletion", "a process that may not be looked into"])
def test_f51_the_kernel_tells_of_who_could_not_be_seen(seen: use.Use, tmp_path: Path) -> None:
    write(tmp_path / "used")
    with another("f = open(p)", tmp_path / "used"), mock.patch.object(use, "look", return_value=seen):
        done = run(old(tmp_path))
    assert [(one.status, one.reason) for one in done.results] == [("in_use", "a process has it open.")]
    assert there(tmp_path) == ["used"]


def test_where_neither_kernel_nor_processes_tell_a_file_stays(tmp_path: Path) -> None:
    write(tmp_path / "unknown")
    with mock.patch.object(use, "look", return_value=use.Use(hidden=3)), mock.patch.object(use, "is_free", return_value=None):
        assert "nobody knows whether it is in use" in run(old(tmp_path)).results[0].reason
    assert there(tmp_path) == ["unknown"]


def test_f51_who_opens_a_file_while_it_is_judged_waits_and_never_ends_this_process(tmp_path: Path) -> None:
    path = write(tmp_path / "wanted")
    file = os.open(path, os.O_RDONLY)
    assert use.is_free(file)
    opener = threading.Thread(target=lambda: path.open().close())
    opener.start()
    opener.join(0.05)
    assert opener.is_alive()
    os.close(file)
    opener.join()


@pytest.mark.parametrize("program", ["f = open(p + '/app/main.py')", "os.chdir(p + '/app')", "f = os.open(p, os.O_RDONLY)"])
def test_releases_in_which_a_process_works_stay(program: str, tmp_path: Path) -> None:
    for number in range(5):
        release(tmp_path, f"r{number}", days=50 - number)
    with another(program, tmp_path / "r1"):
        assert statuses(run(rule(tmp_path, **RELEASES))) == {"r0": "deleted", "r1": "in_use", "r2": "deleted"}
    assert there(tmp_path)[:3] == ["r1/", "r1/app/", "r1/app/main.py"]


def release(folder: Path, name: str, *, days: float) -> Path:
    """A release as it lies on a host: a read-only file, a link out of it, a folder within."""
    path = folder / name
    write(path / "app" / "main.py", days=days).chmod(0o444)
    (path / "app" / "out").symlink_to(folder.parent)
    for one in (path / "app" / "out", path / "app", path):
        aged(one, days)
    return path


def test_cs20_f51_releases_go_whole_and_what_current_leads_to_stays(tmp_path: Path) -> None:
    folder, current, precious = tmp_path / "releases", tmp_path / "current", write(tmp_path / "precious")
    for number in range(6):
        release(folder, f"r{number}", days=50 - number)
    (tmp_path / "by-the-way").symlink_to("releases/r1")
    current.symlink_to("by-the-way")
    declared = rule(folder, current=[str(current)], **RELEASES)
    planned = run(declared, check=True)
    done = run(declared)
    assert gone(done) == gone(planned) == {f"{folder}/r{number}" for number in (0, 2, 3)}
    assert {path.name for path in folder.iterdir()} == {"r1", "r4", "r5"}
    assert precious.exists()
    current.unlink()
    assert "nobody knows what is in use" in run(declared).refused["files"]


def test_f51_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    precious = write(tmp_path / "precious" / "old")
    folder = tmp_path / "folder"
    write(folder / "old")
    (folder / "link").symlink_to(precious)
    (folder / "below").symlink_to(precious.parent)
    aged(folder / "link", 100)
    assert gone(run(old(folder))) == {f"{folder}/old"}
    assert there(folder) == ["below", "link"]
    (tmp_path / "way").symlink_to(folder)
    for way in (tmp_path / "way", tmp_path / "way" / "below", folder / "below"):
        refused = run(old(way)).refused["files"]
        assert "is a symbolic link" in refused
        assert "name the folder where it really lies" in refused
    assert precious.exists()


def test_what_is_no_plain_file_stays_and_a_release_with_a_socket_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "folder" / "socket"))
    for path in (tmp_path / "pipe", tmp_path / "folder" / "socket", tmp_path / "folder"):
        aged(path, 100)
    assert not run(old(tmp_path)).results
    whole = run(rule(tmp_path, units="directories", keep_days=30, keep_last=0, idle_days=0))
    assert not whole.results
    assert "they hold what cannot go: folder" in whole.notices[0]
    assert there(tmp_path) == ["folder/", "folder/socket", "pipe"]


def test_another_filesystem_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path / "here")
    write(tmp_path / "mounted" / "old")
    write(tmp_path / "deep" / "mounted" / "old")
    aged(tmp_path / "deep", 100)
    real = folders.mount

    def other(file: int) -> tuple[int, str]:
        return (0, "another") if os.readlink(f"/proc/self/fd/{file}").endswith("/mounted") else real(file)

    with mock.patch.object(folders, "mount", other):
        report = run(old(tmp_path))
        whole = run(rule(tmp_path, patterns=["deep"], **{**RELEASES, "keep_last": 1, "keep_days": 1, "idle_days": 0}))
    assert gone(report) == {f"{tmp_path}/here"}
    assert f"{tmp_path}/mounted is another filesystem and is not looked into." in report.notices
    assert "deep" in whole.notices[0]
    assert "deep/mounted/old" in there(tmp_path)


def test_f48_a_folder_that_cannot_be_read_stops_its_rule_and_no_other(tmp_path: Path) -> None:
    write(tmp_path / "a" / "closed" / "new", days=1)
    write(tmp_path / "a" / "old")
    write(tmp_path / "b" / "old")
    nobody = 65534 if os.geteuid() == 0 else os.geteuid()  # root may read everything
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, nobody, -1)
    for path in tmp_path.parents[:2]:  # pytest's own folders
        path.chmod(0o711)
    (tmp_path / "a" / "closed").chmod(0)
    child = os.fork()
    if not child:
        os.setresuid(nobody, nobody, nobody)
        report = run(old(tmp_path / "a", name="a"), old(tmp_path / "b", name="b"))
        good = "closed: Permission denied" in report.refused["a"] and statuses(report) == {"old": "deleted"}
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (tmp_path / "a" / "closed").chmod(0o700)
    assert there(tmp_path) == ["a/", "a/closed/", "a/closed/new", "a/old", "b/"]


def test_one_file_is_decided_by_one_rule(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "x.log")
    report = run(old(tmp_path, name="all"), old(tmp_path / "sub", name="logs", patterns=["*.log"]))
    assert set(report.refused) == {"all", "logs"}
    assert there(tmp_path) == ["sub/", "sub/x.log"]


# Races: something happens between the plan and the deletion.


def meanwhile(happens: Callable[[], object], *, at: str = "file") -> Any:
    """Let it happen just before the first deletion begins."""
    real, done = getattr(apply, at), []

    def late(**arguments: Any) -> Any:
        if not done:
            done.append(happens())
        return real(**arguments)

    return mock.patch.object(apply, at, late)


def replaced(path: Path) -> None:
    """Put another file over it, as old and as large."""
    aged(write(path.with_name("new"), content=b"TEXT"), 100)
    path.with_name("new").rename(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"longer than before"),
        lambda path: path.touch(),
        replaced,
        lambda path: (path.unlink(), path.symlink_to("/etc/hosts")),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: path.unlink(),
        lambda path: (path.parent.rename(path.parents[1] / "moved"), path.parent.symlink_to(path.parents[1] / "precious")),
    ],
    ids=["written", "touched", "replaced", "made a link", "made a folder", "gone", "its folder is a link now"],
)
def test_f48_what_changed_since_the_plan_stays_and_is_named(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    path, free = write(folder / "sub" / "a"), write(folder / "z")
    precious = write(folder / "precious" / "a", days=1)
    with meanwhile(lambda: change(path)):
        report = run(old(folder))
    assert [one.path for one in report.results] == [str(path), str(free)]
    assert [one.status for one in report.results][1] == "deleted"
    assert report.results[0].status in ("changed", "stopped")
    assert str(path) in report.results[0].reason
    assert precious.exists()


def test_f48_a_file_that_is_replaced_while_it_is_proved_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    with folders.folder(str(tmp_path)) as root:
        declared = old(tmp_path)
        unit = apply._found(os.stat(path), "a")

        class Slow:
            def prove(self, *, file: int, path: str) -> Proof:
                assert os.pread(file, 9, 0) == b"text"
                replaced(tmp_path / path)
                return Proof()

        with pytest.raises(apply.ChangedError, match="was changed while it was proved"):
            apply.file(root=root, rule=declared, unit=unit, prover=Slow(), check=False)
    assert path.read_bytes() == b"TEXT"


@pytest.mark.parametrize("when", ["before", "under its new name"])
def test_a_release_that_changes_or_is_entered_at_the_last_moment_has_its_name_again(when: str, tmp_path: Path) -> None:
    for number in range(3):
        release(tmp_path, f"r{number}", days=50 - number)
    before = there(tmp_path)
    if when == "before":
        with meanwhile(lambda: aged(tmp_path / "r0" / "app" / "main.py", 1), at="directory"):
            report = run(rule(tmp_path, **RELEASES))
        assert statuses(report) == {"r0": "changed"}
    else:
        looks = iter([use.Use(), use.Use(), use.Use(open={_key(tmp_path / "r0"): "python3 (process 7)"})])
        with mock.patch.object(use, "look", lambda: next(looks)):
            report = run(rule(tmp_path, **RELEASES))
        assert [one.reason for one in report.results] == ["python3 (process 7) has it open."]
    assert there(tmp_path) == before


def _key(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino


def test_two_runs_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "old")
    with another("f = os.open(p, os.O_RDONLY); fcntl.flock(f, fcntl.LOCK_EX)", tmp_path):
        assert "Another run has" in run(old(tmp_path)).refused["files"]
        assert gone(run(old(tmp_path), check=True)) == {f"{tmp_path}/old"}
    assert gone(run(old(tmp_path))) == {f"{tmp_path}/old"}


# Killed.

STEPS = {"open", "os.remove", "os.rename", "os.rmdir", "os.listdir", "fcntl.fcntl", "fcntl.flock"}


def dies_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that dies before its file operation number ``step`` (from 1). False when there was no such step."""
    child = os.fork()
    if not child:
        taken = 0

        def watch(event: str, _arguments: tuple[Any, ...]) -> None:
            nonlocal taken
            taken += event in STEPS
            if taken == step:
                os._exit(9)

        try:
            with mock.patch.object(use, "look", return_value=use.Use()):
                sys.addaudithook(watch)
                work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


@pytest.mark.parametrize("units", ["files", "directories"])
def test_f51_a_run_that_is_killed_anywhere_is_finished_by_the_next_ones(units: str, tmp_path: Path) -> None:
    for step in range(1, 400):
        folder = tmp_path / str(step)
        for number in range(3):
            release(folder, f"r{number}", days=50 - number)
        declared = rule(folder, units=units, keep_last=1, depth=2)
        last = set(there(folder / "r2"))
        died = dies_at(step, lambda declared=declared: run(declared))
        assert last <= set(there(folder / "r2")), "the last one is never touched"
        with mock.patch.object(use, "look", return_value=use.Use()):
            check, done = run(declared, check=True), run(declared)
            assert gone(check) == gone(done)
            run(declared)
        if units == "directories":
            assert {path.name for path in folder.iterdir()} == {"r2"}
        else:
            assert [path for path in there(folder) if path.endswith("main.py")] == ["r2/app/main.py"]
        shutil.rmtree(folder)
        if not died:
            assert step > 20
            return
    raise AssertionError("it never ended")


def test_releases_stay_where_not_every_process_may_be_looked_into(tmp_path: Path) -> None:
    for number in range(3):
        release(tmp_path, f"r{number}", days=50 - number)
    with mock.patch.object(use, "look", return_value=use.Use(hidden=1)):
        assert "Processes of others (1) may not be looked into" in run(rule(tmp_path, **RELEASES)).results[0].reason
    assert (tmp_path / "r0").is_dir()


def test_what_a_killed_run_left_beside_a_new_one_of_that_name_is_named(tmp_path: Path) -> None:
    for name in ("r1", ".fleetdata-looked-at-r1", ".fleetdata-going-r0"):
        release(tmp_path, name, days=3)
    report = run(rule(tmp_path, **RELEASES))
    assert statuses(report) == {".fleetdata-looked-at-r1": "changed", ".fleetdata-going-r0": "deleted"}
    assert {path.name for path in tmp_path.iterdir()} == {"r1", ".fleetdata-looked-at-r1"}
