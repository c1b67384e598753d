"""Killed at every I/O step: one more run finishes the work, loses no row, counts none twice and leaves nothing half done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import content
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import UNCHANGED, UPLOADED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_kills import dies_at
from archive_runs import Bucket, client, run
from csv_files import csv_bytes, large_csv, write_csv

MOST_STEPS = 80


def kill_everywhere(archive: Archive, make: Callable[[], list[Path]], check: Callable[[Archive, list[Path]], None], folder: Path) -> int:
    """Kill at step 1, 2, … until a run is not killed; each time anew, and finished by one more run. How many kills there were."""
    unused = Store(client=client(archive.endpoint_url, "for children"), bucket=archive.bucket)
    for step in range(1, MOST_STEPS):
        one = dataclasses.replace(archive, prefix=f"kill-{step}/")
        paths = make()
        bodies = [path.read_bytes() for path in paths]
        died = dies_at(step, lambda one=one, paths=paths: run(one, *paths, store=unused), folder=str(folder))
        held = Bucket(one).contents().values()
        assert all(path.exists() or body in held or path.name.startswith("bad") for path, body in zip(paths, bodies, strict=True))
        outcomes = run(one, *(path for path in paths if path.exists()))
        assert not one.delete_source or all(outcome.deleted for outcome in outcomes if outcome.status in (UPLOADED, UNCHANGED))
        check(one, paths)
        Bucket(one).check_whole()
        if not died:
            return step - 1
    raise AssertionError("it never ended")


def test_small_reports(archive: Archive, tmp_path: Path) -> None:
    """Of one day a report and its copy; the sources go."""
    copy = tmp_path / "copy.csv"

    def make() -> list[Path]:
        copy.write_bytes(csv_bytes())
        return [write_csv(tmp_path), copy]

    def check(one: Archive, paths: list[Path]) -> None:
        assert list(Bucket(one).contents().values()) == [csv_bytes()]
        assert not any(path.exists() for path in paths)

    assert kill_everywhere(dataclasses.replace(archive, delete_source=True), make, check, tmp_path) >= 12


def test_a_correction(archive: Archive, tmp_path: Path) -> None:
    """A second content of an archived day."""
    paths = [write_csv(tmp_path), tmp_path / "corrected.csv"]
    paths[1].write_bytes(csv_bytes(clicks=8))

    def check(one: Archive, _paths: list[Path]) -> None:
        assert list(Bucket(one).contents().values()) == [csv_bytes(), csv_bytes(clicks=8)]

    assert kill_everywhere(dataclasses.replace(archive, revisions=True), lambda: paths, check, tmp_path) >= 8


def test_a_large_report(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "SMALL", 1 << 20)
    path = large_csv(tmp_path / "large.csv", megabytes=7)

    def check(one: Archive, _paths: list[Path]) -> None:
        assert list(Bucket(one).contents().values()) == [path.read_bytes()]

    assert kill_everywhere(archive, lambda: [path], check, tmp_path) >= 10


def test_a_bad_file_on_its_way_aside(archive: Archive, tmp_path: Path) -> None:
    aside = tmp_path / "aside"

    def make() -> list[Path]:
        for left in aside.glob("*"):
            left.unlink()
        path = tmp_path / "bad.csv"
        path.write_bytes(b"Day\n")
        return [path]

    def check(_one: Archive, paths: list[Path]) -> None:
        assert not paths[0].exists()
        assert sorted(path.name for path in aside.iterdir()) == ["bad.csv", "bad.csv.reason.txt"]
        assert (aside / "bad.csv").read_bytes() == b"Day\n"
        assert "bad.csv" in (aside / "bad.csv.reason.txt").read_text()

    assert kill_everywhere(dataclasses.replace(archive, quarantine=str(aside)), make, check, tmp_path) >= 5
