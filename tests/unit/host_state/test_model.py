"""What is refused before a host is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import model
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError

FILE = {"path": "/etc/demo/a", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ({"scope": "Base!"}, "not a scope's name"),
        ({"scope": "demo", "files": [FILE, FILE]}, "the path /etc/demo/a is declared twice in scope demo"),
        ({"scope": "demo", "files": [FILE], "links": [{"path": "/etc/demo/a", "target": "b"}]}, "declared twice"),
        ({"scope": "demo", "files": [FILE], "absent": {"paths": ["/etc/demo/a"]}}, "declared twice"),
        ({"scope": "demo", "units": [{"name": "a.service"}], "absent": {"units": ["a.service"]}}, "the unit a.service"),
        ({"scope": "demo", "files": [{**FILE, "path": "etc/demo"}]}, "relative path"),
        ({"scope": "demo", "files": [{**FILE, "path": "/etc/../etc/x"}]}, "not a plain path"),
        ({"scope": "demo", "files": [{**FILE, "path": "/etc/passwd"}]}, "/etc/passwd is protected"),
        ({"scope": "demo", "directories": [{"path": "/"}]}, "/ is protected"),
        ({"scope": "demo", "absent": {"paths": ["/usr"]}}, "/usr is protected"),
        ({"scope": "demo", "files": [{**FILE, "path": "/var/lib/steady-fleet/scopes/x.json"}]}, "protected"),
        ({"scope": "demo", "files": [{**FILE, "mode": "rw"}]}, "mode 'rw' is not octal"),
        ({"scope": "demo", "users": [{"name": "Cat Scan"}]}, "not a name for a user"),
        ({"scope": "demo", "units": [{"name": "catscan"}]}, "not a unit's full name"),
        ({"scope": "demo", "units": [{"name": "a.service", "masked": True, "enabled": True}]}, "cannot be masked and enabled"),
    ],
)
def test_refused_in_one_sentence_before_anything_is_written(declaration: dict[str, Any], words: str) -> None:
    with pytest.raises(StateError) as error:
        model.parse(scopes=[declaration])
    assert words in str(error.value)


def test_one_path_in_two_scopes_names_both() -> None:
    with pytest.raises(StateError, match="by scope base and by scope demo"):
        model.parse(scopes=[{"scope": "base", "files": [FILE]}, {"scope": "demo", "files": [FILE]}])


def test_a_user_brings_its_own_group() -> None:
    (scope,) = model.parse(scopes=[{"scope": "demo", "users": [{"name": "catscan"}]}])
    assert [group.name for group in scope.groups] == ["catscan"]


def test_a_unit_with_content_declares_its_file() -> None:
    (scope,) = model.parse(scopes=[{"scope": "demo", "units": [{"name": "a.service", "sha256": "0" * 64, "data": "YQ=="}]}])
    (entry,) = scope.entries
    assert (entry.path, entry.data, entry.unit) == ("/etc/systemd/system/a.service", b"a", "a.service")
