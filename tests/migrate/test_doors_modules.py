"""MRPT-14, W-7: the modules in Ansible itself: what a database holds, a check that is the plan, a run, again; no secret in any of it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import checkout
import psycopg
import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.migrate.migration import Target
from ansible_collections.steady.fleet.plugins.modules import sqlite_info, sqlite_to_postgres
from migrate_calls import clean, shop
from postgres_server import PASSWORD

SECRETS = ["*.token", "users.pin"]
PLAYBOOK = """
- name: A user's play
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Look
      steady.fleet.sqlite_info: {database: "{{ database }}", secret: "{{ secret }}"}
      register: found
    - name: Check
      steady.fleet.sqlite_to_postgres: &all
        database: "{{ database }}"
        secret: "{{ secret }}"
        login_host: "{{ target.host }}"
        port: "{{ target.port }}"
        login_db: "{{ target.database }}"
        login_user: "{{ target.user }}"
        login_password: "{{ lookup('file', target.password_file) }}"
        ca_cert: "{{ target.ssl_root_cert }}"
      check_mode: true
      diff: true
      register: predicted
    - name: Migrate
      steady.fleet.sqlite_to_postgres: *all
      diff: true
      register: done
    - name: Migrate again
      steady.fleet.sqlite_to_postgres: *all
      register: again
    - name: Compare
      ansible.builtin.assert:
        that:
          - found is not changed and predicted is changed and done is changed and again is not changed
          - found.tables | map(attribute='rows') | list == [50, 50]
          - predicted.tables == found.tables
          - predicted.summary.blocking == 0
          - done.tables | map(attribute='table') | list == ['users', 'orders']
          - done.tables | map(attribute='rows') | list == [50, 50]
          - done.tables[0].columns | map(attribute='type') | list == predicted.tables[0].columns | map(attribute='type') | list
"""


def test_mrpt14_w7_f67_a_play_looks_checks_and_migrates(target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    values = {"database": str(shop(tmp_path / "app/shop.db")), "secret": SECRETS, "target": vars(target)}
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    environment = {"ANSIBLE_COLLECTIONS_PATH": str(checkout.ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    run = checkout.attempt("ansible-playbook", "-vvv", "-e", json.dumps(values), "play.yml", cwd=tmp_path, **environment)
    output = run.stdout + run.stderr
    assert "ok=5    changed=2    unreachable=0    failed=0 " in output, output[-6000:]
    assert "+users -> public.users: 50 rows" in output, "the diff names the table"
    assert postgres.execute("SELECT count(*), count(token), max(pin) - min(pin) FROM users").fetchone() == (50, 43, 49)
    clean(output)


def told_by(module: Any, *, check: bool = False, **options: Any) -> Any:
    """What a module says, without a process of its own."""
    printed = io.StringIO()
    with patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}), redirect_stdout(printed), pytest.raises(SystemExit):
        module.main()
    assert "Traceback" not in printed.getvalue()
    clean(printed.getvalue())
    return json.loads(printed.getvalue())


def login(target: Target) -> dict[str, Any]:
    return {
        "login_host": target.host,
        "port": target.port,
        "login_db": target.database,
        "login_user": target.user,
        "password_file": target.password_file,
        "ca_cert": target.ssl_root_cert,
    }


@pytest.mark.parametrize("check", [True, False])
def test_mrpt14_what_is_in_the_way_fails_the_task_and_loads_nothing(check: bool, target: Target, postgres: psycopg.Connection, tmp_path: Path) -> None:
    broken = shop(tmp_path / "shop.db", sound=False)
    said = told_by(sqlite_to_postgres, check=check, database=str(broken), secret=SECRETS, **login(target))
    assert said["failed"]
    assert "orders.amount" in said["msg"]
    assert "casts:" in said["msg"]
    assert {one["level"] for one in said["differences"]} == {"blocks", "notice"}
    assert postgres.execute("SELECT count(*) FROM pg_class WHERE relname IN ('users', 'orders')").fetchone() == (0,)


def test_what_is_in_the_way_is_no_failure_of_who_only_asks(tmp_path: Path) -> None:
    said = told_by(sqlite_info, database=str(shop(tmp_path / "shop.db", sound=False)), secret=SECRETS)
    assert not said.get("failed")
    assert (said["changed"], said["summary"]["blocking"] > 3) == (False, True)


def test_w7_what_a_host_declares_is_named_and_its_password_comes_from_a_file(target: Target, tmp_path: Path) -> None:
    there = {name: value for name, value in vars(target).items() if name not in ("ssl_mode",)}
    said = {"database": str(shop(tmp_path / "shop.db")), "target": there, "secret": SECRETS}
    (tmp_path / "fleetdata.d").mkdir()
    (tmp_path / "fleetdata.d/migrations.json").write_text(json.dumps({"migrations": {"shop": said}}))
    config = {"config": str(tmp_path / "fleetdata.json"), "name": "shop"}
    assert told_by(sqlite_to_postgres, check=True, **config)["summary"]["rows"] == 100
    wrong = told_by(sqlite_to_postgres, check=True, **config, login_password="canary-7f3d")
    assert "password authentication failed" in wrong["msg"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"database": "/x.db"}, "one of the following is required: config, login_host"),
        ({"config": "/nonexistent.json", "name": "shop"}, "/nonexistent.json: there is no such file"),
        ({"config": "/x.json"}, "missing parameter(s) required by 'config': name"),
        ({"database": "/x.db", "login_host": "h", "login_db": "d", "login_user": "u", "casts": {"amount": "text"}}, "casts: 'amount' is not table.column"),
        ({"database": "/nonexistent.db", "login_host": "h", "login_db": "d", "login_user": "u"}, "/nonexistent.db is not there"),
        (
            {"database": "/x.db", "login_host": "h", "login_db": "d", "login_user": "u", "login_password": PASSWORD, "password_file": "/x"},
            "parameters are mutually exclusive: login_password|password_file",
        ),
    ],
)
def test_f44_a_wrong_option_is_one_sentence(options: dict[str, Any], says: str) -> None:
    said = told_by(sqlite_to_postgres, **options)
    assert said["failed"]
    assert says in said["msg"], said["msg"]
