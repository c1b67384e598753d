"""What a bucket is said to hold is what it holds: every object and manifest accounted for, and never an old revision in place of a doubtful one."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import catalogue as listing
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import keys
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import catalogue, classify, prefixes, sort_keys
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, Manifest, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archived_days import REPORT, described, put_day, put_manifest, put_object
from hypothesis import given
from hypothesis import strategies as st
from s3_server import REGION, s3

NAMES = ("performance", "funnel-geo", "funnel")
TEMPLATES = (
    "{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz",
    "{report}/{day}.csv.gz",
    "{yyyy}/{report}-{yyyy}-{mm}-{dd}.csv.gz",
    "daily/{day}/{report}.csv.gz",
    "{report}/{dd}/{mm}/{yyyy}.csv.gz",
    "{report}-{mm}-{yyyy}-{dd}.csv.gz",
)
PROVED = "proved"
STATES = (PROVED, listing.UNFINISHED, listing.LOST, listing.UNREADABLE, listing.WRONG_KEY, listing.MARKED, listing.OVERWRITTEN)

DAYS = st.dates(datetime.date(2025, 11, 1), datetime.date(2026, 3, 1)).map(datetime.date.isoformat)


def archive_of(template: str = TEMPLATES[0], prefix: str = "") -> Archive:
    return Archive(bucket="reports", region=REGION, reports={name: ReportType(name=name) for name in NAMES}, prefix=prefix, key=template)


def planted(archive: Archive, day: str, revision: int, state: str) -> tuple[dict[str, int], dict[str, Manifest | str]]:
    """The keys and the manifest of one revision in a state."""
    said = described(archive, day, revision=revision, content=b"Day\n")
    sizes = {said.key: said.object_bytes + (state == listing.OVERWRITTEN), keys.manifest_key(said.key): 700}
    if state == listing.LOST:
        del sizes[said.key]
    if state == listing.UNFINISHED:
        del sizes[keys.manifest_key(said.key)]
        return sizes, {}
    found: dict[str, Manifest | str] = {
        listing.UNREADABLE: "The manifest is not JSON.",
        listing.WRONG_KEY: dataclasses.replace(said, day="2020-01-01"),
        listing.MARKED: dataclasses.replace(said, verified=False, reason="another SHA-256"),
    }
    return sizes, {keys.manifest_key(said.key): found.get(state, said)}


@given(
    template=st.sampled_from(TEMPLATES),
    prefix=st.sampled_from(["", "csv{1}/"]),
    states=st.dictionaries(DAYS, st.dictionaries(st.integers(1, 9), st.sampled_from(STATES), min_size=1, max_size=4), max_size=4),
)
def test_cs36_f46_every_revision_is_what_its_keys_and_manifest_say(template: str, prefix: str, states: dict[str, dict[int, str]]) -> None:
    archive = archive_of(template, prefix)
    sizes: dict[str, int] = {}
    manifests: dict[str, Manifest | str] = {}
    for day, revisions in states.items():
        for revision, state in revisions.items():
            more_sizes, more_manifests = planted(archive, day, revision, state)
            sizes |= more_sizes
            manifests |= more_manifests
    found = classify(archive, sort_keys(archive, REPORT, sizes), manifests)

    assert list(found.days) == sorted(states)
    assert not found.foreign
    for day, revisions in states.items():
        entry = found.days[day]
        assert {revision.number: revision.oddity.kind if revision.oddity else PROVED for revision in entry.revisions} == revisions
        # The numbers that are missing below the highest are named, each once.
        assert len(entry.gaps) == sum(number - 1 not in revisions for number in revisions if number > 1)
        proved = [number for number, state in revisions.items() if state in (PROVED, listing.LOST, listing.OVERWRITTEN)]
        doubtful = [number for number, state in revisions.items() if state in (listing.UNREADABLE, listing.WRONG_KEY)]
        counts = max(proved, default=0)
        if counts > max(doubtful, default=0):
            assert entry.counting is not None
            assert entry.counting.revision == counts
        else:
            assert entry.counting is None


@given(template=st.sampled_from(TEMPLATES), prefix=st.sampled_from(["", "csv{1}/"]), report=st.sampled_from(NAMES), day=DAYS, first=DAYS, last=DAYS)
def test_cs37_what_is_listed_holds_exactly_the_range(template: str, prefix: str, report: str, day: str, first: str, last: str) -> None:
    first, last = min(first, last), max(first, last)
    archive = archive_of(template, prefix)
    key = keys.object_key(archive, report=report, day=day, revision=2)
    listed = [key] if any(key.startswith(stem) for stem in prefixes(archive, report, first, last)) else []
    found = sort_keys(archive, report, dict.fromkeys(listed, 1), first, last)
    assert list(found.days) == ([day] if first <= day <= last else [])
    assert key.startswith(tuple(prefixes(archive, report, None, last)))


@pytest.mark.parametrize(
    ("template", "first", "last", "expected"),
    [
        (TEMPLATES[0], "2025-12-31", "2026-02-01", ["performance/2025/12/", "performance/2026/01/", "performance/2026/02/"]),
        (TEMPLATES[1], "2026-01-05", "2026-01-05", ["performance/2026-01-"]),
        (TEMPLATES[2], "2025-12-31", "2026-01-01", ["2025/performance-2025-12-", "2026/performance-2026-01-"]),
        (TEMPLATES[4], "2025-12-31", "2026-01-01", ["performance/"]),
        (TEMPLATES[0], None, "2026-01-01", ["performance/"]),
    ],
)
def test_cs36_only_the_months_of_the_range_are_listed(template: str, first: str | None, last: str, expected: list[str]) -> None:
    assert prefixes(archive_of(template), REPORT, first, last) == expected


@given(st.text(max_size=30), st.sampled_from(["", ".csv.gz", ".csv.gz.manifest.json", ".r2.csv.gz"]))
def test_f46_any_other_key_is_foreign_and_no_day(name: str, ending: str) -> None:
    archive = archive_of()
    key = f"performance/2026/01/05/{name}{ending}"
    found = classify(archive, sort_keys(archive, REPORT, {key: 1}), {})
    assert [oddity.key for oddity in found.foreign] == [key]
    assert not found.days


@pytest.mark.parametrize(
    ("report", "first", "last", "message"),
    [
        ("funnel-goe", None, None, "There is no report 'funnel-goe'; declared are funnel, funnel-geo, performance."),
        (REPORT, "2026-1-5", None, "'2026-1-5' is no day; write it as 2026-01-31."),
        (REPORT, None, "2026-02-30", "'2026-02-30' is no day; write it as 2026-01-31."),
        (REPORT, "2026-02-02", "2026-02-01", "The first day, 2026-02-02, is after the last, 2026-02-01."),
        (REPORT, "0001-01-01", "9999-12-31", "0001-01-01 to 9999-12-31 is more than 100 years; leave the first or the last day out for all there is."),
    ],
)
def test_cs37_an_impossible_range_is_refused_before_s3_is_asked(report: str, first: str | None, last: str | None, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        listing.check_range(archive_of(), report, first, last)
    assert str(caught.value) == message


def test_cs36_f46_a_real_bucket_is_catalogued(store: Store, archive: Archive, endpoint: str) -> None:
    first = put_day(store, archive, "2026-01-01")
    put_day(store, archive, "2026-01-02", verified=False, reason="the object has 5 bytes instead of 9")
    second = put_day(store, archive, "2026-01-02", revision=2)
    put_object(store, archive, "2026-01-03")
    put_manifest(store, described(archive, "2026-01-04"))
    put_day(store, archive, "2026-02-01")
    put_day(store, archive, "2026-01-01", report="funnel-geo")
    store.put_new(key="performance/2026/01/notes.txt", body=b"hello")
    cut = keys.manifest_key(keys.object_key(archive, report=REPORT, day="2026-01-05"))
    store.put_new(key=cut, body=b'{"bucket": "rep')

    found = catalogue(store=store, archive=archive, report=REPORT, first="2026-01-01", last="2026-01-31")
    assert list(found.days) == [f"2026-01-0{number}" for number in range(1, 6)]
    assert [entry.counting for entry in found.days.values()] == [first, second, None, described(archive, "2026-01-04"), None]
    assert [(oddity.kind, oddity.day, oddity.revision) for oddity in found.oddities] == [
        (listing.MARKED, "2026-01-02", 1),
        (listing.UNFINISHED, "2026-01-03", 1),
        (listing.LOST, "2026-01-04", 1),
        (listing.UNREADABLE, "2026-01-05", 1),
        (listing.FOREIGN, "", 0),
    ]
    assert f"s3://{archive.bucket}/{cut}" in found.days["2026-01-05"].oddities[0].reason

    some = listing.read_manifests(store=store, archive=archive, listing=listing.list_days(store=store, archive=archive, report=REPORT), days={"2026-02-01"})
    assert list(some.days) == ["2026-02-01"]


def test_f46_a_bucket_that_cannot_be_listed_is_no_empty_one(archive: Archive, store: Store, endpoint: str) -> None:
    s3(endpoint).delete_bucket(Bucket=archive.bucket)
    with pytest.raises(StoreError, match="there is no such bucket"):
        catalogue(store=store, archive=archive, report=REPORT)
