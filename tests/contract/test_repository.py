"""The repository is the collection, and every configuration file is one that a tool reads."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import checkout
import pytest
import yaml

LINKS = {f"collections/ansible_collections/steady/fleet/{name}": f"../../../../{name}" for name in ("galaxy.yml", "meta", "playbooks", "plugins", "roles")} | {
    "inventories/group_vars": "../group_vars",
    "playbooks/files": "../files",
}


@pytest.mark.parametrize(("link", "target"), LINKS.items())
def test_links_are_intact(link: str, target: str) -> None:
    path = checkout.ROOT / link
    assert str(path.readlink()) == target
    assert path.exists()


def test_there_are_no_other_links() -> None:
    assert {str(path) for path in checkout.files() if (checkout.ROOT / path).is_symlink()} == set(LINKS)


def test_ansible_reads_our_settings() -> None:
    shown = checkout.run("ansible-config", "dump", "--only-changed")
    assert f"COLLECTIONS_PATHS({checkout.ROOT}/ansible.cfg) = ['{checkout.ROOT}/collections']" in shown
    assert "INJECT_FACTS_AS_VARS" in shown


def test_the_collection_is_found_in_place() -> None:
    assert "steady.fleet.host_state" in checkout.run("ansible-doc", "--list", "steady.fleet")


def test_molecule_reads_the_base_configuration() -> None:
    """Without it a scenario would have no platform, so the name of its host tells."""
    shown = checkout.run("molecule", "list", "--format", "plain", "--scenario-name", "base", MOLECULE_PROJECT_DIRECTORY=str(checkout.ROOT))
    assert "steady-molecule-base" in shown


def test_versions_agree() -> None:
    galaxy = yaml.safe_load((checkout.ROOT / "galaxy.yml").read_text())
    assert f'\nversion = "{galaxy["version"]}"' in (checkout.ROOT / "pyproject.toml").read_text()
    required = yaml.safe_load((checkout.ROOT / "requirements.yml").read_text())["collections"]
    assert {item["name"]: item["version"] for item in required} == galaxy["dependencies"]


def test_ansible_lint_has_no_exceptions() -> None:
    settings = yaml.safe_load((checkout.ROOT / ".ansible-lint").read_text())
    assert settings["profile"] == "production"
    assert not settings.keys() & {"skip_list", "warn_list", "mock_modules", "mock_roles"}


FORBIDDEN = re.compile("|".join(("# no" + "qa", "# type: igno" + "re\n", r"pytest\.mark\.(ski" + "p|xfail)", r"\b(TO" + "DO|FIX" + r"ME)\b")))


def test_no_exceptions_are_hidden_in_the_code() -> None:
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in checkout.files()
        if path.suffix in {".py", ".yml", ".j2", ".sh"} and not (checkout.ROOT / path).is_symlink()
        for number, line in enumerate((checkout.ROOT / path).read_text().splitlines(keepends=True), start=1)
        if FORBIDDEN.search(line)
    ]
    assert not found, "\n".join(found)


def links(document: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (checkout.ROOT / document).read_text())


@pytest.mark.parametrize("document", [path for path in checkout.files() if path.suffix == ".md"], ids=str)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    missing = [link for link in links(document) if not (checkout.ROOT / document.parent / link).exists()]
    assert not missing


def test_the_python_in_the_documents_is_python() -> None:
    for document in (path for path in checkout.files() if path.suffix == ".md"):
        for block in re.findall(r"```python\n(.*?)```", (checkout.ROOT / document).read_text(), flags=re.DOTALL):
            ast.parse(block)
