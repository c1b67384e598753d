"""X-REQ-5, F10: what a power cut takes is what was not flushed. A run's flushes are in the order that makes it lose nothing."""

from __future__ import annotations

import base64
import grp
import hashlib
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.host_state import apply as steps
from ansible_collections.steady.fleet.plugins.module_utils.host_state import manifest, model, observe, plan

OWNER = {"owner": pwd.getpwuid(os.geteuid()).pw_name, "group": grp.getgrgid(os.getegid()).gr_name}


def file(path: Path, text: str, **more: Any) -> dict[str, Any]:
    data = text.encode()
    return {"path": str(path), "sha256": hashlib.sha256(data).hexdigest(), "data": base64.b64encode(data).decode(), **OWNER, **more}


class Recorder:
    """Every change of a name or a content, and every flush, in order: (verb, path)."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, str]] = []
        for verb in ("rename", "unlink", "symlink", "mkdir", "rmdir"):
            patch.setattr(os, verb, self._named(verb, getattr(os, verb)))
        for verb in ("write", "fchmod", "fchown", "fsync"):
            patch.setattr(os, verb, self._opened(verb, getattr(os, verb)))

    def _named(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any, **more: Any) -> Any:
            if verb == "rename":
                self.events.append(("leave", str(arguments[0])))
            self.events.append((verb, str(arguments[0 if verb not in ("rename", "symlink") else 1])))
            return call(*arguments, **more)

        return recorded

    def _opened(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(descriptor: int, *arguments: Any) -> Any:
            self.events.append((verb, os.readlink(f"/proc/self/fd/{descriptor}")))
            return call(descriptor, *arguments)

        return recorded


def converge(declaration: dict[str, Any], state: Path) -> None:
    scopes = model.parse(scopes=[{"scope": "demo", **declaration}])
    planned = plan.plan(scopes=scopes, observed=observe.observe(scopes=scopes, state_directory=str(state)))
    steps.apply(plan=planned, scopes=scopes, state_directory=str(state))


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Those of a run that creates, changes and removes files, links and directories."""
    host = tmp_path / "host"
    host.mkdir()
    old = {
        "files": [file(host / "a", "1"), file(host / "gone" / "b", "1"), file(host / "mode", "1")],
        "links": [{"path": str(host / "link"), "target": "a"}, {"path": str(host / "old"), "target": "a"}],
    }
    converge(old, tmp_path / "state")
    with monkeypatch.context() as patch:
        recorder = Recorder(patch)
        new = {
            "directories": [{"path": str(host / "new" / "own"), **OWNER}],
            "files": [file(host / "a", "2"), file(host / "deep" / "er" / "c", "2"), file(host / "mode", "1", mode="0600")],
            "links": [{"path": str(host / "link"), "target": "mode"}],
        }
        converge(new, tmp_path / "state")
    return recorder.events


def journal(events: list[tuple[str, str]], tmp_path: Path) -> tuple[int, int]:
    """Where in the events the journal is put in place, and where it goes."""
    path = str(tmp_path / "state" / manifest.JOURNAL)
    return events.index(("rename", path)), events.index(("unlink", path))


def test_xreq5_the_journal_is_on_the_disk_before_the_first_change(events: list[tuple[str, str]], tmp_path: Path) -> None:
    begun, _ = journal(events, tmp_path)
    assert not [event for event in events[: begun + 2] if event[1].startswith(str(tmp_path / "host"))]
    assert events[begun + 1] == ("fsync", str(tmp_path / "state"))


def test_xreq5_a_content_is_on_the_disk_before_it_has_its_name(events: list[tuple[str, str]]) -> None:
    for index, (verb, path) in enumerate(events):
        changes = [n for n, event in enumerate(events[:index]) if event[1] == path and event[0] in ("write", "fchmod", "fchown")]
        if verb == "leave" and changes:
            assert ("fsync", path) in events[changes[-1] : index], path


def test_xreq5_every_change_is_on_the_disk_before_the_journal_goes(events: list[tuple[str, str]], tmp_path: Path) -> None:
    _, done = journal(events, tmp_path)
    missing = []
    for index, (verb, path) in enumerate(events[:done]):
        flushed = path if verb in ("write", "fchmod", "fchown") else os.path.dirname(path)
        later = events[index + 1 : done]
        left = ("leave", flushed) in later or ("unlink", flushed) in later or ("rmdir", flushed) in later
        if verb != "fsync" and ("fsync", flushed) not in later and not left:
            missing.append((verb, path))
    assert missing == []
    assert events[-1] == ("fsync", str(tmp_path / "state"))
