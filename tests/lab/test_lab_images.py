"""The lab's platforms: each has a recipe, a wrong name is explained, and the stand-in's repository has what the roles ask for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from lab import build
from lab.errors import LabError
from lab.images import AMAZON_2023, BODIES, BY_PLATFORM, DEBIAN_12, POSTGRES, body_of
from lab.settings import PROJECT, from_environment

REPOSITORY = tomllib.loads((PROJECT / "lab/image/amazon-2023/rpms.toml").read_text())


@pytest.mark.parametrize("name", BODIES)
def test_every_image_has_a_recipe(name: str) -> None:
    recipe, base = build._recipe(body_of(name))
    assert (recipe / "Dockerfile").exists()
    assert base in {"", DEBIAN_12.body}


def test_a_real_image_takes_the_place_of_the_stand_in_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADY_LAB_AMAZON_BASE", "amazonlinux:2023")
    assert build._recipe(AMAZON_2023.body) == (build.RECIPES / "amazon-2023-real", "amazonlinux:2023")
    assert build._recipe(DEBIAN_12.body) == (build.RECIPES / "debian-12", "")


def test_an_image_is_built_anew_when_any_of_its_files_or_its_base_changes(tmp_path: Path) -> None:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    file = tmp_path / "root" / "etc" / "os-release"
    file.write_text("ID=amzn\n")
    before = build._digest(tmp_path, "a")
    assert build._digest(tmp_path, "b") != before
    file.write_text("ID=other\n")
    assert build._digest(tmp_path, "a") != before


def test_a_wrong_platform_is_named_with_those_there_are() -> None:
    with pytest.raises(LabError, match="'suse' is no platform of the lab: give debian or amazon"):
        from_environment({"STEADY_LAB_PLATFORM": "suse"})


def test_a_wrong_image_is_named_with_those_there_are() -> None:
    with pytest.raises(LabError, match="'postgres-16' is no image of the lab: give debian or amazon or postgres-15 or postgres-17"):
        body_of("postgres-16")
    assert BODIES.keys() - BY_PLATFORM.keys() == {f"postgres-{version}" for version in POSTGRES}


def test_the_stand_in_has_every_package_that_a_roles_amazon_table_names() -> None:
    asked: set[str] = set()
    for path in PROJECT.glob("roles/*/vars/main.yml"):
        tables = yaml.safe_load(path.read_text())
        asked |= set(tables.get(f"__{path.parents[1].name}_platforms", {}).get("Amazon", {}).get("packages", []))
    names = {name for name in asked if re.fullmatch(r"[\w.+-]+", name)}
    assert len(names) > 5
    assert names <= REPOSITORY.keys()
