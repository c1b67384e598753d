"""What the rules let go: against an oracle that knows nothing of the plan, and each reason to delete nothing."""

from __future__ import annotations

import datetime
import itertools
import os
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.steady.fleet.plugins.filter.file_retention_problems import file_retention_problems
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention import use
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.model import Inode, Rule, Seen, Unit
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.plan import Plan, plan
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.file_retention.rules import parse_all
from hypothesis import given, settings
from hypothesis import strategies as st
from prune_runs import NOW, UNPROVED, aged, gone, rule, run, there, write

DAY_IN_NAME = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
GOOD = {"folder": "/srv/x", "patterns": ["*"], "keep_days": 7, **UNPROVED}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"folder": "/srv/../etc"}, "x.folder: '/srv/../etc' must be written plainly"),
        ({"folder": "/var"}, "x.folder: /var is the system's own"),
        ({"folder": "/proc/1"}, "x.folder: /proc/1 is the system's own"),
        ({"folder": "srv"}, "x.folder: 'srv' is not an absolute path"),
        ({"patterns": []}, "x.patterns: is empty"),
        ({"patterns": ["../*"]}, "x.patterns: '../*' is no pattern"),
        ({"keep_days": 0}, "x.keep_days: must be a whole number from 1"),
        ({"keep_day": 3}, "x.keep_day: is not a setting; keep_days is the nearest"),
        ({"keep_days": None}, "x: says of nothing that it goes"),
        ({"keep_days": None, "keep_last": 0}, "x.keep_last: is 0, so all would go at any age"),
        ({"file_day": "(?P<year>.)"}, "x.file_day: '(?P<year>.)' has no group 'day'"),
        ({"series": "("}, "x.series: is no regular expression"),
        ({"max_share": 30}, "x.max_share: must be a number above 0, and 1 at most"),
        ({"proof": None}, "x.proof: is missing"),
        ({"acknowledged": " "}, "x.acknowledged: is needed where proof is none"),
        ({"proof": "archived"}, "x.acknowledged: has no meaning where proof is archived"),
        ({"proof": "copied", "acknowledged": None}, "x.copies: is needed where proof is copied"),
        ({"proof": "copied", "acknowledged": None, "copies": "/srv/x/y"}, "x.copies: must be another folder"),
        ({"proof": "archived", "acknowledged": None, "units": "directories"}, "x.proof: must be none where units is directories"),
    ],
)
def test_w17_a_rule_that_cannot_work_is_refused_by_its_path(said: dict[str, Any], problem: str) -> None:
    declared = {"x": {name: value for name, value in (GOOD | said).items() if value is not None}}
    with pytest.raises(ConfigurationError, match=re.escape(f"files: {problem}")):
        parse_all(declared, "files")
    assert problem in file_retention_problems(declared)[0]
    assert file_retention_problems({"x": GOOD}) == []


def unit(path: str, *, days: float = 0.05, size: int = 5, disk: int = 4096, inode: int = 0, links: int = 1, **more: Any) -> Unit:
    key = (1, inode or abs(hash(path)))
    modified = int((NOW - datetime.timedelta(days=days)).timestamp()) * 10**9
    return Unit(path=path, key=key, inodes={key: Inode(size, modified, links, 1, disk)}, **more)


def made(declared: Rule, *units: Unit, now: datetime.datetime = NOW, **seen: Any) -> Plan:
    return plan(rule=declared, seen=Seen(units=units, **seen), now=now)


def paths(made: Plan) -> list[str]:
    assert not made.refused
    return [step.unit.path for step in made.steps]


def daily(count: int, name: str = "log", first: int = 0) -> list[Unit]:
    """One file a day, the newest of ``first`` days ago."""
    return [unit(f"{name}-{(NOW - datetime.timedelta(days=first + back)).date()}", days=first + back + 0.05) for back in range(count)]


def test_shop14_the_day_is_that_of_the_name_or_of_the_last_change_never_of_the_last_reading() -> None:
    by_name = rule("/srv/x", keep_days=30, file_day=DAY_IN_NAME, max_share=1)
    old, new = unit("a-2026-01-01", days=1), unit("a-2026-11-22", days=400)
    assert paths(made(by_name, old, new)) == ["a-2026-01-01"]
    assert paths(made(rule("/srv/x", keep_days=30), old, new)) == ["a-2026-11-22"]
    undated = made(by_name, old, new, unit("a", days=900), unit("a-2026-02-30", days=900), unit("2026-01-01-2026-01-02", days=900))
    assert paths(undated) == ["a-2026-01-01"]
    assert "3 of the 5 in /srv/x always stay, as their names say no day (file_day)" in undated.notices[0]


@pytest.mark.parametrize("hour", [0, 12, 23])
def test_shop14_the_first_day_that_stays_is_today_minus_keep_days_in_utc(hour: int) -> None:
    now = NOW.replace(hour=hour, minute=59)
    units = [unit(f"{(now - datetime.timedelta(days=back)).date()}", days=1) for back in (0, 29, 30, 31, 32)]
    found = made(rule("/srv/x", keep_days=30, file_day=DAY_IN_NAME), *units, now=now)
    assert paths(found) == [(now - datetime.timedelta(days=back)).date().isoformat() for back in (32, 31)]


def test_shop13_f54_the_last_good_one_of_each_series_stays_whatever_its_age() -> None:
    weekly = rule("/srv/x", keep_last=1, keep_days=7, series="^([a-z]+)-", idle_days=0)
    dead, alive = daily(3, "dead", first=300), daily(3, "alive")
    assert paths(made(weekly, *dead, *alive)) == [dead[2].path, dead[1].path]


@pytest.mark.parametrize(
    "bad",
    [{"size": 0}, {"holder": "sqlite3 (process 7) has it open"}, {"days": 0.001}, {"oddity": "it holds a socket"}],
    ids=["empty", "still open", "just written", "odd"],
)
def test_shop13_w3_what_is_not_known_to_be_whole_does_not_stand_for_a_good_one(bad: dict[str, Any]) -> None:
    newest = unit("backup-3", **{"days": 1, **bad})
    assert paths(made(rule("/srv/x", keep_last=1), unit("backup-1", days=3), unit("backup-2", days=2), newest)) in (["backup-1"], ["backup-1", "backup-3"])
    assert "backup-2" not in paths(made(rule("/srv/x", keep_last=1), unit("backup-2", days=2), newest))


def test_mrpt5_by_size_the_oldest_go_until_all_fit_and_what_gives_nothing_back_stays() -> None:
    linked = unit("0-linked", days=9, links=2)
    units = [linked, *(unit(f"{number}", days=9 - number) for number in range(1, 6))]
    assert paths(made(rule("/srv/x", max_bytes=4 * 4096), *units)) == ["1", "2"]
    assert paths(made(rule("/srv/x", max_bytes=1, keep_last=2), *units)) == ["1", "2", "3"]
    assert paths(made(rule("/srv/x", max_bytes=1 << 40), *units)) == []


def test_hard_links_and_holes_are_counted_as_what_the_disk_has_back() -> None:
    here = [unit("a", days=90, inode=7, links=2), unit("b", days=80, inode=7, links=2)]
    outside, sparse, new = unit("c", days=70, links=2), unit("d", days=60, size=1 << 40, disk=8192), unit("new")
    steps = made(rule("/srv/x", keep_days=30), *here, outside, sparse, new).steps
    assert [(step.unit.path, step.freed) for step in steps] == [("a", 0), ("b", 4096), ("c", 0), ("d", 8192)]


@pytest.mark.parametrize(
    ("said", "units", "more", "reason"),
    [
        ({"keep_days": 7}, [*daily(9), unit("later", days=-3)], {}, "The clock says 2026-11-22 12:00 UTC, and the newest, /srv/x/later, is of 2026-11-25"),
        ({"keep_days": 7}, daily(9, first=40), {}, "more than 30 days ago (idle_days)"),
        ({"keep_days": 7}, daily(40), {}, "32 of the 40 entries in /srv/x would go, which is 80.0%; one run may delete 30.0% (max_share)"),
        ({"keep_last": 1}, daily(12), {}, "11 of the 12 entries"),
        ({"keep_last": 1, "units": "directories"}, daily(6), {}, "5 of the 6 entries"),
        ({"keep_days": 30}, [*daily(80), unit("large", days=-0.5, disk=1)], {}, "entries in /srv/x would go"),
        ({"keep_days": 7}, daily(9), {"unreadable": ("/srv/x/y: Permission denied.",)}, "Not all of /srv/x can be read"),
        ({"keep_last": 1}, daily(3), {"missing_links": ("/srv/current",)}, "/srv/current is not there or leads nowhere (current)"),
    ],
)
def test_f48_w17_each_reason_to_delete_nothing_is_said(said: dict[str, Any], units: list[Unit], more: dict[str, Any], reason: str) -> None:
    found = made(rule("/srv/x", **{"max_share": 0.3} | said), *units, **more)
    assert not found.steps
    assert reason in found.refused


def test_the_share_is_of_bytes_too_and_a_small_folder_is_not_stopped_by_it() -> None:
    small = [unit(f"{number}", days=number) for number in range(200)]
    large = [unit(f"large-{number}", days=300, disk=1 << 30) for number in range(11)]
    by_bytes = made(rule("/srv/x", keep_days=250, max_share=0.3), *small, *large)
    assert "bytes in /srv/x would go" in by_bytes.refused
    assert len(paths(made(rule("/srv/x", keep_days=250, max_share=0.3), *small, *large[:10]))) == 10
    assert len(paths(made(rule("/srv/x", keep_days=7, max_share=0.3), *daily(14)))) == 6
    assert len(paths(made(rule("/srv/x", keep_last=1, units="directories", max_share=0.3), *daily(4)))) == 3


def test_releases_by_count_need_no_clock_and_what_current_leads_to_stays() -> None:
    releases = [unit(f"r{number}", days=400 - number, holder="/srv/current leads to it" if number == 1 else "") for number in range(5)]
    found = made(rule("/srv/x", keep_last=2, units="directories", current=["/srv/current"]), *releases)
    assert paths(found) == ["r0", "r2"]
    assert [step.unit.path for step in found.in_use] == ["r1"]


# Real trees against an oracle.

NAMES = st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.sampled_from([".log", ".txt", ""])).map(
    lambda parts: f"{parts[0]}-{(NOW - datetime.timedelta(days=parts[1])).date()}{parts[2]}"
)
FILES = st.dictionaries(
    st.tuples(st.sampled_from(["", "one/", "one/two/", ".dot/"]), NAMES), st.tuples(st.integers(0, 60), st.sampled_from([0, 1, 9000])), max_size=12
)
RULES = st.fixed_dictionaries(
    {"patterns": st.sampled_from([["*"], ["*.log"], ["a*", "one/*.txt"]]), "depth": st.integers(0, 2), "keep_last": st.integers(1, 3)},
    optional={
        "keep_days": st.integers(1, 60),
        "max_bytes": st.sampled_from([1, 10000, 30000]),
        "series": st.sampled_from(["^([ab])", r"([ab])-[^/]*$", r"\.(log|txt)$"]),
        "file_day": st.just(DAY_IN_NAME),
        "hold": st.sampled_from([["b*"], ["one/*"]]),
    },
)


def oracle(folder: Path, said: dict[str, Any]) -> set[str]:
    """What goes, by brute force: try for every file whether the words of the documentation let it."""
    pattern = "|".join(f"(?:{'' if '/' in one else '(?:.*/)?'}{one.replace('.', '[.]').replace('*', '[^/]*')})" for one in said["patterns"])
    held = "|".join(f"(?:{'' if '/' in one else '(?:.*/)?'}{one.replace('*', '[^/]*')})" for one in said.get("hold", ["(?!)"]))
    everything = [path for path in folder.rglob("*") if path.is_file()]
    names = {str(path.relative_to(folder)): path for path in everything}
    meant = {
        name: path
        for name, path in names.items()
        if name.count("/") <= said["depth"] and re.fullmatch(pattern, name) and not re.fullmatch(held, name)
    }  # fmt: skip
    day = {
        name: str(re.findall(r"\d{4}-\d\d-\d\d", name)[0])
        if "file_day" in said
        else datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat()
        for name, path in meant.items()
    }
    group = {name: found[1] for name in meant if (found := re.search(said.get("series", "()"), name))}
    oldest = sorted(group, key=lambda name: (day[name], meant[name].stat().st_mtime, name))
    last = {
        name
        for name in oldest
        if meant[name].stat().st_size
        and len([other for other in oldest[oldest.index(name) + 1 :] if group[other] == group[name] and meant[other].stat().st_size]) < said["keep_last"]
    }
    limit = (NOW.date() - datetime.timedelta(days=said.get("keep_days", 0))).isoformat()
    free = [name for name in oldest if name not in last]
    by_age = [name for name in free if ("keep_days" in said and day[name] < limit) or not {"keep_days", "max_bytes"} & said.keys()]
    by_size = [name for name in free if name not in by_age and meant[name].stat().st_blocks]
    for count in range(len(by_size) + 1):
        left = sum(path.stat().st_blocks * 512 for name, path in meant.items() if name not in by_age + by_size[:count])
        if left <= said.get("max_bytes", left):
            return {*by_age, *by_size[:count]}
    return {*by_age, *by_size}


@settings(max_examples=200, deadline=None)
@given(files=FILES, said=RULES)
def test_f51_any_tree_under_any_rule_loses_exactly_what_the_oracle_says(files: dict[tuple[str, str], tuple[int, int]], said: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "folder"
        folder.mkdir()
        for (below, name), (days, size) in files.items():
            write(folder / below / name, days=days + 0.25, content=b"x" * size)
        declared = rule(folder, idle_days=0, **said)
        expected = {f"{folder}/{name}" for name in oracle(folder, said)}
        before = there(folder)
        with mock.patch.object(use, "look", return_value=use.Use()):  # who uses what is not asked here, which takes most of a run
            assert gone(run(declared, check=True)) == expected
            assert there(folder) == before
            assert gone(run(declared)) == expected
            assert {f"{folder}/{path}" for path in set(before) - set(there(folder))} == expected
            assert not gone(run(declared)), "a second run has nothing to do"


def test_the_order_in_which_a_folder_is_listed_is_not_the_order_of_age(tmp_path: Path) -> None:
    for number, order in enumerate(itertools.permutations(range(3))):
        folder = tmp_path / str(number)
        for name, days in zip("abc", order, strict=True):
            write(folder / name, days=days + 1)
        run(rule(folder, keep_last=1))
        assert there(folder) == ["abc"[order.index(0)]]
        assert os.listdir(folder)


def test_a_file_with_the_same_time_as_another_is_placed_by_its_name(tmp_path: Path) -> None:
    for name in "cab":
        aged(write(tmp_path / name), 50)
    assert run(rule(tmp_path, keep_last=1)).results[0].path.endswith("/a")
    assert there(tmp_path) == ["c"]
