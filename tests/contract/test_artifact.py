"""What is built from this checkout works where it is installed."""

from __future__ import annotations

import tarfile
from pathlib import Path

import checkout
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.steady.fleet.plugins.plugin_utils import ship


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout.build(tmp_path_factory.mktemp("artifact"))


def test_artifact_passes_a_syntax_check_elsewhere(artifact: Path, tmp_path: Path) -> None:
    place = tmp_path / "collections"
    checkout.run("ansible-galaxy", "collection", "install", artifact, "-p", place, "--no-deps", "--offline", cwd=tmp_path)
    checkout.run("ansible-playbook", "--syntax-check", "-i", "localhost,", "steady.fleet.site", cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(place))


def test_the_role_fleetdata_finds_the_command_s_source_where_the_collection_is_installed(artifact: Path, tmp_path: Path) -> None:
    checkout.run("ansible-galaxy", "collection", "install", artifact, "-p", tmp_path, "--no-deps", "--offline", cwd=tmp_path)
    role = tmp_path / "ansible_collections/steady/fleet/roles/fleetdata"
    variables = yaml.safe_load((role / "vars/main.yml").read_text())
    found = Templar(DataLoader(), variables={"role_path": str(role)}).template(trust_as_template(variables["__fleetdata_source"]))
    entries = {entry.name for entry in ship.from_directory(found, ship.Rules(ship=["fleetdata/**"]))}
    assert {"fleetdata/__main__.py", "fleetdata/requirements.txt"} <= entries
    assert not [name for name in entries if not name.startswith("fleetdata/")]


def test_artifact_holds_no_link_and_nothing_of_the_workshop(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    top = {member.name.split("/")[0] for member in members}
    assert {"MANIFEST.json", "README.md", "plugins", "roles", "playbooks", "site.yml"} <= top
    assert not top & {"lab", "molecule", "tests", "scripts", "collections", ".venv", ".lab"}
