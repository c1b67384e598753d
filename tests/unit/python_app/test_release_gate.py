"""The gate where no systemd is needed: nothing deployed, checks, and what a healthy release leads to."""

from __future__ import annotations

import contextlib
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
    monkeypatch.setattr(release_gate.manifest, "owing", lambda *_, **__: contextlib.nullcontext())  # the host's journal is not this machine's
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


class Answers:
    """A health address that answers according to the environment file and the release that are in place."""

    def __init__(self, root: Path, *bad: str) -> None:
        self.root, self.bad = root, bad

    def __call__(self, request: release_gate.Gate, *, once: bool = False) -> Verdict:
        state = f"{release_store.read(str(self.root)).current} {(self.root / 'env').read_text()}"
        return Verdict("status", "status 500") if any(word in state for word in self.bad) else Verdict("healthy", "status 200")


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answers:
    (tmp_path / "env").write_text('MODE="one"\nTOKEN="old"\n')
    given = Answers(tmp_path)
    monkeypatch.setattr(release_gate.manifest, "owing", lambda *_, **__: contextlib.nullcontext())
    monkeypatch.setattr(release_gate, "_verdict", given)
    monkeypatch.setattr(release_gate, "_journal", lambda gate: "journal")
    return given


def with_environment(root: Path) -> release_gate.Gate:
    return release_gate.Gate(root=str(root), scope="python_app/web", host="web-1", units=[], keep=3, environment_file=str(root / "env"), secret_names=["TOKEN"])


def proved(root: Path, release: str, environment: str) -> None:
    deployed(root, release, proved=False)
    (root / "env").write_text(environment)
    release_gate.run(with_environment(root))


def test_w12_a_release_and_its_environment_go_back_together(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    assert (tmp_path / "releases" / ONE / "env").stat().st_mode & 0o777 == 0o600
    deployed(tmp_path, TWO, proved=False)
    (tmp_path / "env").write_text('MODE="two"\n')
    answers.bad = (TWO,)
    with pytest.raises(release_gate.ReleaseError, match=f"Release {ONE} runs again and is healthy"):
        release_gate.run(with_environment(tmp_path))
    assert (tmp_path / "env").read_text() == 'MODE="one"\n'
    rejected = release_store.read(str(tmp_path)).rejected[TWO]
    assert (rejected.kind, rejected.why) == ("failed", "status 500")
    assert (tmp_path / "releases" / TWO / "rejected.json").stat().st_mode & 0o777 == 0o600


def test_w12_a_bad_environment_of_a_good_release_goes_back_alone(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    (tmp_path / "env").write_text('MODE="bad"\n')
    answers.bad = ("bad",)
    with pytest.raises(release_gate.ReleaseError, match="did not become healthy with its new environment"):
        release_gate.run(with_environment(tmp_path))
    assert (tmp_path / "env").read_text() == 'MODE="one"\n'


def test_f18_where_nothing_is_healthy_nothing_is_held_against_the_release(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    deployed(tmp_path, TWO, proved=False)
    answers.bad = ("aaa",)
    with pytest.raises(release_gate.ReleaseError, match="was put back but is not healthy either"):
        release_gate.run(with_environment(tmp_path))
    assert not release_store.read(str(tmp_path)).rejected


def test_a_rejected_release_that_proves_healthy_is_rejected_no_more(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    release_store.reject(str(tmp_path), ONE, release_store.Rejection("failed", "then", "status 500"))
    release_gate.run(with_environment(tmp_path))
    assert not release_store.read(str(tmp_path)).rejected


def test_vdb25_a_person_goes_back_to_the_settings_of_then_and_the_secrets_of_today(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\nTOKEN="old"\n')
    proved(tmp_path, TWO, 'MODE="two"\nTOKEN="new"\n')
    dry = release_gate.roll_back(with_environment(tmp_path), dry=True)
    assert (dry.plan.release, dry.plan.back_to) == (TWO, ONE)
    assert release_store.read(str(tmp_path)).current == TWO
    done = release_gate.roll_back(with_environment(tmp_path))
    assert f"went back from release {TWO} to {ONE}" in done.message
    state = release_store.read(str(tmp_path))
    assert (state.current, state.rejected[TWO].kind) == (ONE, "withdrawn")
    assert (tmp_path / "env").read_text() == 'MODE="one"\nTOKEN="new"\n'


def test_vdb25_a_way_back_never_leads_to_what_was_withdrawn(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    proved(tmp_path, TWO, 'MODE="two"\n')
    release_gate.roll_back(with_environment(tmp_path))
    with pytest.raises(release_gate.ReleaseError, match=f"no way back from release {ONE}.*Nothing was changed"):
        release_gate.roll_back(with_environment(tmp_path))


def test_vdb25_a_way_back_that_is_not_healthy_is_not_kept(tmp_path: Path, answers: Answers) -> None:
    proved(tmp_path, ONE, 'MODE="one"\n')
    proved(tmp_path, TWO, 'MODE="two"\n')
    answers.bad = (ONE,)
    with pytest.raises(release_gate.ReleaseError, match=f"release {ONE}, proved before, is not healthy now.*Release {TWO} was put back"):
        release_gate.roll_back(with_environment(tmp_path))
    state = release_store.read(str(tmp_path))
    assert (state.current, state.rejected, (tmp_path / "env").read_text()) == (TWO, {}, 'MODE="two"\n')


def test_there_is_no_way_back_on_an_empty_host(tmp_path: Path) -> None:
    with pytest.raises(release_gate.ReleaseError, match="nothing is deployed"):
        release_gate.roll_back(gate(tmp_path / "none"))


def test_who_only_asks_needs_no_release_and_leaves_all_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(release_gate.ReleaseError, match=r"web-1: http://127.0.0.1:9/health: the connection was refused.* journalctl "):
        release_gate.ask(gate(tmp_path / "none", health=NOWHERE))
    asked = release_gate.ask(gate(tmp_path / "none", health=NOWHERE), once=True)
    assert (asked.changed, asked.verdict.kind) == (False, "refused")
    assert release_gate.ask(gate(tmp_path / "none")).verdict.healthy
    assert not (tmp_path / "none").exists()
