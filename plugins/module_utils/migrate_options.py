# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules sqlite_to_postgres and sqlite_info have in common: options, and the migration that they declare."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .archive_options import NUMBER, TEXT, TEXTS
from .fleetdata import configuration
from .fleetdata.migrate import settings
from .fleetdata.migrate.migration import BYTEA, COUNT, CREATE, DIGEST, FAIL, INTO_EXISTING, QUARANTINE, REPLACE, Migration

_LOGIN = {
    "login_host": "host",
    "login_db": "database",
    "login_user": "user",
    "port": "port",
    "password_file": "password_file",
    "ssl_mode": "ssl_mode",
    "ca_cert": "ssl_root_cert",
}
"""The options that say which server, and the settings of a target that they are."""
PLAN: dict[str, Any] = {
    "database": {"type": "path"},
    "include": TEXTS,
    "exclude": TEXTS,
    "tables": {"type": "dict"},
    "columns": {"type": "dict"},
    "casts": {"type": "dict"},
    "empty_as_null": TEXTS,
    "secret": {**TEXTS, "no_log": False},
    "on_text": {"type": "str", "choices": [FAIL, REPLACE, BYTEA]},
    "work": {"type": "path"},
    "busy_seconds": {"type": "float"},
}
"""What a database's plan is made of."""
RUN: dict[str, Any] = {
    "schema": TEXT,
    "fill": {"type": "dict"},
    "accept": TEXTS,
    "mode": {"type": "str", "choices": [CREATE, INTO_EXISTING]},
    "on_misfit": {"type": "str", "choices": [FAIL, QUARANTINE]},
    "verify": {"type": "str", "choices": [DIGEST, COUNT]},
    "jobs": NUMBER,
}
LOGIN: dict[str, Any] = {
    "login_host": TEXT,
    "login_db": TEXT,
    "login_user": TEXT,
    "login_password": {"type": "str", "no_log": True},
    "password_file": {"type": "path", "no_log": False},
    "port": {"type": "int", "aliases": ["login_port"]},
    "ssl_mode": {"type": "str", "choices": list(settings.SSL_MODES)},
    "ca_cert": {"type": "path", "aliases": ["ssl_rootcert"]},
}
_HERE = "The migration of this task"


def alone(params: Mapping[str, Any]) -> Migration:
    """A plan's database, which goes nowhere yet. Raises ConfigurationError."""
    return settings.parse("database", _said(params, PLAN), _HERE, alone=True)


def migration(params: Mapping[str, Any]) -> Migration:
    """The migration that a module's options declare, or name. Raises ConfigurationError."""
    data: Mapping[str, Any] = {}
    where, name = _HERE, params["name"] or "database"
    if params["config"] and params["name"]:
        part = configuration.load(params["config"]).part(configuration.MIGRATIONS)
        (name, data), where = settings.declared(part.data, part.where, name), part.where
    target = {**data.get("target", {}), **{setting: params[option] for option, setting in _LOGIN.items() if params[option] is not None}}
    if params["login_password"]:
        target["password_file"] = ""
        os.environ["PGPASSWORD"] = params["login_password"]  # of this process alone, from now on: no other sees it
    return settings.parse(name, {**data, **_said(params, {**PLAN, **RUN}), "target": target}, where)


def _said(params: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in options if params[name] is not None}
