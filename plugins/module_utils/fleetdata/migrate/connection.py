# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to PostgreSQL, as a migration declares its target."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import UNREACHABLE, ConfigurationError, FleetDataError
from .migration import Target

if TYPE_CHECKING:
    import psycopg

_SECONDS = 15
_SETTINGS = {
    "application_name": "fleetdata migrate",
    "client_encoding": "UTF8",
    "connect_timeout": _SECONDS,
    "keepalives_idle": 30,
    "tcp_user_timeout": 120_000,
}
_SESSION = {
    "timezone": "UTC", "datestyle": "ISO", "intervalstyle": "postgres", "bytea_output": "hex", "extra_float_digits": "3", "statement_timeout": "0",
    "standard_conforming_strings": "on", "idle_in_transaction_session_timeout": "0",
}  # fmt: skip
"""What a role or database may have set otherwise."""
_ADVICE = {
    "certificate": "Name the certificate of the authority that signed the server's (ssl_root_cert), and the server by a name that is in its certificate.",
    "password authentication failed": "Give the password of that role: password_file, PGPASSWORD or .pgpass.",
    "no password supplied": "Give the password of that role: password_file, PGPASSWORD or .pgpass.",
    "does not exist": "Make the role or the database first, or correct its name.",
    "server does not support SSL": "Turn TLS on at the server, or choose another ssl_mode if the network is trusted.",
    "translate host name": "Correct the host's name.",
    "resolve host": "Correct the host's name.",
    "no pg_hba.conf entry": "Allow this role from this address in the server's pg_hba.conf.",
    "too many": "Wait until others have disconnected, or lower jobs.",
}
"""By what libpq says: what to do next."""


class UnreachableError(FleetDataError):
    """PostgreSQL could not be reached, refused the credentials, or went away."""

    code = UNREACHABLE


def library() -> Any:
    """The package psycopg, imported where it is needed. Raises ConfigurationError."""
    try:
        return importlib.import_module("psycopg")
    except ImportError:
        raise ConfigurationError("The Python package psycopg (3.1 or newer) is missing. Install psycopg[binary].") from None


def connect(target: Target) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection that commits each statement; its zone is UTC. Raises ConfigurationError, UnreachableError; no password is ever in their text."""
    driver = library()
    given = {"password": _password(target.password_file)} if target.password_file else {}
    if target.ssl_root_cert:
        given["sslrootcert"] = target.ssl_root_cert
    try:
        connection: psycopg.Connection[tuple[Any, ...]] = driver.connect(
            host=target.host,
            port=target.port,
            dbname=target.database,
            user=target.user,
            sslmode=target.ssl_mode,
            autocommit=True,
            prepare_threshold=None,
            **_SETTINGS,
            **given,
        )
    except driver.Error as error:
        raise UnreachableError(_sentence(target, str(error))) from None
    for name, value in _SESSION.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


def without_waiting(connection: psycopg.Connection[Any]) -> None:
    """Its commits do not wait for the disk. A crash of the server may lose the last of them, each as a whole, and none that came before one that waits."""
    connection.execute("SET synchronous_commit = off")


def _password(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            password = file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path}: the password of the target cannot be read ({why}).") from None
    if not password:
        raise ConfigurationError(f"{path} is empty. It has to hold the password of the target's role, and nothing else.")
    return password


def _sentence(target: Target, said: str) -> str:
    """What libpq says once, of the several addresses that it may have tried, without what it asks back."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.endswith("?") and not line.startswith("Either provide the file")]
    why = lines[-1].rstrip(".") if lines else "no reason was given"
    advice = next((advice for word, advice in _ADVICE.items() if word in said), "See that the server runs and can be reached from here, then run again.")
    return f"PostgreSQL at {target.said} cannot be used: {why}. {advice}"
