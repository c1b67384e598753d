# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules sqlite_backup and sqlite_backup_restore have in common: options, and the backups that they declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archive_options import WHERE
from .fleetdata import configuration
from .fleetdata.backup import settings
from .fleetdata.backup.model import DATABASE, FOLDER, Backups

PATH: dict[str, Any] = {"type": "path"}
PLACE: dict[str, Any] = {**WHERE, "work": PATH, "busy_seconds": {"type": "float"}}
ARGUMENTS: dict[str, Any] = {**PLACE, "config": PATH, DATABASE: PATH, FOLDER: PATH}
"""Besides ``name``, which each module says for itself."""
REQUIRED_ONE_OF = [("config", "bucket"), ("config", "region")]
EXCLUSIVE = [(DATABASE, FOLDER)]
REQUIRED_BY = {DATABASE: ("name",), FOLDER: ("name",)}


def backups(params: Mapping[str, Any], *more: str) -> Backups:
    """The backups that a module's options declare. more: its options that are settings, too, besides those both have. Raises ConfigurationError."""
    part = configuration.Part(data={}, where="The backups of this task")
    if params["config"]:
        part = configuration.load(params["config"]).part(configuration.BACKUPS)
        settings.parse(part.data, part.where)
    data = {**part.data, **{name: params[name] for name in (*PLACE, *more) if params[name] is not None}}
    for kind, group in ((DATABASE, "databases"), (FOLDER, "folders")):
        if params[kind] is not None:
            keep = {name: count for name, count in (params.get("keep") or {}).items() if count is not None}
            data[group] = {**data.get(group, {}), params["name"]: {kind: params[kind], "keep": keep}}
            if params.get("empty") is not None:
                data[group][params["name"]]["empty"] = params["empty"]
    return settings.parse(data, part.where)
