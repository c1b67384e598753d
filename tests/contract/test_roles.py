"""A role's specification, defaults, README and tests say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import checkout
import pytest
import yaml

ROLES = sorted(path.name for path in (checkout.ROOT / "roles").iterdir() if path.is_dir())
# Task keywords and modules that hide failures or go through a shell.
FORBIDDEN = {"ignore_errors", "ansible.builtin.shell"}


def load(role: str, path: str) -> Any:
    file = checkout.ROOT / "roles" / role / path
    return (yaml.safe_load(file.read_text()) if file.exists() else None) or {}


def options(role: str) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, Any]] = {}
    for entry in load(role, "meta/argument_specs.yml")["argument_specs"].values():
        merged |= entry.get("options", {})
    return merged


def table(role: str) -> dict[str, list[Any]]:
    """Public variables in the README's tables, with the values that the column "Default" shows in backticks."""
    shown: dict[str, list[Any]] = {}
    column = None
    for line in (checkout.ROOT / "roles" / role / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            column = None
        elif "Default" in cells:
            column = cells.index("Default")
        elif column is not None:
            values = [yaml.safe_load(value.replace("\\|", "|")) for value in re.findall(r"`([^`]+)`", cells[column])]
            shown |= dict.fromkeys(re.findall(rf"`({role}_\w+)`", cells[0]), values)
    return shown


def has_plain_value(value: object) -> bool:
    """Collections, expressions and long texts may be described in the README; everything else is written out."""
    if isinstance(value, str):
        return "{{" not in value and len(value) <= 30
    return not value if isinstance(value, (list, dict)) else True


@pytest.mark.parametrize("role", ROLES)
def test_specification_and_defaults_agree(role: str) -> None:
    specified = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert load(role, "defaults/main.yml") == specified


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role: str) -> None:
    def undescribed(options: dict[str, Any], where: str) -> Iterator[str]:
        for name, option in options.items():
            if not option.get("description") or "type" not in option or (option["type"] == "list" and "elements" not in option):
                yield f"{where}.{name}"
            yield from undescribed(option.get("options", {}), f"{where}.{name}")

    specs = load(role, "meta/argument_specs.yml")["argument_specs"]
    assert "main" in specs
    for entry, spec in specs.items():
        assert spec["short_description"], entry
        assert {"check_mode", "diff_mode", "idempotent"} <= spec.get("attributes", {}).keys(), entry
        assert not list(undescribed(spec.get("options", {}), entry))
    entry_points = {path.stem for path in (checkout.ROOT / "roles" / role / "tasks").glob("*.yml")}
    assert specs.keys() <= entry_points


@pytest.mark.parametrize("role", ROLES)
def test_readme_shows_every_variable_and_its_default(role: str) -> None:
    shown = table(role)
    assert shown.keys() == options(role).keys()
    wrong = {name: value for name, value in load(role, "defaults/main.yml").items() if has_plain_value(value) and value not in shown[name]}
    assert not wrong


@pytest.mark.parametrize("role", ROLES)
def test_names_and_size(role: str) -> None:
    assert all(name.startswith(f"{role}_") for name in options(role))
    assert len((checkout.ROOT / "roles" / role / "defaults" / "main.yml").read_text().splitlines()) <= 65
    assert load(role, "meta/main.yml")["galaxy_info"]["license"] == "GPL-3.0-or-later"


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_tested(role: str) -> None:
    if role.startswith("aws_"):  # tests/provision runs this playbook against an account of its own
        assert f"name: steady.fleet.{role}\n" in (checkout.ROOT / "playbooks" / "provision.yml").read_text()
    else:  # in a scenario of its own, or in those of the roles that bring it along
        bring = [other for other in ROLES if {"role": f"steady.fleet.{role}"} in load(other, "meta/main.yml")["dependencies"]]
        scenarios = [checkout.ROOT / "molecule" / other for other in bring or [role]]
        assert all((scenario / "molecule.yml").exists() and list(scenario.glob("tests/test_*.py")) for scenario in scenarios)


def keys(node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key), value
            yield from keys(value)
    elif isinstance(node, list):
        for item in node:
            yield from keys(item)


def test_no_task_hides_a_failure_or_uses_a_shell() -> None:
    found = []
    for path in checkout.files():
        if path.suffix == ".yml" and path.parts[0] in {"roles", "playbooks", "molecule", "site.yml"} and not (checkout.ROOT / path).is_symlink():
            for document in yaml.load_all((checkout.ROOT / path).read_text(), Loader=yaml.BaseLoader):
                found += [
                    f"{path}: {key}"
                    for key, value in keys(document)
                    if (key in FORBIDDEN and "argument_specs" not in path.name) or (key == "failed_when" and value in {"false", "False"})
                ]
    assert not found, "\n".join(found)
