"""What a build says of the directories around a release before it makes them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils import release_build


def test_f67_the_directories_that_a_build_makes_are_predicted_from_the_first_that_is_missing(tmp_path: Path) -> None:
    root = tmp_path / "opt" / "app"
    made = [str(path) for path in (root.parent, root, root / "releases")]
    assert release_build.directory_changes(str(root)) == [("create", path) for path in made]


def test_f67_a_directory_that_others_may_write_is_predicted_to_change(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases").chmod(0o777)
    assert ("change", str(tmp_path / "releases")) in release_build.directory_changes(str(tmp_path))
