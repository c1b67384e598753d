"""The role's entry point ``target`` on a real server: the database, its owner, and an application that reads and writes its tables, and no more."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import checkout
import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.limits import Silence
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate import steps
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Migration, Target
from migrate_calls import shop
from played_secrets import Secrets
from postgres_server import PASSWORD, Server

OWNER, ROTATED, APPLICATION = "canary-owner-5d0c", "canary-rotated-0b77", "canary-application-91fe"
ROLE = checkout.ROOT / "roles/postgres_migration"
PLAY = f"""
- hosts: localhost
  gather_facts: false
  vars_files: [{ROLE}/defaults/main.yml, {ROLE}/vars/main.yml]
  tasks:
    - ansible.builtin.include_tasks: {ROLE}/tasks/target.yml
"""


def declared(server: Server) -> dict[str, object]:
    target = {"host": "localhost", "port": server.port, "database": "sales", "user": "sales_owner", "ssl_root_cert": str(server.authority)}
    return {
        "fleetdata_migration": True,
        "postgres_migration_databases": {"sales": {"database": "/var/lib/sales.db", "target": target, "schema": "shop"}},
        "postgres_migration_access": {
            "sales": {"secret": "sales/postgres", "owner_key": "owner", "application": "sales_app", "application_key": "application", "admin_user": "master"}
        },
        "__postgres_migration_python": sys.executable,
    }


def play(folder: Path, variables: dict[str, object], secrets: Secrets, *options: str) -> str:
    """What a play says."""
    (folder / "play.yml").write_text(PLAY)
    argv = ["ansible-playbook", "-vvv", "-i", "localhost,", "-c", "local", "-e", json.dumps(variables), *options, "play.yml"]
    done = checkout.attempt(*argv, cwd=folder, ANSIBLE_COLLECTIONS_PATH=str(checkout.ROOT / "collections"), **secrets.environment)
    text = done.stdout + done.stderr
    assert not [secret for secret in (OWNER, ROTATED, APPLICATION, PASSWORD) if secret in text]
    assert done.returncode == 0, text[-8000:]
    return text


def test_mrpt12_the_application_reads_and_writes_the_tables_and_may_do_no_more(server: Server, secrets: Secrets, tmp_path: Path) -> None:
    variables = declared(server)
    secrets.put("sales/postgres", password=PASSWORD, owner=ROTATED, application=APPLICATION)
    with server.connect() as admin:  # as on RDS, where nobody is a superuser
        admin.execute(f"CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'")
    play(tmp_path, variables, secrets, "--check")
    with server.connect(user="master") as admin:
        assert admin.execute("SELECT 1 FROM pg_database WHERE datname = 'sales'").fetchall() == []
        for statement in (
            f"CREATE ROLE sales_owner LOGIN PASSWORD '{OWNER}'",  # of which the secret has a newer one
            f"CREATE ROLE sales_app LOGIN PASSWORD '{APPLICATION}'",
            "CREATE DATABASE sales",
        ):
            admin.execute(statement)
    assert "sales_owner and sales_app would be let into sales." in play(tmp_path, variables, secrets, "--check")
    play(tmp_path, variables, secrets)

    password = tmp_path / "password"
    password.write_text(ROTATED)
    password.chmod(0o600)
    target = Target(host="localhost", port=server.port, database="sales", user="sales_owner", password_file=str(password), ssl_root_cert=str(server.authority))
    steps.migrate(Migration(name="sales", database=str(shop(tmp_path / "shop.db")), target=target, schema="shop"), progress=Silence())

    login = {"host": "localhost", "port": server.port, "dbname": "sales", "user": "sales_app", "password": APPLICATION, "sslrootcert": str(server.authority)}
    with psycopg.connect(**login, sslmode="verify-full", autocommit=True) as application:
        for allowed in (
            "SELECT count(*) FROM shop.users",
            "INSERT INTO shop.users (email) VALUES ('new@example.org')",
            "UPDATE shop.users SET token = NULL",
            "DELETE FROM shop.orders",
        ):
            application.execute(allowed)
        for refused in (
            "TRUNCATE shop.orders",
            "CREATE TABLE shop.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "ALTER TABLE shop.orders ADD COLUMN mine int",
            "CREATE INDEX ON shop.orders (id)",
            "DROP TABLE shop.orders",
            "SELECT * FROM steady_fleet.migration",
            "CREATE ROLE mine",
            "CREATE DATABASE mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute(refused)
    with server.connect() as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'only-for-tests'")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            server.connect("sales", "stranger")
        for statement in ("DROP DATABASE sales WITH (FORCE)", "DROP ROLE sales_app", "DROP ROLE sales_owner", "DROP ROLE stranger", "DROP ROLE master"):
            admin.execute(statement)
