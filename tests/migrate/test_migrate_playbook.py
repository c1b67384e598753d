"""playbooks/migrate.yml with the real command and a real server, without systemd: what it loads and ends, what it refuses and how it says so."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout
import psycopg
import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from migrate_calls import clean, shop
from played_secrets import Secrets

Step = Callable[..., str]
UNITS = {"shop": {"units": ["shop.service"]}}
NO_LISTENER = 9


@pytest.fixture
def step(target: Target, tmp_path: Path) -> Step:
    """Runs a step on this machine and returns what it says. A unit that is stopped or started, and each call of the command, is in the file calls."""
    where = {name: getattr(target, name) for name in ("host", "port", "database", "user", "password_file", "ssl_root_cert")}
    (tmp_path / "fleetdata.d").mkdir()
    systemctl, command = tmp_path / "systemctl", tmp_path / "fleetdata"
    library = shlex.quote(str(checkout.ROOT / "plugins/module_utils"))
    systemctl.write_text(f'#!/bin/sh\necho "systemctl $*" >> {tmp_path}/calls\n')
    command.write_text(
        f'#!/bin/sh\necho "fleetdata $*" >> {tmp_path}/calls\nPATH={tmp_path}:$PATH PYTHONPATH={library} '
        f'exec {sys.executable} -m fleetdata "$@" --config {tmp_path}/fleetdata.json\n'
    )
    for program in (systemctl, command):
        program.chmod(0o755)

    def run(name: str, *options: str, code: int = 0, sound: bool = True, environment: dict[str, str] | None = None, port: int = 0, **more: Any) -> str:
        database = tmp_path / "shop.db"
        if not database.exists():
            shop(database, sound=sound)
        declared = {
            "database": str(database),
            "target": {**where, **({"port": port} if port else {})},
            "secret": ["*.token", "users.pin"],
            "work": str(tmp_path),
        }
        (tmp_path / "fleetdata.d/migrations.json").write_text(json.dumps({"migrations": {"shop": declared}}))
        said = {"ansible_become": False, "postgres_migration_databases": {"shop": declared}, "postgres_migration_applications": UNITS}
        said |= {"__migrate_fleetdata": str(command), "migration": "shop", "step": name, **more}
        argv = ("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(said), *options, "playbooks/migrate.yml")
        done = checkout.attempt(*argv, ANSIBLE_PYTHON_INTERPRETER=sys.executable, **(environment or {}))
        text = done.stdout + done.stderr
        clean(text)
        assert done.returncode == code, text
        return " ".join(text.split())

    return run


def calls(folder: Path) -> list[str]:
    """What was called, without the command's arguments behind the step."""
    path = folder / "calls"
    return [" ".join(line.split()[:3]) for line in path.read_text().splitlines()] if path.exists() else []


def tables(postgres: psycopg.Connection) -> int:
    (count,) = postgres.execute("SELECT count(*) FROM pg_class WHERE relname IN ('users', 'orders')").fetchone() or (None,)
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize("name", ["plan", "run"])
def test_mrpt14_what_is_in_the_way_is_said_with_what_resolves_it_and_nothing_is_loaded(name: str, step: Step, postgres: psycopg.Connection) -> None:
    said = step(name, code=2, sound=False)
    assert "orders.amount" in said
    assert "casts:" in said
    assert "next: -e step" not in said
    assert tables(postgres) == 0


def test_w7_a_check_of_a_run_and_of_the_end_says_what_they_do_and_does_nothing(step: Step, postgres: psycopg.Connection) -> None:
    said = step("run", "--check")
    assert "did: run of shop (nothing was written) " in said.replace('"', "").replace(",", "")
    assert "changed=1" in said
    assert tables(postgres) == 0
    said = step("cutover", "--check", code=2)
    assert "The target knows of no migration 'shop'" in said
    assert "changed=1" in step("run")
    assert tables(postgres) == 2
    assert "changed=0" in step("run")
    assert "changed=1" in step("done", "--check")
    assert postgres.execute("SELECT count(*) FROM steady_fleet.migration").fetchone() == (1,)
    said = step("done")
    assert "no way back any more" in said
    assert "changed=1" in said


@pytest.mark.parametrize(
    ("name", "more", "sentence"),
    [
        ("plan", {"migration": "other"}, "There is no migration 'other': say -e migration=NAME. postgres_migration_databases of localhost declares shop."),
        ("rnu", {}, "There is no step 'rnu': say -e step= one of plan, run, cutover, back, done."),
        ("back", {"postgres_migration_applications": {}}, "postgres_migration_applications.shop.units has to name what a back stops and switches."),
    ],
)
def test_mrpt12_what_makes_no_sense_is_one_sentence_and_nothing_is_called(
    name: str, more: dict[str, Any], sentence: str, step: Step, tmp_path: Path
) -> None:  # fmt: skip
    said = step(name, code=2, **more)
    assert f"Action failed: {sentence}" in said
    assert calls(tmp_path) == []


def test_w4_a_cut_over_without_its_secret_stops_nothing(step: Step, secrets: Secrets, tmp_path: Path) -> None:
    application = {"shop": {**UNITS["shop"], "secrets": [{"secret": "shop/postgres", "keys": {"PGPASSWORD": "application_password"}}]}}
    said = step("cutover", code=2, environment=secrets.environment, postgres_migration_applications=application)
    assert "shop/postgres" in said
    secrets.put("shop/postgres", password="canary-7f3d")
    said = step("cutover", code=2, environment=secrets.environment, postgres_migration_applications=application)
    assert "key 'application_password' (for PGPASSWORD) is not in it" in said
    assert calls(tmp_path) == []


@pytest.mark.parametrize("name", ["cutover", "back"])
def test_w7_a_server_that_is_not_there_is_one_sentence_and_no_unit_is_stopped(name: str, step: Step, tmp_path: Path) -> None:
    said = step(name, code=2, port=NO_LISTENER)
    assert re.search("Action failed: PostgreSQL at [^ ]*localhost[^ ]* cannot be used: .*Connection refused", said), said
    assert calls(tmp_path) == [f"fleetdata migrate {name}"]
