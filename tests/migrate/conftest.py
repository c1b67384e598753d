"""What the tests of migrations share: a PostgreSQL server, and a database of its own for each test."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from played_secrets import Secrets, played
from postgres_server import PASSWORD, Server, given_or_served

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with TLS, and a role ``mover`` that may make databases, and no more. Its folder is no other run's to close."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, given_or_served(Path(folder)) as running:
        with running.connect() as admin:
            admin.execute("DROP ROLE IF EXISTS mover")
            admin.execute(f"CREATE ROLE mover LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        yield running


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Iterator[Target]:
    """A new, empty database that belongs to ``mover``; it goes after the test."""
    name = f"moved_{next(_NUMBERS)}"
    password = tmp_path / "target-password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    with server.connect() as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER mover")
        yield Target(
            host="localhost", port=server.port, database=name, user="mover", password_file=str(password), ssl_root_cert=str(server.authority)
        )  # fmt: skip
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres(server: Server, target: Target) -> Iterator[psycopg.Connection]:
    """A connection to the target as its owner, which commits each statement."""
    with server.connect(target.database, target.user) as connection:
        yield connection


@pytest.fixture
def secrets() -> Iterator[Secrets]:
    """A Secrets Manager that has nothing yet."""
    with played() as running:
        yield running
