"""CS-28: every file is of one report, and it is said which; and of which Python the modules make use."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import archive_options
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import config, sources
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, ReportType


def make(folder: Path, **patterns: str) -> Archive:
    """An archive whose reports have these patterns of files."""
    reports = {name: ReportType(name=name, day_column="Day", files=(f"{folder}/{pattern}",)) for name, pattern in patterns.items()}
    return Archive(bucket="reports", region="eu-central-1", reports=reports)


def touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


def test_cs28_the_declared_files_by_report_and_path(tmp_path: Path) -> None:
    later, first, other = touch(tmp_path, "a-2.csv", "a-1.csv", "b-1.csv")
    touch(tmp_path, "a-3.csv.part", ".a-4.csv", "c-1.csv")
    (tmp_path / "a-5.csv").mkdir()
    archive = make(tmp_path, b="b-*.csv", a="a-*.csv")
    assert sources.declared(archive=archive) == [(other, "b"), (first, "a"), (later, "a")]
    assert sources.declared(archive=archive, name="a") == [(first, "a"), (later, "a")]


def test_cs28_a_file_that_two_reports_claim_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "a-1.csv")
    with pytest.raises(ConfigurationError, match=r"a-1.csv: the patterns of a and of all_of_them both name it; a file belongs to one report\."):
        sources.declared(archive=make(tmp_path, a="a-*.csv", all_of_them="*.csv"))
    with pytest.raises(ConfigurationError, match=r"the patterns of a and all_of_them name it; say its report \(a, all_of_them\)\."):
        sources.named(archive=make(tmp_path, a="a-*.csv", all_of_them="*.csv"), paths=[str(tmp_path / "a-1.csv")])


def test_a_report_without_patterns_is_told(tmp_path: Path) -> None:
    archive = make(tmp_path, a="a-*.csv")
    bare = dataclasses.replace(archive, reports={"a": dataclasses.replace(archive.reports["a"], files=())})
    with pytest.raises(ConfigurationError, match="No pattern of files is declared for a; name files, or declare"):
        sources.declared(archive=bare)


def test_cs28_a_named_file_is_known_by_path_then_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (known,) = touch(tmp_path, "a-1.csv")
    (moved,) = touch(elsewhere, "a-1.csv")
    archive = make(tmp_path, a="a-*.csv", b="b-*.csv")
    monkeypatch.chdir(tmp_path)
    assert sources.named(archive=archive, paths=["a-1.csv", known, moved]) == [(known, "a"), (moved, "a")]
    assert sources.named(archive=archive, paths=[moved], report="b") == [(moved, "b")]


def test_what_a_path_means(tmp_path: Path) -> None:
    folder = tmp_path / "odd [name]"
    folder.mkdir()
    one, two, third = touch(folder, "a-1.csv", "a-2.csv", "b.txt")
    assert sources.below(path=str(folder), patterns=["*.csv"]) == [one, two]
    assert sources.below(path=third, patterns=["*.csv"]) == [third]
    assert sources.below(path=f"{tmp_path}/odd*/a-?.csv", patterns=[]) == [one, two]
    assert sources.below(path=f"{tmp_path}/none-*.csv", patterns=[]) == []
    assert sources.below(path=f"{tmp_path}/none.csv", patterns=[]) == [f"{tmp_path}/none.csv"]  # so that it is told


def test_the_modules_take_the_command_s_python_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    monkeypatch.setattr(archive_options, "PYTHON", str(python))
    assert archive_options.better_python() == ""
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    assert archive_options.better_python() == str(python)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert archive_options.better_python() == ""
    assert os.access(python, os.X_OK)


def test_without_a_report_there_is_nothing_to_archive_and_that_is_told() -> None:
    """As on a host that archives rows of its database alone."""
    archive = config.parse({"bucket": "archive", "region": "eu-central-1"}, "here")
    with pytest.raises(ConfigurationError, match="No report is declared, so there is none to archive or to look for"):
        sources.declared(archive=archive)
