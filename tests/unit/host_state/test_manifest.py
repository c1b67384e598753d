"""X-REQ-5, F10, F11: the journal is what a killed run leaves to the next one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import manifest
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from ansible_collections.steady.fleet.plugins.module_utils.host_state.manifest import Manifest

BEFORE = Manifest("python_app/x", paths={"/etc/x": ("file", "")}, users=("x",))


@pytest.fixture
def state(tmp_path: Path) -> str:
    directory = str(tmp_path / "scopes")
    manifest.finish([BEFORE], directory=directory)
    return directory


def test_xreq5_a_begun_scope_is_read_from_the_journal_until_it_is_finished(state: str) -> None:
    begun = Manifest("python_app/x", paths={"/etc/x": ("file", ""), "/etc/y": ("file", "")}, owed=(("restart", "x.service"),), staged=("/etc/.y.steady~",))
    manifest.write_journal({begun.scope: begun}, directory=state)
    read = manifest.load_all(directory=state)["python_app/x"]
    assert (read.paths, read.owed, read.staged, read.begun) == (begun.paths, begun.owed, begun.staged, True)
    manifest.finish([BEFORE], directory=state)
    assert manifest.load_all(directory=state) == {"python_app/x": BEFORE}
    assert [path.name for path in Path(state).iterdir()] == ["python_app%2Fx.json"]


def test_xreq5_a_run_of_one_scope_leaves_the_journal_of_another(state: str) -> None:
    manifest.write_journal({"base": Manifest("base", owed=(("daemon-reload", ""),)), BEFORE.scope: BEFORE}, directory=state)
    manifest.finish([BEFORE], directory=state)
    assert list(manifest.journalled(directory=state)) == ["base"]


def test_xreq5_a_scope_that_owns_nothing_any_more_is_forgotten(state: str) -> None:
    manifest.finish([Manifest("python_app/x")], directory=state)
    assert manifest.load_all(directory=state) == {}


def test_w12_a_switch_outside_a_converge_owes_its_restart_until_it_is_done(state: str) -> None:
    with manifest.owing("python_app/x", restarts=["x.service"], directory=state):
        read = manifest.load_all(directory=state)["python_app/x"]
        assert (read.owed, read.paths) == ((("restart", "x.service"),), BEFORE.paths)
    assert manifest.load_all(directory=state) == {"python_app/x": BEFORE}


def test_w12_a_switch_that_is_killed_leaves_what_it_owes(state: str) -> None:
    with pytest.raises(KeyboardInterrupt), manifest.owing("python_app/x", restarts=["x.service"], directory=state):
        raise KeyboardInterrupt
    assert manifest.load_all(directory=state)["python_app/x"].owed == (("restart", "x.service"),)


def test_an_unreadable_journal_is_named(state: str) -> None:
    Path(state, manifest.JOURNAL).write_text("{")
    with pytest.raises(StateError, match=r"scopes/journal cannot be read"):
        manifest.load_all(directory=state)
