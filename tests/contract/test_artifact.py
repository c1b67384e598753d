"""What is built from this checkout works where it is installed."""

from __future__ import annotations

import tarfile
from pathlib import Path

import checkout
import pytest


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout.build(tmp_path_factory.mktemp("artifact"))


def test_artifact_passes_a_syntax_check_elsewhere(artifact: Path, tmp_path: Path) -> None:
    place = tmp_path / "collections"
    checkout.run("ansible-galaxy", "collection", "install", artifact, "-p", place, "--no-deps", "--offline", cwd=tmp_path)
    checkout.run("ansible-playbook", "--syntax-check", "-i", "localhost,", "steady.fleet.site", cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(place))


def test_artifact_holds_no_link_and_nothing_of_the_workshop(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    top = {member.name.split("/")[0] for member in members}
    assert {"MANIFEST.json", "README.md", "plugins", "roles", "playbooks", "site.yml"} <= top
    assert not top & {"lab", "molecule", "tests", "scripts", "collections", ".venv", ".lab"}
