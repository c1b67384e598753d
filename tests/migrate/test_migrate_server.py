"""The server of these tests is what a real one is: reached over TCP with TLS that is checked, by a role without special rights."""

from __future__ import annotations

import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from postgres_server import PASSWORD, Server


def test_w4_the_server_proves_who_it_is(server: Server, target: Target) -> None:
    with server.connect(target.database, target.user, sslmode="verify-full", sslrootcert=target.ssl_root_cert) as connection:
        assert connection.execute("SELECT ssl, current_user FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True, "mover")


def test_w4_another_authority_is_refused(server: Server, target: Target, tmp_path) -> None:
    other = tmp_path / "other.crt"
    other.write_text("")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host="localhost", port=server.port, dbname=target.database, user="mover", password=PASSWORD, sslmode="verify-full", sslrootcert=str(other)
        )
