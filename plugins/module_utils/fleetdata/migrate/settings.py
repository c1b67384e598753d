# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations as they are declared: a mapping, such as the part ``migrations`` of the configuration; every mistake is named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .. import settings
from ..config import read
from ..errors import ConfigurationError
from .migration import BYTEA, COUNT, CREATE, DIGEST, FAIL, INTO_EXISTING, QUARANTINE, REPLACE, Migration, Target

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""Those of libpq. Only the last one proves which server answers."""
_LONGEST_NAME = 63
NOWHERE = Target(host="", database="", user="")
"""For a plan of a database alone."""
_URL = "postgresql://USER@HOST:5432/DATABASE"


def parse_all(data: object, where: str) -> dict[str, Migration]:
    """The migrations that a mapping declares, by name. where: what the mapping is, for the message of a ConfigurationError."""
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{where}: must be a mapping: the name of each migration, and below it database, target, …, not {settings.kind(data)}.")
    return {str(name): parse(str(name), said, where) for name, said in data.items()}


def declared(data: object, where: str, name: str = "") -> tuple[str, Mapping[str, Any]]:
    """A migration's name and what is said of it: of the named one, or the only one. Raises ConfigurationError."""
    names = list(parse_all(data, where))
    wanted = name or (names[0] if len(names) == 1 else "")
    if not isinstance(data, Mapping) or wanted not in names:
        there = f"there are {', '.join(names)}" if names else "there is none"
        problem = f"{settings.short(wanted)} is no declared migration" if wanted else "which migration?"
        raise ConfigurationError(f"{where}: {problem}; {there}. A database that is not declared is said by its path, and with its target.")
    return wanted, data[wanted]


def parse(name: str, data: object, where: str, *, alone: bool = False) -> Migration:
    """One migration. alone: it may be without a target. Raises ConfigurationError."""
    try:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
            raise settings.Wrong(settings.short(name), "the name of a migration has letters, digits, - and _ only, at most 64")
        _no_secret(data, name)
        values = read(data, _MIGRATION, name, ("database",) if alone else ("database", "target"))
        target = _target(values["target"], f"{name}.target") if "target" in values else NOWHERE
        return Migration(name=name, **{**values, "target": target})
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def target_data(url: str) -> dict[str, Any]:
    """The settings of a target that is said as an address, such as ``postgresql://app@db.example:5432/app?sslmode=verify-full``. Raises ConfigurationError."""
    what = "The target's address"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{what} cannot be read; write it as {_URL}.") from None
    if parts.password is not None:
        raise ConfigurationError(
            f"{what} has a password in it, which every user of this host could read. Leave it out, and say it by --password-file, ~/.pgpass or PGPASSWORD."
        )
    database = unquote(parts.path[1:])
    if parts.scheme not in ("postgresql", "postgres") or not host or not parts.username or not database or "/" in database or parts.fragment:
        raise ConfigurationError(f"{what} must have a user, a host and a database: {_URL}.")
    said = {"host": host, "database": database, "user": unquote(parts.username), **({"port": port} if port is not None else {})}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _QUERY:
            raise ConfigurationError(f"{what}: {settings.short(name)} is not understood behind the question mark; there are {', '.join(_QUERY)}.")
        said[_QUERY[name]] = os.path.abspath(value) if name == "sslrootcert" else value
    return said


_QUERY = {"sslmode": "ssl_mode", "sslrootcert": "ssl_root_cert"}
"""What may stand behind the question mark of an address, as libpq calls it, and the setting that it is."""


def _target(data: object, path: str) -> Target:
    _no_secret(data, path)
    return Target(**read(data, _TARGET, path, ("host", "database", "user")))


def _no_secret(data: object, path: str) -> None:
    """A password in the wrong place, and a setting that sounds like one, get a sentence of their own."""
    for name in data if isinstance(data, Mapping) else ():
        if "password" in str(name).lower() and name not in _TARGET:
            raise settings.Wrong(
                settings.join(path, name), "a password is never part of the configuration; put it alone into a file, and name that: password_file"
            )
        if "secret" in str(name).lower() and name not in _MIGRATION:
            raise settings.Wrong(settings.join(path, name), "is not a setting; secret is the nearest, a list of columns whose values are never shown")


def _word(value: object) -> str:
    said = settings.text(value)
    if not said:
        raise ValueError("is empty")
    return said


def _path(value: object) -> str:
    path = settings.absolute(value)
    if not path:
        raise ValueError("is empty; name it by its absolute path")
    return path


def _name(value: object) -> str:
    """A name of PostgreSQL."""
    said = _word(value)
    if len(said.encode()) > _LONGEST_NAME:
        raise ValueError(f"{settings.short(said)} is longer than {_LONGEST_NAME} bytes, the longest name of PostgreSQL")
    return said


def _schema(value: object) -> str:
    said = _name(value)
    staging = "__steady"
    if len(said.encode()) > _LONGEST_NAME - len(staging):
        raise ValueError(f"{settings.short(said)} is longer than {_LONGEST_NAME - len(staging)} bytes, which leaves no room for {staging} behind it")
    if said.startswith("pg_") or said == "information_schema":
        raise ValueError(f"{said} is PostgreSQL's own; name another schema")
    return said


def _of_columns(check: settings.Check, what: str) -> settings.Check:
    """A mapping with an entry for some columns, each as table.column."""

    def checked(value: object) -> Mapping[str, str]:
        return {_column(name): check(said) for name, said in _mapping(value, f"columns, each as table.column, with {what}").items()}

    return checked


def _renamed(value: object) -> Mapping[str, str]:
    return {name: _name(said) for name, said in _mapping(value, "tables, with the new name of each").items()}


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a mapping of {what}, not {settings.kind(value)}")
    return value


def _columns(value: object) -> tuple[str, ...]:
    return tuple(_column(name) for name in settings.texts(value))


def _column(name: str) -> str:
    table, dot, column = name.partition(".")
    if not (table and dot and column):
        raise ValueError(f"{settings.short(name)} is not table.column, such as orders.amount")
    return name


_TARGET: Mapping[str, settings.Check] = {
    "host": _word,
    "database": _name,
    "user": _name,
    "port": settings.whole(1, 65535),
    "password_file": settings.absolute,
    "ssl_mode": settings.one_of(*SSL_MODES),
    "ssl_root_cert": settings.absolute,
}
_MIGRATION: Mapping[str, settings.Check] = {
    "database": _path,
    "target": lambda value: value,
    "schema": _schema,
    "include": settings.texts,
    "exclude": settings.texts,
    "tables": _renamed,
    "columns": _of_columns(_name, "the new name of each"),
    "casts": _of_columns(_word, "the type of PostgreSQL of each"),
    "empty_as_null": _columns,
    "secret": _columns,
    "accept": settings.texts,
    "fill": _of_columns(settings.text, "the value of each"),
    "mode": settings.one_of(CREATE, INTO_EXISTING),
    "on_misfit": settings.one_of(FAIL, QUARANTINE),
    "on_text": settings.one_of(FAIL, REPLACE, BYTEA),
    "verify": settings.one_of(DIGEST, COUNT),
    "jobs": settings.whole(1, 16),
    "work": _path,
    "busy_seconds": settings.seconds,
}
SETTINGS = tuple(_MIGRATION)
"""The names of all settings of a migration."""
