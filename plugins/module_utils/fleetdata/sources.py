# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the host are to be archived, and of which report each one is."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import os
from collections.abc import Iterable, Sequence

from .errors import ConfigurationError
from .model import Archive, ReportType

ALL = "all"
"""Stands for every declared report."""


def reports(*, archive: Archive, name: str) -> list[str]:
    """The names of the reports that ``name`` means: itself, or ALL of them. Raises ConfigurationError for one that is not declared."""
    if not archive.reports:
        raise ConfigurationError("No report is declared, so there is none to archive or to look for. Declare reports (role s3_archive: s3_archive_reports).")
    if name == ALL:
        return list(archive.reports)
    if name in archive.reports:
        return [name]
    near = difflib.get_close_matches(name, list(archive.reports), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(archive.reports)}."
    raise ConfigurationError(f"Report {name!r} is not declared; {hint}")


def declared(*, archive: Archive, name: str = ALL) -> list[tuple[str, str]]:
    """The files that the declared patterns name now, by report and path: (path, report)."""
    chosen = [archive.reports[report] for report in reports(archive=archive, name=name)]
    if not any(report.files for report in chosen):
        raise ConfigurationError(f"No pattern of files is declared for {', '.join(report.name for report in chosen)}; name files, or declare reports.*.files.")
    found = [(path, report.name) for report in chosen for path in _expanded(report.files)]
    owners: dict[str, str] = {}
    for path, report_name in found:
        if owners.setdefault(path, report_name) != report_name:
            raise ConfigurationError(f"{path}: the patterns of {owners[path]} and of {report_name} both name it; a file belongs to one report.")
    return found


def named(*, archive: Archive, paths: Sequence[str], report: str | None = None) -> list[tuple[str, str]]:
    """Files that somebody named, each with its report: the one that was said, else the one whose pattern has the file's path or name."""
    if report is not None and report not in reports(archive=archive, name=report):
        raise ConfigurationError(f"{report!r} is not one report; name the one that the files are of.")
    files = list(dict.fromkeys(os.path.abspath(path) for path in paths))
    for path in files:
        if not os.path.isfile(path):
            what = "is a directory; name the files in it" if os.path.isdir(path) else "there is no such file"
            raise ConfigurationError(f"{path}: {what}. Nothing was archived.")
    if report is not None:
        return [(path, report) for path in files]
    by_path = {one.name: set(_expanded(one.files)) for one in archive.reports.values()}
    return [(path, _owner(archive, path, [name for name, paths in by_path.items() if path in paths])) for path in files]


def below(*, path: str, patterns: Sequence[str]) -> list[str]:
    """The files that a path means, sorted: itself, those directly in the directory that it is whose names match a pattern, or those that it matches."""
    if os.path.isdir(path):
        return _expanded(os.path.join(glob.escape(path), pattern) for pattern in patterns)
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    return _expanded([path])


def _expanded(patterns: Iterable[str]) -> list[str]:
    return sorted({path for pattern in patterns for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)})


def _owner(archive: Archive, path: str, by_path: Sequence[str]) -> str:
    owners = by_path or [report.name for report in archive.reports.values() if _has_name(report, os.path.basename(path))]
    if len(owners) == 1:
        return owners[0]
    why = f"the patterns of {' and '.join(owners)} name it" if owners else "no declared pattern names it"
    raise ConfigurationError(f"{path}: {why}; say its report ({', '.join(archive.reports)}).")


def _has_name(report: ReportType, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, os.path.basename(pattern)) for pattern in report.files)
