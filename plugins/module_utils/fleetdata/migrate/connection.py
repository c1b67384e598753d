# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to PostgreSQL, as a migration declares its target."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UNREACHABLE, ConfigurationError, FleetDataError
from .migration import Migration, Target

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
    "standard_conforming_strings": "on", "idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0", "transaction_timeout": "0",
    "lock_timeout": "60s", "synchronous_commit": "on", "tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
}  # fmt: skip
"""What a role or database may have set otherwise. A run is idle while a thread of it works; nobody waits for ever, neither for a lock nor, at the server,
for a host that is gone; what was acknowledged survives the server's death."""
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
    "connection slots": "Wait until others have disconnected, or lower jobs.",
}
"""By what libpq says: what to do next."""
_WITHOUT_VALUES = ("08", "25", "40", "42", "53", "54", "55", "57", "58")
"""Classes of errors whose texts have no value of a row in them."""
_NEXT = {
    "25006": "It is a standby, or set to be read only: name the one that takes writes",
    "42501": "Give the role that right",
    "55P03": "Find out who keeps that table locked (pg_stat_activity)",
}
AGAIN = "The target is as it was; run again, and it goes on where it was."
"""Of what is loaded aside."""
_QUIET = logging.NullHandler()


class UnreachableError(FleetDataError):
    """PostgreSQL could not be reached, refused the credentials, or went away."""

    code = UNREACHABLE


def library() -> Any:
    """The package psycopg, imported where it is needed; what it logs is in its errors, too. Raises ConfigurationError."""
    logging.getLogger("psycopg").addHandler(_QUIET)
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
    if target.ssl_mode.startswith("verify-"):
        given["gssencmode"] = "disable"  # encrypted by Kerberos, the server would show no certificate
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
        connection.execute(
            "SELECT set_config(name, said, false) FROM unnest(%s::text[], %s::text[]) AS one (name, said) JOIN pg_settings USING (name)",
            (list(_SESSION), list(_SESSION.values())),
        )
    except driver.Error as error:
        raise UnreachableError(_sentence(target, str(error))) from None
    return connection


def without_waiting(connection: psycopg.Connection[Any]) -> None:
    """Its commits do not wait for the disk. A crash of the server may lose the last of them, each as a whole, and none that came before one that waits."""
    connection.execute("SET synchronous_commit = off")


@contextmanager
def explained(migration: Migration, *, then: str) -> Iterator[None]:
    """Turn whatever PostgreSQL refuses within into UnreachableError. then: what became of it all, and what to do."""
    try:
        yield
    except library().Error as error:
        advice = f"{_NEXT[error.sqlstate]}. " if error.sqlstate in _NEXT else ""
        raise UnreachableError(f"PostgreSQL at {migration.target.said} refused, or went away: {told(migration, error)}. {advice}{then}") from None


def told(migration: Migration, error: Any) -> str:
    """What PostgreSQL said; without values where some are secret."""
    state, diag = error.sqlstate or "", error.diag
    if migration.secret and state and state[:2] not in _WITHOUT_VALUES:
        return f"error {state}"
    return ". ".join(part.rstrip(".") for part in (diag.message_primary, diag.message_detail) if part) or _lines(str(error))[0].rstrip(".")


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
    """What libpq says once, of the several addresses that it may have tried."""
    why = _lines(said)[-1].rstrip(".")
    advice = next((advice for word, advice in _ADVICE.items() if word in said), "See that the server runs and can be reached from here, then run again.")
    return f"PostgreSQL at {target.said} cannot be used: {why}. {advice}"


def _lines(said: str) -> list[str]:
    """Without libpq's guesses, which are indented, or asked, and its advice."""
    whole = (line.strip() for line in said.splitlines() if line.strip() and not line[0].isspace())
    return [line for line in whole if not line.endswith("?") and not line.startswith("Either provide the file")] or ["no reason was given"]
