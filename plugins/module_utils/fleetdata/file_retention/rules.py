# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as they are declared: a mapping, such as the part ``files`` of the configuration; every mistake is named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .. import settings
from ..config import read
from ..errors import ConfigurationError
from .model import ARCHIVED, COPIED, DIRECTORIES, FILES, NONE, Rule

_SYSTEM = {"", "bin", "boot", "etc", "home", "lib", "lib64", "opt", "root", "run", "sbin", "tmp", "usr", "var"}
_KERNEL = ("/dev/", "/proc/", "/sys/")


def parse_all(data: object, where: str) -> dict[str, Rule]:
    """The rules that a mapping declares, by name. where: what the mapping is, for the message of a ConfigurationError."""
    try:
        if not isinstance(data, Mapping) or not data:
            raise settings.Wrong("", "must be a mapping with at least one rule: its name, and below it folder, patterns, keep_days, …")
        return {name: _rule(name, rule) for name, rule in data.items()}
    except settings.Wrong as wrong:
        raise ConfigurationError(f"{where}: {wrong}.") from None


def _rule(name: object, data: object) -> Rule:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise settings.Wrong(str(name), "the name of a rule has letters, digits, _, . and - only, at most 64")
    values = read(data, _RULE, name, {"folder", "patterns"})
    rule = Rule(name=name, **values)
    if not rule.keep_days and not rule.max_bytes and "keep_last" not in values:
        raise settings.Wrong(name, "says of nothing that it goes; say keep_days, keep_last or max_bytes")
    if not rule.keep_days and not rule.max_bytes and not rule.keep_last:
        raise settings.Wrong(settings.join(name, "keep_last"), "is 0, so all would go at any age; say how many stay, or keep_days")
    _check_proof(rule, values)
    return rule


def _check_proof(rule: Rule, values: Mapping[str, Any]) -> None:
    def wrong(setting: str, what: str) -> settings.Wrong:
        return settings.Wrong(settings.join(rule.name, setting), what)

    if "proof" not in values:
        raise wrong("proof", f"is missing; say {ARCHIVED}, {COPIED}, or {NONE} together with acknowledged")
    if rule.proof == NONE and not rule.acknowledged.strip():
        raise wrong("acknowledged", f"is needed where proof is {NONE}: who says that these files may be lost, and why")
    if rule.proof == COPIED and not rule.copies:
        raise wrong("copies", f"is needed where proof is {COPIED}: the folder that has the copies")
    for setting, proof in (("acknowledged", NONE), ("report", ARCHIVED), ("copies", COPIED)):
        if getattr(rule, setting) and rule.proof != proof:
            raise wrong(setting, f"has no meaning where proof is {rule.proof}")
    if rule.units == DIRECTORIES and rule.proof != NONE:
        raise wrong("proof", f"must be {NONE} where units is {DIRECTORIES}: only files are archived or copied")
    if rule.copies and (_below(rule.copies, rule.folder) or _below(rule.folder, rule.copies)):
        raise wrong("copies", "must be another folder, neither below the folder nor above it")


def _below(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def _folder(value: object) -> str:
    path = settings.absolute(value)
    if not path:
        raise ValueError("is empty; name the folder")
    if os.path.normpath(path) != path or path.startswith("//"):
        raise ValueError(f"{settings.short(path)} must be written plainly, without . or .. or a slash too many")
    if path[1:] in _SYSTEM or f"{path}/".startswith(_KERNEL):
        raise ValueError(f"{path} is the system's own; name a folder within it that has nothing but what the rule is about")
    return path


def _patterns(value: object) -> tuple[str, ...]:
    given = settings.texts(value)
    for pattern in given:
        if not pattern or pattern.startswith("/") or any(part in ("", ".", "..") for part in pattern.split("/")):
            raise ValueError(f"{settings.short(pattern)} is no pattern of names or of paths below the folder, such as *.json or logs/*.log")
    return given


def _some_patterns(value: object) -> tuple[str, ...]:
    given = _patterns(value)
    if not given:
        raise ValueError("is empty; say which files the rule is about, such as '*.json'")
    return given


def _links(value: object) -> tuple[str, ...]:
    return tuple(_folder(link) for link in settings.texts(value))


def _series(value: object) -> str:
    said = settings.text(value)
    try:
        re.compile(said)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return said


_RULE: Mapping[str, settings.Check] = {
    "folder": _folder,
    "patterns": _some_patterns,
    "hold": _patterns,
    "depth": settings.whole(0, 16),
    "units": settings.one_of(FILES, DIRECTORIES),
    "file_day": settings.file_day,
    "series": _series,
    "keep_last": settings.whole(0, 100000),
    "keep_days": settings.whole(1, 36525),
    "max_bytes": settings.whole(1, 1 << 60),
    "current": _links,
    "settle_seconds": settings.seconds,
    "proof": settings.one_of(NONE, ARCHIVED, COPIED),
    "acknowledged": settings.text,
    "report": settings.text,
    "copies": _folder,
    "max_share": settings.share,
    "idle_days": settings.whole(0, 36525),
}
