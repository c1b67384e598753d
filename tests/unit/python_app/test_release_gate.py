"""The gate where no systemd is needed: nothing deployed, checks, and what a healthy release leads to."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import release_gate, release_store
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Check, Verdict

ONE, TWO, THREE = "aaaaaaaaaaa1", "aaaaaaaaaaa2", "aaaaaaaaaaa3"
NOWHERE = Check(url="http://127.0.0.1:9/health", retries=0)


def deployed(root: Path, *releases: str, proved: bool) -> None:
    for release in releases:
        path = root / "releases" / release
        path.mkdir(parents=True)
        release_store.write_record(str(path), release_store.Record(id=release, built_at=release, proved=proved, proved_at=release))
        release_store.switch(str(root), release)


def gate(root: Path, *, health: Check | None = None, release: str | None = None) -> release_gate.Gate:
    return release_gate.Gate(root=str(root), scope="python_app/x", host="web-1", units=[], keep=2, health=health, release=release)


def test_check_mode_on_an_empty_host_is_no_failure(tmp_path: Path) -> None:
    result = release_gate.check(gate(tmp_path / "none", health=NOWHERE, release=ONE))
    assert not result.changed
    assert "would probe http://127.0.0.1:9/health" in result.message


def test_check_mode_predicts_what_a_pending_release_will_push_out(tmp_path: Path) -> None:
    deployed(tmp_path, ONE, TWO, proved=True)
    result = release_gate.check(gate(tmp_path, release=THREE))
    assert result.plan.prune == (ONE,)
    assert result.changed


def test_check_mode_tells_of_a_roll_back_and_does_not_do_it(tmp_path: Path) -> None:
    deployed(tmp_path, ONE, proved=True)
    deployed(tmp_path, TWO, proved=False)
    result = release_gate.check(gate(tmp_path, health=NOWHERE))
    assert result.changed
    assert f"would return to {ONE}" in result.message
    assert release_store.read(str(tmp_path)).current == TWO


def test_nothing_deployed_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(release_gate.ReleaseError, match=r"web-1: no release is current .* deploy one first"):
        release_gate.run(gate(tmp_path, health=Check(url=NOWHERE.url, retries=100, delay=100)))


def test_f17_a_healthy_release_is_proved_and_old_ones_go(tmp_path: Path) -> None:
    deployed(tmp_path, ONE, TWO, proved=True)
    deployed(tmp_path, THREE, proved=False)
    result = release_gate.run(gate(tmp_path))
    state = release_store.read(str(tmp_path))
    assert result.changed
    assert sorted(state.records) == [TWO, THREE]
    assert state.records[THREE].proved
    assert not release_gate.run(gate(tmp_path)).changed


def test_f18_a_release_that_was_healthy_before_is_not_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(tmp_path, ONE, TWO, proved=True)
    monkeypatch.setattr(release_gate, "_journal", lambda gate: "journal")
    with pytest.raises(release_gate.ReleaseError, match=r"was refused.*going back would not help"):
        release_gate.run(gate(tmp_path, health=NOWHERE))
    assert release_store.read(str(tmp_path)).current == TWO


def test_f18_the_release_before_may_be_unhealthy_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(tmp_path, ONE, proved=True)
    deployed(tmp_path, TWO, proved=False)
    monkeypatch.setattr(release_gate, "_journal", lambda gate: "journal")
    with pytest.raises(release_gate.ReleaseError, match="was put back but is not healthy either"):
        release_gate.run(gate(tmp_path, health=NOWHERE))
    assert release_store.read(str(tmp_path)).current == ONE


def test_without_the_environment_file_no_journal_line_is_shown(tmp_path: Path) -> None:
    shown = release_gate._journal(
        release_gate.Gate(root=str(tmp_path), scope="python_app/x", host="x", units=["x.service"], keep=2, environment_file=str(tmp_path / "none"))
    )
    assert "secrets could not be masked" in shown


def test_verdict_of_units_alone(tmp_path: Path) -> None:
    assert release_gate._verdict(gate(tmp_path)) == Verdict("healthy", "0 unit(s) running; no health address declared")
