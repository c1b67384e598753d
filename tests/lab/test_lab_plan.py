"""What the lab decides without Docker: the bodies' plan, settings, keys, the inventory pair."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import keys, state
from lab.errors import LabError
from lab.reconcile import Action, Verb, plan
from lab.settings import from_environment

PROJECT = Path(__file__).resolve().parents[2]
CONNECTION_KEYS = {"endpoint_url", "access_key", "secret_key", "cache", "group"}


@pytest.mark.parametrize(
    ("states", "containers", "expected"),
    [
        ({}, {}, []),
        ({"i-1": "pending"}, {}, [Verb.CREATE]),
        ({"i-1": "running"}, {}, [Verb.CREATE]),
        ({"i-1": "running"}, {"i-1": "running"}, []),
        ({"i-1": "running"}, {"i-1": "exited"}, [Verb.START]),
        ({"i-1": "stopping"}, {"i-1": "running"}, [Verb.STOP]),
        ({"i-1": "stopped"}, {"i-1": "exited"}, []),
        ({"i-1": "stopped"}, {}, []),
        ({"i-1": "shutting-down"}, {"i-1": "running"}, [Verb.REMOVE]),
        ({"i-1": "terminated"}, {"i-1": "exited"}, [Verb.REMOVE]),
        ({"i-1": "terminated"}, {}, []),
        ({}, {"i-1": "running"}, [Verb.REMOVE]),
    ],
)
def test_body_follows_instance(states: dict[str, str], containers: dict[str, str], expected: list[Verb]) -> None:
    assert plan(states, containers) == [Action(verb=verb, instance_id="i-1") for verb in expected]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STEADY_LAB_API_PORT", "eighty", "STEADY_LAB_API_PORT='eighty' is not a port"),
        ("STEADY_LAB_IMDS_PORT", "80", "from 1024 to 65535"),
        ("STEADY_LAB_CIDR", "172.31.0.0", "must be a private /16"),
        ("STEADY_LAB_CIDR", "everything", "is not an IPv4 network"),
    ],
)
def test_bad_setting_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(LabError) as error:
        from_environment({name: value})
    assert says in str(error.value)


def test_state_folder_of_another_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(LabError, match="STEADY_LAB_STATE"):
        state.create(tmp_path)
    state.remove(tmp_path)
    assert (tmp_path / "mine").exists()


def test_known_hosts_hold_one_key_a_host(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    first, second = keys.generate().public, keys.generate().public
    keys.pin(known, "i-1", first)
    keys.pin(known, "i-2", first)
    keys.pin(known, "i-1", second)
    assert sorted(known.read_text().splitlines()) == sorted([f"i-1 {second}", f"i-2 {first}"])
    keys.unpin(known, "i-2")
    assert known.read_text() == f"i-1 {second}\n"


def test_user_key_is_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    keys.ensure_user_key(path)
    before = path.read_bytes()
    keys.ensure_user_key(path)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_suffix(".pub").read_text().startswith("ssh-ed25519 ")


def inventory(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "inventories" / name).read_text())
    return content


def test_inventories_differ_in_endpoint_and_connection_only() -> None:
    """What is tested in the lab is what AWS gets: same hosts, same names, same groups."""
    aws, lab = inventory("aws_ec2.yml"), inventory("lab.aws_ec2.yml")
    assert not CONNECTION_KEYS & set(aws)
    assert {key: value for key, value in lab.items() if key not in CONNECTION_KEYS} == aws
    assert lab["group"] == "lab"


def test_lab_sets_connection_variables_only() -> None:
    """A setting that only the lab has would make the lab prove something else than what AWS runs."""
    variables = yaml.safe_load((PROJECT / "group_vars" / "lab" / "connection.yml").read_text())
    assert [name for name in variables if not name.startswith(("ansible_", "lab_", "fleet_login_"))] == []


def test_command_line_does_not_import_moto() -> None:
    """moto costs seconds to import; every ``python -m lab status`` would pay them."""
    probe = "import sys, lab.__main__; sys.exit('moto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], cwd=PROJECT, check=False).returncode == 0


def test_docker_absent_is_one_sentence(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "STEADY_LAB_STATE": str(tmp_path / "state")}
    argv = [sys.executable, "-m", "lab", "up"]
    done = subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "lab: The program docker is not installed: install it and run this again.\n"
    assert not (tmp_path / "state").exists()
