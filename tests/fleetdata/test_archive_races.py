"""Archivers of one day at the same moment: whatever the order of their steps, no content is lost, overwritten or counted twice."""

from __future__ import annotations

import dataclasses
import fcntl
import itertools
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import content
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import CONFLICT, FAILED, UNCHANGED, UPLOADED, Archive, Outcome
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import Bucket, client, run
from csv_files import csv_bytes, large_csv, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_PREFIXES = itertools.count(1)


class Turns:
    """Lets one of several archivers take one step at a time, in an order that is given."""

    def __init__(self, archivers: int, order: Sequence[int]) -> None:
        self._order, self._taken = order, 0
        self._waiting: set[int] = set()
        self._alive = set(range(archivers))
        self._next: int | None = None
        self._changed = threading.Condition()

    def step(self, archiver: int) -> None:
        """Wait for one's turn; it ends with one's next step."""
        with self._changed:
            self._waiting.add(archiver)
            self._choose()
            self._changed.wait_for(lambda: self._next == archiver)
            self._waiting.discard(archiver)
            self._next = None

    def leave(self, archiver: int) -> None:
        with self._changed:
            self._alive.discard(archiver)
            self._choose()

    def _choose(self) -> None:
        if self._next is None and self._waiting and self._waiting == self._alive:
            turn = self._order[self._taken % len(self._order)] if self._order else 0
            self._next = sorted(self._waiting)[turn % len(self._waiting)]
            self._taken += 1
            self._changed.notify_all()


class Stepping(Store):
    """A bucket whose every request waits for its turn."""

    turns: Turns
    number: int

    def __getattribute__(self, name: str) -> Any:
        if name in {"put_new", "list", "read"}:
            self.turns.step(self.number)
        return super().__getattribute__(name)


def race(archive: Archive, files: Sequence[Path], order: Sequence[int]) -> list[Outcome]:
    """One archiver for each file, their steps in that order."""
    turns = Turns(len(files), order)
    outcomes: dict[int, Outcome] = {}

    def work(number: int) -> None:
        store = Stepping(client=client(archive.endpoint_url), bucket=archive.bucket)
        store.turns, store.number = turns, number
        try:
            outcomes[number] = run(archive, files[number], store=store)[0]
        finally:
            turns.leave(number)

    archivers = [threading.Thread(target=work, args=(number,)) for number in range(len(files))]
    for archiver in archivers:
        archiver.start()
    for archiver in archivers:
        archiver.join()
    return [outcomes[number] for number in range(len(files))]


def check(archive: Archive, files: Sequence[Path], outcomes: Sequence[Outcome]) -> None:
    """What must hold after any race."""
    bucket = Bucket(archive)
    bucket.check_whole()
    contents = list(bucket.contents().values())
    assert len(set(contents)) == len(contents), "a content counts twice"
    assert sum(outcome.status == UPLOADED for outcome in outcomes) == len(contents)
    assert {outcome.status for outcome in outcomes} <= {UPLOADED, UNCHANGED, CONFLICT}
    for path, outcome in zip(files, outcomes, strict=True):
        assert (path.read_bytes() in contents) == (outcome.status != CONFLICT)
    if archive.revisions:
        assert set(contents) == {path.read_bytes() for path in files}
    else:
        assert len(contents) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clicks=st.lists(st.integers(1, 2), min_size=2, max_size=3), revisions=st.booleans(), order=st.lists(st.integers(0, 2), max_size=40))
def test_f45_every_order_of_steps(archive: Archive, tmp_path: Path, clicks: list[int], revisions: bool, order: list[int]) -> None:
    """Two or three archivers, the same content or another, step by step in any order."""
    archive = dataclasses.replace(archive, prefix=f"race-{next(_PREFIXES)}/", revisions=revisions)
    files = [tmp_path / f"{number}.csv" for number in range(len(clicks))]
    for path, number in zip(files, clicks, strict=True):
        path.write_bytes(csv_bytes(clicks=number))
    check(archive, files, race(archive, files, order))


@pytest.mark.parametrize("megabytes", [0, 8])
@pytest.mark.parametrize("same", [True, False])
def test_processes_at_once(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool, megabytes: int) -> None:
    """Three processes with nothing in common but the bucket; small files, and large ones that give up each other's uploads."""
    monkeypatch.setattr(content, "SMALL", 1 << 20)
    archive = dataclasses.replace(archive, revisions=True)
    files = [large_csv(tmp_path / f"{number}.csv", megabytes=megabytes, seed=0 if same else number) for number in range(3)]
    for number, path in enumerate(files):
        path.write_bytes(path.read_bytes() + csv_bytes(clicks=0 if same else number).split(b"\n", 1)[1])
    unused = Store(client=client(archive.endpoint_url, "for children"), bucket=archive.bucket)
    children = []
    for path in files:
        child = os.fork()
        if not child:
            try:
                os._exit(0 if run(archive, path, store=unused)[0].status in (UPLOADED, UNCHANGED) else 1)
            finally:
                os._exit(2)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    Bucket(archive).check_whole()
    assert sorted(Bucket(archive).contents().values()) == sorted({path.read_bytes() for path in files})


def test_two_sweeps_of_the_same_days(archive: Archive, tmp_path: Path) -> None:
    """Both list the report before either writes; every day is archived once, by one of them."""
    archive = dataclasses.replace(archive, concurrency=4)
    sweeps = []
    for host in ("a", "b"):
        files = [tmp_path / host / f"2026-01-{day:02d}.csv" for day in range(1, 13)]
        files[0].parent.mkdir()
        for path in files:
            path.write_bytes(csv_bytes(path.stem))
        sweeps.append(files)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda files: run(archive, *files), sweeps))
    assert sorted(outcome.status for sweep in found for outcome in sweep) == [UNCHANGED] * 12 + [UPLOADED] * 12
    assert sorted(Bucket(archive).contents().values()) == sorted(path.read_bytes() for path in sweeps[0])
    Bucket(archive).check_whole()


def test_a_file_that_another_archiver_of_the_host_has_in_hand(archive: Archive, tmp_path: Path) -> None:
    """It is waited for, and not for ever; a check does not wait."""
    path = write_csv(tmp_path)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run(archive, path, check=True)[0].status == UPLOADED
        (busy,) = run(archive, path)
        assert (busy.status, busy.reason) == (FAILED, f"{path}: another archiver has held it for 600 s. Nothing was done with it.")
        (waited,) = run(archive, path, sleep=lambda _seconds: fcntl.flock(held, fcntl.LOCK_UN))
    assert waited.status == UPLOADED
