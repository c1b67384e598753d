# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host declares for the command lies in one file for the archive and one for each role that declares more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import configuration
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError

ARCHIVE = {"bucket": "archive", "region": "eu-central-1", "reports": {"performance": {"day_column": "Day"}}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "fleetdata.d").mkdir()
    return tmp_path / "fleetdata.json"


def part(path: Path, file: str, said: object) -> None:
    (path.parent / "fleetdata.d" / file).write_text(json.dumps(said))


def test_each_role_declares_its_part_in_a_file_of_its_own(path: Path) -> None:
    path.write_text(json.dumps(ARCHIVE))
    part(path, "retention.json", {"retention": {"catscan": {}}})
    part(path, "backups.json", {"backups": {"catscan": {}}})
    part(path, ".backups.json.part", {"half": "written"})
    found = configuration.load(str(path))
    assert found.archive.bucket == "archive"
    assert found.part("retention").data == {"catscan": {}}
    assert found.part("backups").where.endswith("fleetdata.d/backups.json: backups")


def test_a_host_may_have_backups_and_no_archive(path: Path) -> None:
    part(path, "backups.json", {"backups": {}})
    found = configuration.load(str(path))
    assert found.part("backups").data == {}
    with pytest.raises(ConfigurationError, match=r"fleetdata\.json: there is no such file"):
        _ = found.archive


def test_a_part_that_nothing_declares_is_told_with_the_role_that_would(path: Path) -> None:
    path.write_text(json.dumps(ARCHIVE))
    with pytest.raises(ConfigurationError, match=r"fleetdata.d: no file there declares drill. Let the role recovery_drill write one."):
        configuration.load(str(path)).part("drill")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"retension": {}}, "b.json: retension is not a part of the configuration; there are retention, files, backups, drill, migrations."),
        ({"retention": {}}, "a.json: retention says it, too. Leave one of them out."),
        (["retention"], "b.json: must be a mapping with one of retention, files, backups, drill, migrations."),
    ],
)
def test_a_file_that_says_something_else_is_told(path: Path, said: object, sentence: str) -> None:
    part(path, "a.json", {"retention": {}})
    part(path, "b.json", said)
    with pytest.raises(ConfigurationError) as caught:
        configuration.load(str(path))
    assert str(caught.value).endswith(sentence)


def test_nothing_at_all_is_told(path: Path) -> None:
    (path.parent / "fleetdata.d").rmdir()
    found = configuration.load(str(path))
    with pytest.raises(ConfigurationError, match=r"there is no such file, nor .* let the role recovery_drill write it"):
        found.part("drill")
    with pytest.raises(ConfigurationError, match="there is no such file; name another one"):
        _ = found.archive
