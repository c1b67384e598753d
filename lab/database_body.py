"""The body of an RDS instance: a container with PostgreSQL, reached by the instance's own name with a certificate for that name."""

from __future__ import annotations

from lab import authority, docker
from lab.body import LOOPBACK, File, archive, container_name
from lab.command import attempt, run
from lab.database import Database
from lab.docker import INSTANCE_LABEL, NETWORK_LABEL, PORT_LABEL
from lab.errors import LabError
from lab.images import POSTGRES
from lab.settings import PROJECT, Settings

SERVER = PROJECT / "lab" / "image" / "database-server"
ADMIN = "rdsadmin"
SHARED_MEMORY = "256m"
"""What parallel queries share; Docker's own 64 MB are soon too few."""


def create(database: Database, *, port: int, settings: Settings) -> None:
    """Make and start the body; ``port`` of loopback leads to the server, for whoever is not in the network."""
    image = POSTGRES.get(database.major)
    if image is None:
        raise LabError(f"PostgreSQL {database.version} has no body in the lab: give engine_version {' or '.join(POSTGRES)}.")
    if not docker.image_id(image):
        raise LabError(f"The body of PostgreSQL {database.major} is not built: there is no image {image}. Run python -m lab image postgres-{database.major}.")
    name = container_name(database.id)
    run("docker", "create", "--pull", "never", "--name", name, *options(database, port=port, settings=settings), image, "/etc/rds/server")
    try:
        run("docker", "cp", "-", f"{name}:/", stdin=archive(files(database, settings)))
        run("docker", "start", name)
    except LabError:
        # A half-made body must not pass for a stopped one at the next look.
        run("docker", "rm", "--force", "--volumes", name)
        raise


def options(database: Database, *, port: int, settings: Settings) -> list[str]:
    """The arguments of ``docker create``: the name that other bodies resolve, labels, the way in from loopback."""
    labels = {NETWORK_LABEL: settings.network, INSTANCE_LABEL: database.id, PORT_LABEL: str(port)}
    return [
        *("--hostname", database.name, "--network", settings.network, "--network-alias", database.endpoint),
        *(part for key, value in labels.items() for part in ("--label", f"{key}={value}")),
        *("--publish", f"{LOOPBACK}:{port}:{database.port}", "--stop-signal", "SIGINT", "--shm-size", SHARED_MEMORY),
    ]


def files(database: Database, settings: Settings) -> list[File]:
    """What the server finds in /etc/rds when it first starts."""
    certificate = authority.issue(database.endpoint, bundle=settings.database_authority, private=settings.database_authority_key)
    return [
        File(path="etc/rds/server", content=SERVER.read_bytes(), mode=0o755),
        File(path="etc/rds/server.crt", content=certificate.public),
        File(path="etc/rds/server.key", content=certificate.private, mode=0o600),
        File(path="etc/rds/first.sql", content=first_sql(database).encode(), mode=0o600),
        *configuration(database),
    ]


def configuration(database: Database) -> list[File]:
    """postgresql.conf and pg_hba.conf: as RDS, TLS for everybody unless the parameter group takes that back, and no way in for its own superuser."""
    parameters = {
        "listen_addresses": "*",
        "port": database.port,
        "unix_socket_directories": "/run/postgresql",
        "hba_file": "/etc/rds/pg_hba.conf",
        "ssl": "on",
        "ssl_cert_file": "/etc/rds/server.crt",
        "ssl_key_file": "/etc/rds/server.key",
        "password_encryption": "scram-sha-256",
        "fsync": "off",
        "rds.force_ssl": int(database.force_ssl),
    }
    rules = [
        f"local all {ADMIN} trust",
        f"host all {ADMIN} all reject",
        f"{'hostssl' if database.force_ssl else 'host'} all all all scram-sha-256",
    ]
    return [
        File(path="etc/rds/postgresql.conf", content="".join(f"{name} = '{value}'\n" for name, value in parameters.items()).encode()),
        File(path="etc/rds/pg_hba.conf", content="".join(f"{rule}\n" for rule in rules).encode()),
    ]


def first_sql(database: Database) -> str:
    """The master user with RDS's rights: databases, roles, the server's monitoring; no superuser."""
    master = _name(database.master)
    lines = [
        "CREATE ROLE rds_superuser NOLOGIN",
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
        f"CREATE ROLE {master} LOGIN CREATEDB CREATEROLE PASSWORD {_text(database.password)} IN ROLE rds_superuser",
        f"ALTER DATABASE postgres OWNER TO {master}",
    ]
    if database.database not in {"", "postgres"}:
        lines.append(f"CREATE DATABASE {_name(database.database)} OWNER {master}")
    return "".join(f"{line};\n" for line in lines)


def settle(database: Database) -> None:
    """Give the running server the master's password and the rules that hold now."""
    name = container_name(database.id)
    run("docker", "cp", "-", f"{name}:/", stdin=archive(configuration(database)))
    sql = f"ALTER ROLE {_name(database.master)} PASSWORD {_text(database.password)};\nSELECT pg_reload_conf();\n"
    psql = ("psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--username", ADMIN, "--port", str(database.port), "--dbname", "postgres")
    run("docker", "exec", "--interactive", name, *psql, stdin=sql.encode())


def answers(database: Database) -> bool:
    """Whether the server takes connections over TCP; it has no port before it is made."""
    probe = ["docker", "exec", container_name(database.id), "pg_isready", "--quiet", "--host", LOOPBACK, "--port", str(database.port)]
    return attempt(probe, timeout=20).returncode == 0


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
