"""Which releases stay, which one is the way back, and that a half release counts for nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import release_store as store
from ansible_collections.steady.fleet.plugins.module_utils.http_probe import Verdict
from ansible_collections.steady.fleet.plugins.module_utils.release_gate import plan
from hypothesis import given
from hypothesis import strategies as st

GOOD = Verdict("healthy", "")
BAD = Verdict("refused", "")


def release_id(number: int) -> str:
    return f"{number:012x}"


def a_store(current: int | None, *releases: tuple[int, bool], unfinished: tuple[int, ...] = ()) -> store.Store:
    records = {
        release_id(n): store.Record(id=release_id(n), built_at=f"{n:04}", proved=proved, proved_at=f"{n:04}" if proved else "") for n, proved in releases
    }
    return store.Store("/opt/x", None if current is None else release_id(current), records, [release_id(n) for n in unfinished])


@pytest.mark.parametrize(
    ("current", "releases", "keep", "removed"),
    [
        (1, [(1, True)], 3, []),
        (4, [(1, True), (2, True), (3, True), (4, True)], 3, [1]),
        (4, [(1, True), (2, False), (3, False), (4, False)], 2, [2, 3]),
        (1, [(1, True), (2, False), (3, False), (4, False)], 2, [2, 3]),
        (2, [(1, True), (2, True)], 2, []),
        (None, [(1, True), (2, True), (3, True)], 2, []),
    ],
)
def test_f17_prune(current: int | None, releases: list[tuple[int, bool]], keep: int, removed: list[int]) -> None:
    assert store.plan_prune(a_store(current, *releases), keep=keep) == [release_id(n) for n in removed]


def test_unfinished_releases_are_removed() -> None:
    assert store.plan_prune(a_store(2, (2, True), unfinished=(1, 3)), keep=3) == [release_id(1), release_id(3)]


@given(
    st.dictionaries(st.integers(0, 30), st.booleans(), min_size=1, max_size=12),
    st.integers(2, 6),
    st.data(),
)
def test_f17_never_the_current_nor_the_way_back(releases: dict[int, bool], keep: int, data: st.DataObject) -> None:
    current = data.draw(st.sampled_from(sorted(releases)))
    state = a_store(current, *releases.items())
    removed = set(store.plan_prune(state, keep=keep))
    assert release_id(current) not in removed
    assert store.way_back(state) not in removed
    assert len(releases) - len(removed) == min(len(releases), keep)


@pytest.mark.parametrize(
    ("state", "verdict", "action", "back_to"),
    [
        (a_store(2, (1, True), (2, False)), GOOD, "prove", None),
        (a_store(2, (1, True), (2, False)), BAD, "roll_back", 1),
        (a_store(3, (1, True), (2, False), (3, False)), BAD, "roll_back", 1),
        (a_store(2, (1, True), (2, True)), BAD, "fail", None),
        (a_store(2, (1, False), (2, False)), BAD, "fail", None),
        (a_store(1, (1, False)), BAD, "fail", None),
        (a_store(None), BAD, "fail", None),
    ],
)
def test_f18_f19_gate_plan(state: store.Store, verdict: Verdict, action: str, back_to: int | None) -> None:
    decided = plan(state, verdict, keep=3)
    assert decided.action == action
    assert decided.back_to == (None if back_to is None else release_id(back_to))


def build(root: Path, number: int, *, finished: bool = True) -> str:
    path = root / "releases" / release_id(number)
    path.mkdir(parents=True)
    if finished:
        store.write_record(str(path), store.Record(id=release_id(number), built_at=f"{number:04}"))
    return release_id(number)


def test_w12_a_release_without_its_mark_counts_for_nothing(tmp_path: Path) -> None:
    whole, half = build(tmp_path, 1), build(tmp_path, 2, finished=False)
    (tmp_path / "releases" / release_id(3)).mkdir()
    (tmp_path / "releases" / release_id(3) / "release.json").write_text('{"id": "00000')
    state = store.read(str(tmp_path))
    assert list(state.records) == [whole]
    assert state.unfinished == [half, release_id(3)]


def test_a_copied_release_is_not_taken_for_its_original(tmp_path: Path) -> None:
    build(tmp_path, 1)
    os.rename(tmp_path / "releases" / release_id(1), tmp_path / "releases" / release_id(2))
    assert store.read(str(tmp_path)).records == {}


def test_an_empty_host_is_an_empty_store(tmp_path: Path) -> None:
    assert store.read(str(tmp_path / "none")) == store.Store(str(tmp_path / "none"), None, {}, [])


def test_w12_switch_and_prove(tmp_path: Path) -> None:
    one, two = build(tmp_path, 1), build(tmp_path, 2)
    store.switch(str(tmp_path), one)
    (tmp_path / ".current.steady~").symlink_to("left over by a kill")
    store.switch(str(tmp_path), two)
    assert os.readlink(tmp_path / "current") == f"releases/{two}"
    assert not (tmp_path / ".current.steady~").is_symlink()
    store.prove(store.read(str(tmp_path)), two)
    record = store.read(str(tmp_path)).records[two]
    assert record.proved
    assert record == replace(record, proved_at=record.proved_at)
    assert record.proved_at > "2026"
    store.remove(str(tmp_path), [one])
    assert list(store.read(str(tmp_path)).records) == [two]


def test_f19_the_way_back_is_to_what_ran_before_not_to_what_was_new_before(tmp_path: Path) -> None:
    one, two, three = (build(tmp_path, number) for number in (1, 2, 3))
    for release in (one, two, one):
        store.switch(str(tmp_path), release)
        store.prove(store.read(str(tmp_path)), release)
    store.switch(str(tmp_path), three)
    assert store.way_back(store.read(str(tmp_path))) == one


@pytest.mark.parametrize("bad", ["../../etc", "", "abc", "g" * 12])
def test_only_release_ids_become_paths(bad: str) -> None:
    with pytest.raises(store.ReleaseError, match="not a release id"):
        store.release_path("/opt/x", bad)
