"""A PostgreSQL of its own on loopback, without TLS and passwords: the same for all contestants."""

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

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "autovacuum": "off", "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''"}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """port: on loopback. pid: of the postmaster."""

    port: int
    pid: int

    def url(self, database: str = "bench") -> str:
        """For libpq and pgloader."""
        return f"postgresql://bench@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> None:
        """An empty database, and nothing left to be written of the one before."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
            admin.execute("CREATE DATABASE bench")
            admin.execute("CHECKPOINT")

    def rows(self, tables: list[str]) -> int:
        """In some tables together."""
        with psycopg.connect(self.url()) as connection:
            return sum(connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0] for table in tables)  # type: ignore[index]

    def cpu(self) -> float:
        """Seconds that its processes worked, those that ended included."""
        return sum(_ticks(pid) for pid in [self.pid, *_children(self.pid)]) / TICKS


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Run it until the block ends; its files lie in a folder, which goes."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    data = folder / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    if owner:
        user = pwd.getpwnam("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*words: object) -> None:
        subprocess.run([str(word) for word in words], cwd="/", check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **owner)  # type: ignore[call-overload]

    run(programs / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in {**SETTINGS, "port": port}.items())
    run(programs / "pg_ctl", "-D", data, "-l", data / "log", "-w", "start")
    try:
        yield Server(port=port, pid=int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(data, ignore_errors=True)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    """Of a process, and of its children that ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))
