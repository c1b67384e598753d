"""What is put back, and in which order, where a change has not been proved (F77)."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.steady.fleet.plugins.module_utils.host_state import guard
from ansible_collections.steady.fleet.plugins.module_utils.host_state.model import FILE, Entry, Scope, Unit
from ansible_collections.steady.fleet.plugins.module_utils.host_state.plan import Action, Plan


def plan(*steps: tuple[str, str, str]) -> Plan:
    return Plan(actions=tuple(Action(verb, kind, name, "why", "base") for verb, kind, name in steps), needs=(), kept=(), manifests=(), record=False)


def scope(path: Path) -> Scope:
    rules = Entry("base", FILE, str(path), proof=True, reloads=("wall.service",))
    return Scope("base", entries=(rules, Entry("base", FILE, "/etc/other", reloads=("wall.service",))), units=(Unit("base", "wall.service", proof=True),))


def change(planned: Plan, declared: Scope) -> dict[str, object]:
    paths, units = guard._touched(planned, [declared])
    return {key: value for key, value in guard._change(planned, paths, units, 60).items() if key in ("paths", "before", "after")}


def test_f77_what_is_started_and_enabled_is_stopped_and_disabled_again(tmp_path: Path) -> None:
    steps = (("create", "file", str(tmp_path / "rules")), ("enable", "unit", "wall.service"), ("start", "unit", "wall.service"))
    assert change(plan(*steps), scope(tmp_path / "rules")) == {
        "paths": [{"path": str(tmp_path / "rules"), "kind": "absent"}],
        "before": [["disable", "wall.service"], ["stop", "wall.service"]],
        "after": [],
    }


def test_f77_what_is_reloaded_reads_its_old_file_again(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("old")
    found = change(plan(("change", "file", str(tmp_path / "rules")), ("reload-or-restart", "unit", "wall.service")), scope(tmp_path / "rules"))
    assert found["before"] == []
    assert found["after"] == [["reload-or-restart", "wall.service"]]


def test_f77_what_is_not_guarded_waits_for_nothing(tmp_path: Path) -> None:
    paths, units = guard._touched(plan(("change", "file", "/etc/other"), ("restart", "unit", "app.service")), [scope(tmp_path / "rules")])
    assert not paths
    assert not units


def test_f77_what_an_unproved_change_saved_is_what_is_put_back(tmp_path: Path) -> None:
    earlier = {"paths": [{"path": "/a", "kind": "absent"}], "before": [["stop", "wall.service"]], "after": []}
    later = {
        "token": "new",
        "paths": [{"path": "/a", "kind": "file"}, {"path": "/b", "kind": "link"}],
        "before": [],
        "after": [["restart", "wall.service"], ["restart", "ssh.service"]],
    }
    assert guard._merged(earlier, later) == {
        "token": "new",
        "paths": [{"path": "/a", "kind": "absent"}, {"path": "/b", "kind": "link"}],
        "before": [["stop", "wall.service"]],
        "after": [["restart", "ssh.service"]],
    }
