# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mapping <-> the drill that it declares. The mapping is what the command's configuration says under drill."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from .. import settings
from ..config import read
from ..errors import ConfigurationError
from .model import Drill, Filled, Importer

_PLACES = ("folder", "database")


def parse(data: Mapping[str, Any], where: str) -> Drill:
    """The drill that a mapping declares. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        values = read(data, _DRILL, "", {"folder", "rto_seconds", "rpo_hours"})
        importer = _importer(values.pop("importer")) if values.get("importer") else None
        return Drill(importer=importer, **{name: value for name, value in values.items() if name != "importer"})
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def parse_importer(data: object, where: str) -> Importer | None:
    """The importer that a mapping declares, None for an empty one. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        return _importer(data) if data else None
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def _importer(data: object) -> Importer:
    values = read(data, _IMPORTER, "importer", {"command", "database", "tables"})
    tables = {name: Filled(**read(table, _FILLED, f"importer.tables.{name}", set(_FILLED))) for name, table in values.pop("tables").items()}
    said = " ".join([*values["command"], *values.get("environment", {}).values()])
    for place in _PLACES:
        if f"{{{place}}}" not in said:
            raise settings.Wrong("importer.command", f"has no {{{place}}}, nor has its environment: it would import into, or from, the application's own")
    return Importer(tables=tables, **values)


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a mapping with at least one entry, not {settings.kind(value)}")
    return value


def _maybe(value: object) -> Mapping[str, object]:
    return _mapping(value) if value else {}


def _path(value: object) -> str:
    path = settings.absolute(value)
    if not path:
        raise ValueError("is empty; name it by its absolute path")
    return path


def _filled_in(value: object) -> str:
    said = settings.text(value)
    try:
        said.format(**dict.fromkeys(_PLACES, ""))
        plain = all(not spec and not conversion for _, name, spec, conversion in string.Formatter().parse(said) if name is not None)
    except (ValueError, KeyError, IndexError, AttributeError):
        plain = False
    if not plain:
        raise ValueError(f"{settings.short(said)} may have {{folder}} and {{database}} in braces and nothing else; a brace itself is written twice")
    return said


def _command(value: object) -> tuple[str, ...]:
    words = tuple(_filled_in(word) for word in settings.texts(value))
    if not words or not words[0].startswith("/"):
        raise ValueError("must be a list: the program's absolute path, then its arguments")
    return words


def _environment(value: object) -> Mapping[str, str]:
    return {name: _filled_in(said) for name, said in _maybe(value).items()}


def _names(value: object) -> tuple[str, ...]:
    names = settings.texts(value)
    if not names:
        raise ValueError("is empty; name at least one report")
    return names


def _hours(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 876600:
        raise ValueError("must be a number of hours above 0")
    return float(value)


def _seconds(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= 31557600:
        raise ValueError("must be a number of seconds above 0, and a year at most")
    return float(value)


_FILLED: Mapping[str, settings.Check] = {"day_column": settings.text, "reports": _names}
_IMPORTER: Mapping[str, settings.Check] = {
    "command": _command,
    "database": _path,
    "tables": _mapping,
    "environment": _environment,
    "working_directory": _path,
    "timeout_seconds": _seconds,
}
_DRILL: Mapping[str, settings.Check] = {
    "folder": _path,
    "days": settings.whole(1, 1000),
    "rto_seconds": _seconds,
    "rpo_hours": _hours,
    "importer": _maybe,
}
