# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention as it is declared: the part ``retention`` of the configuration, a mapping of databases by name; every mistake is named."""

from __future__ import annotations

from collections.abc import Mapping

from .. import settings
from ..config import read
from ..errors import ConfigurationError
from .model import EPOCH_MILLISECONDS, EPOCH_SECONDS, ISO, JULIAN, NONE, REPORT, ROWS, Retention, Rule


def parse_all(data: object, where: str) -> dict[str, Retention]:
    """The retentions that a mapping declares, by the databases' names. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        if not isinstance(data, Mapping) or not data:
            raise settings.Wrong("", "must be a mapping with at least one database: what it is called in the archive, and below it database and tables")
        return {name: _retention(name, declared) for name, declared in data.items()}
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def _retention(name: object, data: object) -> Retention:
    path = str(name)
    if not isinstance(name, str) or not name.isprintable() or not name.strip():
        raise settings.Wrong(repr(name), "is no name for a database")
    values = read(data, _RETENTION, path, {"database", "tables"})
    tables = values.pop("tables")
    return Retention(name=name, rules={table: _rule(table, rule, f"{path}.tables.{table}") for table, rule in tables.items()}, **values)


def _rule(name: str, data: object, path: str) -> Rule:
    values = read(data, _RULE, path)
    forever = values.pop("keep", "") == _FOREVER
    if forever and values:
        raise settings.Wrong(settings.join(path, min(values)), f"has no meaning where keep is {_FOREVER}; leave one of them out")
    rule = Rule(table=name, forever=forever, **values)
    if not forever and not rule.day_column:
        raise settings.Wrong(f"{path}.day_column", f"is missing; name the column that holds the day, or set keep: {_FOREVER}")
    if rule.proof == NONE and not rule.acknowledged.strip():
        raise settings.Wrong(f"{path}.acknowledged", f"is needed where proof is {NONE}: who says that these rows may be lost, and why")
    if rule.proof != NONE and rule.acknowledged:
        raise settings.Wrong(f"{path}.acknowledged", f"has no meaning where proof is {rule.proof}")
    _check_report(rule, values, path)
    return rule


def _check_report(rule: Rule, said: Mapping[str, object], path: str) -> None:
    for setting in ("report", "columns", "derived"):
        if rule.proof != REPORT and setting in said:
            raise settings.Wrong(f"{path}.{setting}", f"has no meaning where proof is {rule.proof}")
        if rule.proof == REPORT and setting not in said and setting != "derived":
            raise settings.Wrong(f"{path}.{setting}", f"is missing; where proof is {REPORT}, name the report, and its column for each column of the table")


def _columns(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("must be a mapping: the report's column for each column of the table")
    return {settings.text(name): settings.text(column) for name, column in value.items()}


def _database(value: object) -> str:
    path = settings.absolute(value)
    if not path:
        raise ValueError("is empty; name the database's file")
    return path


def _tables(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError("must be a mapping with at least one table: its name, and below it day_column, keep_days, …")
    same: dict[str, str] = {}
    for name in value:
        other = same.setdefault(settings.text(name).lower(), name)
        if other != name:
            raise ValueError(f"{other} and {name} are the same table")
    return value


_FOREVER = "forever"
_RULE: Mapping[str, settings.Check] = {
    "day_column": settings.text,
    "day_format": settings.one_of(ISO, EPOCH_SECONDS, EPOCH_MILLISECONDS, JULIAN),
    "keep_days": settings.whole(1, 36525),
    "keep": settings.one_of(_FOREVER),
    "proof": settings.one_of(ROWS, REPORT, NONE),
    "acknowledged": settings.text,
    "max_share": settings.share,
    "triggers": settings.texts,
    "report": settings.text,
    "columns": _columns,
    "derived": settings.texts,
}
_RETENTION: Mapping[str, settings.Check] = {
    "database": _database,
    "tables": _tables,
    "idle_days": settings.whole(1, 36525),
    "busy_seconds": settings.seconds,
    "vacuum_share": settings.share,
    "vacuum_from": settings.whole(0, 23),
    "vacuum_to": settings.whole(0, 23),
}
