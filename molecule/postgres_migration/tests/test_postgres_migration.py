"""What an operator sees of a migration: plan, run, cut-over, the way back with the rows written since, and the end; and no password anywhere."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = "/etc/steady-fleet/migrations"
CANARY = "canary-"
COMMAND, UNIT = "fleetdata migrate", "shop --service shop.service"
ASK = "import urllib.request as web; print(web.urlopen(web.Request('http://127.0.0.1:8095/', method='%s')).read().decode())"


@pytest.fixture(scope="module", autouse=True)
def application(host: Any) -> None:
    host.check_output("systemctl daemon-reload")
    host.check_output("systemctl start shop.service")
    host.check_output("timeout 30 bash -c 'until (exec 3<>/dev/tcp/127.0.0.1/8095) 2>&-; do sleep 0.2; done'")


def ask(host: Any, method: str = "GET") -> tuple[str, int]:
    """The database that the application has, and how many rows."""
    said = json.loads(host.check_output("python3 -c %s", ASK % method))
    return said["database"], said["rows"]


def play(playbook: str, *options: str, code: int = 0) -> str:
    project, scenario = (Path(os.environ[f"MOLECULE_{name}_DIRECTORY"]) for name in ("PROJECT", "SCENARIO"))
    environment = {**os.environ, "AWS_CONFIG_FILE": os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/aws"}
    argv = ["ansible-playbook", "-vvv", "--diff", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], "-e", f"@{scenario / 'vars.yml'}", *options]
    done = subprocess.run([*argv, str(project / playbook)], capture_output=True, text=True, check=False, env=environment)
    text = done.stdout + done.stderr
    assert CANARY not in text
    assert done.returncode == code, text
    return " ".join(text.split())


def step(name: str, *options: str, code: int = 0) -> str:
    return play("playbooks/migrate.yml", "-e", f"migration=shop step={name}", *options, code=code)


def test_w4_only_root_reads_the_password_and_the_declaration_has_none(host: Any) -> None:
    file = host.file(f"{FOLDER}/shop.password")
    assert (file.user, file.mode, file.content_string) == ("root", 0o600, "canary-owner-5d0c\n")
    declared = host.file("/etc/steady-fleet/fleetdata.d/migrations.json").content_string
    assert CANARY not in declared
    assert json.loads(declared)["migrations"]["shop"]["target"]["password_file"] == f"{FOLDER}/shop.password"


def test_mrpt12_w7_an_application_that_is_not_well_goes_back_by_itself_with_every_row(host: Any) -> None:
    assert ask(host, "POST") == ("sqlite", 1)
    assert "next: -e step=run" in step("plan")
    assert "changed=1" in step("run")
    assert ask(host, "POST") == ("sqlite", 2)

    host.check_output("touch /var/lib/shop/unwell")
    refused = step("cutover", code=2)
    assert "field 'status' is 'unwell', expected 'ok'" in refused
    assert "SQLite has all rows again" in refused
    assert ask(host, "POST") == ("sqlite", 3)
    host.check_output("rm /var/lib/shop/unwell")


def test_mrpt12_w7_over_also_where_the_command_went_alone_and_back_with_every_row(host: Any) -> None:
    step("cutover", "--check")
    assert ask(host) == ("sqlite", 3)
    host.check_output(f"{COMMAND} cutover {UNIT}")  # as a play that was killed before it switched,
    host.check_output("systemctl start shop.service")  # and somebody started the application
    step("cutover")
    assert ask(host, "POST") == ("postgresql", 4)

    step("back", "--check")
    assert ask(host) == ("postgresql", 4)
    step("back")
    assert ask(host, "POST") == ("sqlite", 5)


def test_mrpt12_a_cut_over_after_the_command_went_back_and_the_end_which_a_converge_keeps(host: Any) -> None:
    step("cutover")
    assert ask(host, "POST") == ("postgresql", 6)
    host.check_output(f"{COMMAND} back {UNIT}")
    step("cutover")
    assert ask(host) == ("postgresql", 6)
    assert "no way back any more" in step("done")
    play("molecule/postgres_migration/converge.yml")
    assert ask(host, "POST") == ("postgresql", 7)
