"""Apply on a real file system: whatever is declared, one run reaches it and a second plans nothing."""

from __future__ import annotations

import base64
import grp
import hashlib
import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import apply as steps
from ansible_collections.steady.fleet.plugins.module_utils.host_state import diff, files, model, observe, plan
from ansible_collections.steady.fleet.plugins.module_utils.host_state.errors import StateError
from hypothesis import given, settings
from hypothesis import strategies as st

ME = pwd.getpwuid(os.geteuid()).pw_name
MY_GROUP = grp.getgrgid(os.getegid()).gr_name


class Host:
    """A folder that plays a host."""

    def __init__(self, root: Path) -> None:
        self.root = root / "host"
        self.root.mkdir()
        self.state = str(root / "state")

    def item(self, path: str, **more: Any) -> dict[str, Any]:
        return {"path": str(self.root / path), "owner": ME, "group": MY_GROUP, **more}

    def file(self, path: str, text: str, **more: Any) -> dict[str, Any]:
        data = text.encode()
        return self.item(path, sha256=hashlib.sha256(data).hexdigest(), data=base64.b64encode(data).decode(), **more)

    def plan(self, declaration: dict[str, Any]) -> tuple[plan.Plan, tuple[model.Scope, ...], observe.Observed]:
        scopes = model.parse(scopes=[{"scope": "demo", **declaration}])
        observed = observe.observe(scopes=scopes, state_directory=self.state)
        return plan.plan(scopes=scopes, observed=observed), scopes, observed

    def converge(self, declaration: dict[str, Any]) -> list[str]:
        planned, scopes, _ = self.plan(declaration)
        steps.apply(plan=planned, scopes=scopes, state_directory=self.state)
        return [f"{a.action} {a.name.removeprefix(str(self.root) + '/')}" for a in planned.actions]

    def tree(self) -> dict[str, str]:
        return {str(p.relative_to(self.root)): p.read_text() for p in sorted(self.root.rglob("*")) if p.is_file()}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    yield Host(tmp_path)


NAMES = st.sampled_from(["a", "b", "c", "d/e", "d/f", "g/h/i"])
MODES = st.sampled_from(["0600", "0640", "0644", "0755"])
FILES = st.dictionaries(NAMES, st.tuples(st.text(max_size=40), MODES), max_size=6)


@settings(max_examples=60, deadline=None)
@given(generations=st.lists(FILES, min_size=1, max_size=4))
def test_any_sequence_of_declarations_is_reached_and_then_stays(generations: list[dict[str, tuple[str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        for generation in generations:
            declaration = {"files": [host.file(name, text, mode=mode) for name, (text, mode) in generation.items()]}
            host.converge(declaration)
            assert host.plan(declaration)[0].actions == ()
            assert {path.encode(): (host.root / path).read_bytes() for path in host.tree()} == {
                name.encode(): text.encode() for name, (text, _) in generation.items()
            }
            for name, (_, mode) in generation.items():
                assert (host.root / name).stat().st_mode & 0o7777 == int(mode, 8)
        host.converge({})
        assert list(host.root.iterdir()) == [], "nothing of ours stays when nothing is declared"


@settings(max_examples=40, deadline=None)
@given(before=FILES, after=FILES, steps_before_kill=st.integers(min_value=0, max_value=12))
def test_a_run_that_dies_anywhere_is_finished_by_the_next(before: dict[str, Any], after: dict[str, Any], steps_before_kill: int) -> None:
    class Killed(BaseException):
        """Stands for SIGKILL at a rename."""

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        host = Host(Path(folder))
        host.converge({"files": [host.file(name, text, mode=mode) for name, (text, mode) in before.items()]})
        left = [steps_before_kill]
        rename = os.rename

        def dying(source: str, target: str) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            rename(source, target)

        declaration = {"files": [host.file(name, text, mode=mode) for name, (text, mode) in after.items()]}
        patch.setattr(os, "rename", dying)
        try:
            host.converge(declaration)
        except Killed:
            patch.setattr(os, "rename", rename)
            host.converge(declaration)
        patch.setattr(os, "rename", rename)
        assert {name: (host.root / name).read_bytes() for name in host.tree()} == {name: text.encode() for name, (text, _) in after.items()}
        assert host.plan(declaration)[0].actions == ()


def test_validation_fails_before_any_file_is_renamed(host: Host) -> None:
    host.converge({"files": [host.file("a", "old"), host.file("b", "old")]})
    declaration = {"files": [host.file("a", "new"), host.file("b", "new", validate=["/bin/false", "%s"])]}
    with pytest.raises(StateError, match="b is refused by /bin/false"):
        host.converge(declaration)
    assert host.tree() == {"a": "old", "b": "old"}


def test_check_mode_validates_too_and_writes_nothing(host: Host) -> None:
    planned, scopes, observed = host.plan({"files": [host.file("a", "x", validate=["/bin/false", "%s"])]})
    with pytest.raises(StateError, match="a is refused by /bin/false"):
        steps.check_contents(plan=planned, scopes=scopes, observed=observed, check=True)
    assert list(host.root.iterdir()) == []


def test_a_missing_validator_is_named(host: Host) -> None:
    with pytest.raises(StateError, match="/no/such/program is not on this host"):
        host.converge({"files": [host.file("a", "x", validate=["/no/such/program", "%s"])]})
    assert host.tree() == {}


def test_a_content_that_was_not_sent_writes_nothing(host: Host) -> None:
    unsent = {**host.file("a", "x")}
    del unsent["data"]
    with pytest.raises(StateError, match="changed on the host while it was being converged"):
        host.converge({"files": [unsent]})
    assert host.tree() == {}


def test_links_switch_atomically(host: Host) -> None:
    link = {"path": str(host.root / "current"), "target": "releases/1"}
    assert host.converge({"links": [link]}) == ["create current"]
    assert host.converge({"links": [{**link, "target": "releases/2"}]}) == ["change current"]
    assert os.readlink(host.root / "current") == "releases/2"


def test_no_write_follows_a_link_that_root_does_not_own(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.root / "escape").symlink_to(tmp_path)
    if os.geteuid() == 0:
        os.lchown(host.root / "escape", 65534, 65534)
    with pytest.raises(StateError, match="a link that root does not own"):
        host.converge({"files": [host.file("escape/x", "x")]})


def test_w7_a_diff_of_a_secret_names_keys_and_never_values(host: Host) -> None:
    host.converge({"files": [host.file("env", "TOKEN=first-value\nGONE=1\n", secret=True)]})
    planned, scopes, observed = host.plan({"files": [host.file("env", "TOKEN=second-value\nNEW=third\n", secret=True)]})
    text = str(diff.render(plan=planned, scopes=scopes, observed=observed))
    assert "NEW is new, TOKEN changes, GONE goes" in text.replace("TOKEN changes, NEW is new", "NEW is new, TOKEN changes")
    assert not [value for value in ("first-value", "second-value", "third") if value in text]


def test_an_unreadable_manifest_is_named_with_the_way_out(host: Host) -> None:
    os.makedirs(host.state)
    Path(host.state, "demo.json").write_text("{")
    with pytest.raises(StateError, match=r"demo.json cannot be read .* Restore it from a backup"):
        host.plan({})


def test_a_staged_file_lies_beside_its_target() -> None:
    assert files.staged_path("/etc/cron.d/steady-a") == "/etc/cron.d/.steady-a.steady~"


def test_files_of_one_name_that_wait_for_their_directories_do_not_share_a_stage() -> None:
    paths = ["/etc/systemd/system/a.service.d/10.conf", "/etc/systemd/system/b.service.d/10.conf"]
    assert len({files.staged_path(path, below="/etc/systemd/system") for path in paths}) == 2
