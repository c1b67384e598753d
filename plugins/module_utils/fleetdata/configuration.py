# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is declared on a host for the command: the archive in one file, and beside it a folder with a file of each role that declares more.

/etc/steady-fleet/fleetdata.json is the archive; /etc/steady-fleet/fleetdata.d/*.json are the parts, each said once, such as {"retention": {...}}.
A host may have parts and no archive.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import config
from .errors import ConfigurationError
from .model import Archive

RETENTION, FILES, BACKUPS, DRILL, MIGRATIONS = "retention", "files", "backups", "drill", "migrations"
ROLES: Mapping[str, str] = {
    RETENTION: "sqlite_retention",
    FILES: "file_retention",
    BACKUPS: "sqlite_backup",
    DRILL: "recovery_drill",
    MIGRATIONS: "postgres_migration",
}
"""The parts, and the role that writes each."""


@dataclass(frozen=True)
class Part:
    """data: what is declared, not judged yet. where: the file and the part's name, for messages."""

    data: Any
    where: str


@dataclass(frozen=True)
class Configuration:
    """path: the archive's file. declared: what it says, None where there is none. parts: what the other files say, by name."""

    path: str
    declared: Any = None
    parts: Mapping[str, Part] = field(default_factory=dict)

    @cached_property
    def archive(self) -> Archive:
        """The archive. Raises ConfigurationError."""
        if self.declared is None:
            config.document(self.path)  # which says why there is none
        return config.parse(self.declared, self.path)

    def part(self, name: str) -> Part:
        """What is declared under a name. Raises ConfigurationError where that is nothing."""
        if not self.parts and self.declared is None:
            raise ConfigurationError(
                f"{self.path}: there is no such file, nor is anything declared in {folder(self.path)}. Name another one (--config), or let the role"
                f" {ROLES[name]} write it."
            )
        if name not in self.parts:
            raise ConfigurationError(f"{folder(self.path)}: no file there declares {name}. Let the role {ROLES[name]} write one.")
        return self.parts[name]


def folder(path: str) -> str:
    """Where the parts lie: beside the archive's file, under its name with .d for .json."""
    return f"{os.path.splitext(path)[0]}.d"


def load(path: str) -> Configuration:
    """Everything that is declared, which may be nothing. Raises ConfigurationError for a file that is no JSON, and for a part that is unknown or said twice."""
    parts: dict[str, Part] = {}
    for file in _files(folder(path)):
        said = config.document(file)
        if not isinstance(said, Mapping):
            raise ConfigurationError(f"{file}: must be a mapping with one of {', '.join(ROLES)}.")
        for name, data in said.items():
            if name not in ROLES:
                raise ConfigurationError(f"{file}: {name} is not a part of the configuration; there are {', '.join(ROLES)}.")
            if name in parts:
                raise ConfigurationError(f"{file}: {parts[name].where} says it, too. Leave one of them out.")
            parts[name] = Part(data=data, where=f"{file}: {name}")
    if not os.path.lexists(path):
        return Configuration(path=path, parts=parts)
    return Configuration(path=path, declared=config.document(path), parts=parts)


def _files(directory: str) -> list[str]:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{directory}: cannot be read ({error.strerror}).") from None
    return [os.path.join(directory, name) for name in sorted(names) if name.endswith(".json") and not name.startswith(".")]
