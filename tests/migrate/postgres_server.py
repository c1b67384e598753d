"""A real PostgreSQL on loopback, with TLS and a certificate authority of its own, for one run of the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

PASSWORD = "only-for-tests"
GIVEN = "STEADY_TEST_POSTGRES"
"""The environment variable that names a running server of another version, as its superuser: postgresql://postgres@localhost:PORT/?sslrootcert=FILE."""


@dataclass(frozen=True)
class Server:
    """port: on localhost. authority: the certificate that signed the server's."""

    port: int
    authority: Path

    def connect(self, database: str = "postgres", user: str = "postgres", **more: object) -> psycopg.Connection:
        """A connection that commits each statement."""
        return psycopg.connect(host="localhost", port=self.port, dbname=database, user=user, password=PASSWORD, autocommit=True, **more)


def programs() -> Path:
    """Where the newest server's programs are."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


@contextmanager
def given_or_served(folder: Path) -> Iterator[Server]:
    """The server that the environment names; without one, a server of this machine's programs."""
    given = os.environ.get(GIVEN)
    if given:
        said = conninfo_to_dict(given)
        yield Server(port=int(str(said["port"])), authority=Path(str(said["sslrootcert"])))
        return
    with served(folder) as running:
        yield running


@contextmanager
def served(folder: Path, *, address: str = "") -> Iterator[Server]:
    """Run a server until the block ends; all of it lies in a folder. address: where it can be reached, besides localhost."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_owner = _owner(folder)
    data, log = folder / "data", folder / "log"
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    _run(
        [programs() / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--locale=C.UTF-8", "-N"],
        as_owner,
    )
    authority = _certificates(data, as_owner, address)
    options = {
        "port": port, "listen_addresses": f"'{','.join(['localhost', *([address] if address else [])])}'",
        "unix_socket_directories": f"'{folder}'", "ssl": "on", "fsync": "off", "max_connections": 60,
        "shared_buffers": "'64MB'", "max_wal_size": "'2GB'", "logging_collector": "off", "autovacuum": "off",
    }  # fmt: skip
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in options.items())
    with (data / "pg_hba.conf").open("a") as file:
        file.write("hostssl all all samenet scram-sha-256\n")
    _run([programs() / "pg_ctl", "-D", data, "-l", log, "-w", "start"], as_owner)
    try:
        yield Server(port=port, authority=authority)
    finally:
        _run([programs() / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], as_owner)


def _owner(folder: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: then its own user has the folder, and every one above lets it pass."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    for above in folder.parents:
        above.chmod(above.stat().st_mode | 0o011)
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


def _certificates(data: Path, as_owner: dict[str, object], address: str) -> Path:
    """An authority, and a certificate for localhost, and the address, that it signed."""

    def openssl(*words: object) -> None:
        _run(["openssl", *words], as_owner, cwd=data)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=Test authority", "-keyout", "authority.key", "-out", "authority.crt")
    openssl("req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    extension = data / "names"
    extension.write_text(f"subjectAltName=DNS:localhost{f',IP:{address}' if address else ''}")
    openssl(
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "authority.crt",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        extension,
        "-out",
        "server.crt",
    )
    shown = data.parent / "authority.crt"
    shutil.copy(data / "authority.crt", shown)
    shown.chmod(0o644)
    return shown


def _run(command: list[object], as_owner: dict[str, object], cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd or "/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **as_owner,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
