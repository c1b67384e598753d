# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as they are declared: a mapping, such as the part ``backups`` of the configuration; every mistake is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import settings
from ..config import read
from ..errors import ConfigurationError
from ..model import FAST, SMALL
from .model import DATABASE, FOLDER, Backups, Keep, Subject


def parse(data: Mapping[str, Any], where: str) -> Backups:
    """The backups that a mapping declares. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        values = read(data, _BACKUPS, "", ("bucket", "region"))
        databases = _subjects(values.pop("databases", {}), "databases", DATABASE)
        folders = _subjects(values.pop("folders", {}), "folders", FOLDER)
        twice = sorted(set(databases) & set(folders))
        if twice:
            raise settings.Wrong(f"folders.{twice[0]}", "is the name of a database, too; each has a name of its own")
        if not databases and not folders:
            raise settings.Wrong("databases", "is missing, and so is folders; there is nothing to back up")
        return Backups(subjects={**databases, **folders}, **values)
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def _subjects(data: Mapping[str, object], path: str, kind: str) -> dict[str, Subject]:
    return {name: _subject(name, value, f"{path}.{name}", kind) for name, value in data.items()}


def _subject(name: str, data: object, path: str, kind: str) -> Subject:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise settings.Wrong(path, "the name of a backup has letters, digits, - and _ only, at most 64, and begins with a letter or digit")
    known: Mapping[str, settings.Check] = {kind: _path, "keep": _mapping, **({"empty": settings.truth} if kind == DATABASE else {})}
    values = read(data, known, path, {kind})
    keep = Keep(**read(values.get("keep", {}), _KEEP, f"{path}.keep"))
    return Subject(name=name, kind=kind, path=values[kind], keep=keep, empty=values.get("empty", False))


def _path(value: object) -> str:
    path = settings.absolute(value)
    if not path:
        raise ValueError("is empty; name it by its absolute path")
    return path


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be a mapping, not {settings.kind(value)}")
    return value


_KEEP: Mapping[str, settings.Check] = {
    "daily": settings.whole(0, 3660),
    "weekly": settings.whole(0, 520),
    "monthly": settings.whole(0, 120),
    "last": settings.whole(1, 10000),
}
_BACKUPS: Mapping[str, settings.Check] = {
    "bucket": settings.bucket,
    "region": settings.region,
    "prefix": settings.prefix,
    "endpoint_url": settings.endpoint,
    "compression": settings.one_of(FAST, SMALL),
    "work": _path,
    "busy_seconds": settings.seconds,
    "databases": _mapping,
    "folders": _mapping,
}
