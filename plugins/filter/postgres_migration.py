# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations from SQLite to PostgreSQL as a host's variables declare them; documented beside this file, one for each filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import settings

_WHERE = "the migrations that postgres_migration_databases declares"
_ACCESS = ("secret", "owner_key", "application", "application_key", "region", "admin_user", "admin_secret", "admin_key", "admin_database")
_OF_OWNER = ("secret", "owner_key")
_APPLICATION = ("units", "environment", "secrets", "health")


def postgres_migration_declared(databases: Mapping[str, Any], access: Mapping[str, Any], folder: str, authority: str = "") -> dict[str, Any]:
    """Return the migrations as the host's file has them: the owner's password by a file in the folder, and the certificate's authority."""
    return {name: _with_files(name, said, name in access, folder, authority) for name, said in databases.items()}


def _with_files(name: str, said: Any, has_access: bool, folder: str, authority: str) -> Any:
    if not isinstance(said, Mapping) or not isinstance(said.get("target"), Mapping):
        return said  # which postgres_migration_problems names
    files = {"password_file": f"{folder}/{name}.password" if has_access else "", "ssl_root_cert": authority}
    return {**said, "target": {**{key: path for key, path in files.items() if path}, **said["target"]}}


def postgres_migration_problems(declared: Mapping[str, Any], access: Mapping[str, Any], applications: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that is wrong."""
    try:
        settings.parse_all(declared, _WHERE)
    except ConfigurationError as error:
        return [str(error)]
    return [
        *_wrong("postgres_migration_access", access, declared, known=_ACCESS, required=_OF_OWNER),
        *_wrong("postgres_migration_applications", applications, declared, known=_APPLICATION, required=("units",)),
    ]


def _wrong(variable: str, given: Mapping[str, Any], declared: Mapping[str, Any], *, known: tuple[str, ...], required: tuple[str, ...]) -> Iterator[str]:
    for name, said in given.items():
        where = f"{variable}.{name}"
        if name not in declared:
            yield f"{where}: no migration has this name; postgres_migration_databases declares {', '.join(declared) or 'none'}."
        elif not isinstance(said, Mapping):
            yield f"{where}: must be a mapping with {', '.join(known)}."
        else:
            yield from (f"{where}.{key}: is not a setting; there are {', '.join(known)}." for key in said if key not in known)
            yield from (f"{where}.{key}: is missing." for key in required if not said.get(key))


def postgres_migration_passwords(declared: Mapping[str, Any], access: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the files with the owners' passwords as steady.fleet.host_state takes them; the template asks AWS Secrets Manager."""
    return [
        {
            "path": declared[name]["target"]["password_file"],
            "template": "password.j2",
            "vars": {"owner_secret": {"secret": said["secret"], "keys": {"PASSWORD": said["owner_key"]}, "region": said.get("region", "")}},
            "mode": "0600",
            "secret": True,
        }
        for name, said in access.items()
        if not postgres_migration_problems(declared, access, {})
    ]


class FilterModule:
    """Offers the filters to Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "postgres_migration_declared": postgres_migration_declared,
            "postgres_migration_passwords": postgres_migration_passwords,
            "postgres_migration_problems": postgres_migration_problems,
        }
