# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive as it is declared: a JSON file for the command, the same mapping from a module's options.

Names and meanings are those of ``model.Archive`` and ``model.ReportType``. What is wrong is said before anything is read or written.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from . import settings
from .errors import ConfigurationError
from .model import FILE_NAME, Archive, ReportType

DEFAULT_PATH = "/etc/steady-fleet/fleetdata.json"
"""Where the role s3_archive puts it."""


def load(path: str) -> Archive:
    """The archive that a JSON file declares. Raises ConfigurationError naming file, key, what is allowed and the way out."""
    return parse(document(path), path)


def document(path: str) -> Any:
    """What a JSON file says. Raises ConfigurationError naming file, line and the way out."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file, object_pairs_hook=_once, parse_constant=_no_number)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file; name another one (--config), or let the role s3_archive write it.") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}: line {error.lineno}, column {error.colno}: is not JSON ({error.msg}).") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}.") from None


def parse(data: Mapping[str, Any], where: str) -> Archive:
    """The archive that a mapping declares. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        values = read(data, settings.ARCHIVE, "", {"bucket", "region"})
        reports = {name: _report(name, value) for name, value in values.get("reports", {}).items()}
        _each_file_once(reports.values())
        return Archive(**{**values, "reports": reports})
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def to_data(archive: Archive) -> dict[str, Any]:
    """The mapping that declares an archive, without what is as by default: ``parse(to_data(archive), …) == archive``."""
    reports = {name: _said(report, {"name"}) for name, report in archive.reports.items()}
    return {**_said(archive, {"reports"}), "reports": reports}


def _said(declared: Archive | ReportType, without: set[str]) -> dict[str, Any]:
    values = {field.name: getattr(declared, field.name) for field in dataclasses.fields(declared) if field.name not in without}
    defaults = {field.name: field.default for field in dataclasses.fields(declared)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value != defaults[name]}


def read(data: object, known: Mapping[str, settings.Check], path: str, required: Iterable[str] = ()) -> dict[str, Any]:
    """The values of a mapping, each one checked. Raises Wrong for the first mistake."""
    if not isinstance(data, Mapping):
        raise settings.Wrong(path, f"must be a mapping of settings, not {settings.kind(data)}")
    for name in data:
        if name not in known:
            raise settings.Wrong(settings.join(path, name), _unknown(str(name), known))
    for name in required:
        if name not in data:
            raise settings.Wrong(settings.join(path, name), "is missing; it has no default")
    values = {}
    for name, value in data.items():
        try:
            values[name] = known[name](value)
        except ValueError as error:
            raise settings.Wrong(settings.join(path, name), str(error)) from None
    return values


def _unknown(name: str, known: Iterable[str]) -> str:
    if any(word in name.lower() for word in ("access_key", "secret", "token", "password", "credential", "profile")):
        return "credentials are never part of the configuration; they come from the host's role or the usual places of the AWS SDK"
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"is not a setting; {near[0]} is the nearest" if near else f"is not a setting; there are {', '.join(sorted(known))}"


def _report(name: str, data: object) -> ReportType:
    path = f"reports.{name}"
    try:
        settings.report_name(name)
    except ValueError as error:
        raise settings.Wrong(path, str(error)) from None
    report = ReportType(name=name, **read(data, settings.REPORT, path))
    if not report.day_column and report.report_day != FILE_NAME:
        raise settings.Wrong(f"{path}.day_column", f"is missing; name the column that holds the day, or set report_day to {FILE_NAME}")
    if report.day_column and report.columns and report.day_column not in report.columns:
        raise settings.Wrong(f"{path}.day_column", f"{report.day_column!r} is none of its columns ({', '.join(report.columns)})")
    if report.report_day == FILE_NAME and not report.file_day:
        raise settings.Wrong(f"{path}.file_day", f"is needed where report_day is {FILE_NAME}: a regular expression with the groups year, month and day")
    return report


def _each_file_once(reports: Iterable[ReportType]) -> None:
    owners: dict[str, str] = {}
    for report in reports:
        for pattern in report.files:
            if owners.setdefault(pattern, report.name) != report.name:
                raise settings.Wrong(f"reports.{report.name}.files", f"{pattern} is also of report {owners[pattern]}; a file belongs to one report")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name} is said twice")
        values[name] = value
    return values


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number that JSON knows")
