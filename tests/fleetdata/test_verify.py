"""Every fault planted in a bucket is found, under its name and at its place, and nothing else is; what was read is said."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import errors, keys, manifest, verify
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.catalogue import (
    FOREIGN,
    GAP,
    LOST,
    MARKED,
    MISSING,
    OVERWRITTEN,
    UNFINISHED,
    UNREADABLE,
    WRONG_KEY,
    Wanted,
)
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, Manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.reading import DAMAGED, DELETED, FAILED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.verify import GOOD, MISCOUNTED, REPLACED, UNCHECKED, Depth, Verified, exit_code, totals
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.versions import HIDDEN
from archived_days import REPORT, client, described, packed, put_day, put_manifest, put_object, without_versions
from csv_files import csv_bytes

GEO = "funnel-geo"
ONE, TWO, THREE, FREE = "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"


class Bench:
    """Three days of two reports, the last of the first report in two revisions, and ways to do harm to them."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.client = client(archive.endpoint_url)
        self.store = Store(client=self.client, bucket=archive.bucket)
        self.said = {(report, day, 1): put_day(self.store, archive, day, report=report) for report in (REPORT, GEO) for day in (ONE, TWO, THREE)}
        self.said[REPORT, THREE, 2] = put_day(self.store, archive, THREE, revision=2, content=csv_bytes(THREE, rows=5))

    def key(self, day: str, *, report: str = REPORT, revision: int = 1) -> str:
        return keys.object_key(self.archive, report=report, day=day, revision=revision)

    def put(self, key: str, body: bytes) -> str:
        return str(self.client.put_object(Bucket=self.archive.bucket, Key=key, Body=body).get("VersionId", ""))

    def get(self, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=self.archive.bucket, Key=key)["Body"].read()
        return body

    def copy(self, key: str, to: str) -> None:
        self.put(to, self.get(key))

    def swap(self, one: str, other: str) -> None:
        first, second = self.get(one), self.get(other)
        self.put(one, second)
        self.put(other, first)

    def delete(self, key: str, version: str = "") -> None:
        self.client.delete_object(Bucket=self.archive.bucket, Key=key, **({"VersionId": version} if version else {}))

    def destroy(self, key: str) -> None:
        """All versions of a key."""
        for version in list(self.store.versions(prefix=key)):
            if version.key == key:
                self.delete(key, version.version_id)

    def verify(self, *reports: str, first: str | None = None, last: str | None = None, **depth: Any) -> list[Verified]:
        wanted = Wanted(reports or (REPORT, GEO), first, last)
        return verify.verify(store=self.store, archive=self.archive, wanted=wanted, depth=Depth(**depth))


@pytest.fixture
def versioned(archive: Archive) -> Bench:
    return Bench(archive)


@pytest.fixture
def plain(archive: Archive) -> Bench:
    return Bench(without_versions(archive))


Found = tuple[str, str, str, int]
"""Kind, report, day, revision."""


@dataclasses.dataclass(frozen=True)
class Plant:
    """A fault: how it is planted, what must be found with versions and without, and words that the sentences must have."""

    do: Callable[[Bench], object]
    versioned: list[Found]
    plain: list[Found]
    words: tuple[str, ...] = ()


def bad_object(body: bytes) -> Callable[[Bench], None]:
    """The very version that a manifest names holds other bytes."""

    def plant(bench: Bench) -> None:
        version = bench.put(bench.key(FREE), body)
        put_manifest(bench.store, described(bench.archive, FREE, version_id=version))

    return plant


def swap_pairs(one: tuple[str, str], other: tuple[str, str]) -> Callable[[Bench], None]:
    def plant(bench: Bench) -> None:
        first, second = bench.key(one[1], report=one[0]), bench.key(other[1], report=other[0])
        bench.swap(first, second)
        bench.swap(keys.manifest_key(first), keys.manifest_key(second))

    return plant


def copy_pair(bench: Bench, to: str) -> None:
    bench.copy(bench.key(ONE), to)
    bench.copy(keys.manifest_key(bench.key(ONE)), keys.manifest_key(to))


def delete_pair(bench: Bench) -> None:
    bench.delete(bench.key(TWO))
    bench.delete(keys.manifest_key(bench.key(TWO)))


def swap_version(bench: Bench) -> None:
    """The proved version is deleted, another lies in its place."""
    bench.destroy(bench.key(TWO))
    bench.put(bench.key(TWO), packed(csv_bytes(ONE)))


def alter_manifest(bench: Bench) -> None:
    key = keys.manifest_key(bench.key(TWO))
    said = json.loads(bench.get(key))
    said["rows"] += 1
    bench.put(key, json.dumps(said).encode())


def leave_gap(bench: Bench) -> None:
    put_day(bench.store, bench.archive, THREE, revision=3, content=csv_bytes(THREE, rows=6))
    bench.destroy(bench.key(THREE, revision=2))
    bench.destroy(keys.manifest_key(bench.key(THREE, revision=2)))


GOOD_BODY = packed(csv_bytes(FREE))
FLIPPED = GOOD_BODY[:40] + bytes([GOOD_BODY[40] ^ 1]) + GOOD_BODY[41:]
NEW = [(REPORT, FREE, 1)]


def at(kind: str, *places: tuple[str, str, int]) -> list[Found]:
    return [(kind, *place) for place in places]


PLANTS = {
    "bit flip": Plant(bad_object(FLIPPED), at(DAMAGED, *NEW), at(DAMAGED, *NEW), ("SHA-256",)),
    "truncated gzip": Plant(bad_object(GOOD_BODY[:-5]), at(DAMAGED, *NEW), at(DAMAGED, *NEW), (f"{len(GOOD_BODY) - 5} bytes",)),
    "object of another day": Plant(
        bad_object(packed(csv_bytes(THREE, rows=5))), at(DAMAGED, *NEW), at(DAMAGED, *NEW), ("It is what was proved of performance of 2026-01-03, revision 2.",)
    ),
    "objects of two days swapped": Plant(
        lambda bench: bench.swap(bench.key(ONE), bench.key(TWO)),
        at(OVERWRITTEN, (REPORT, ONE, 1), (REPORT, TWO, 1)),
        at(DAMAGED, (REPORT, ONE, 1), (REPORT, TWO, 1)),
    ),
    "pairs of two days swapped": Plant(
        swap_pairs((REPORT, ONE), (REPORT, TWO)),
        at(OVERWRITTEN, *[(REPORT, ONE, 1)] * 2, *[(REPORT, TWO, 1)] * 2) + at(WRONG_KEY, (REPORT, ONE, 1), (REPORT, TWO, 1)),
        at(WRONG_KEY, (REPORT, ONE, 1), (REPORT, TWO, 1)),
        ("is the manifest of", "(performance, 2026-01-02, revision 1)"),
    ),
    "pairs of two reports swapped": Plant(
        swap_pairs((REPORT, ONE), (GEO, ONE)),
        at(OVERWRITTEN, *[(REPORT, ONE, 1)] * 2, *[(GEO, ONE, 1)] * 2) + at(WRONG_KEY, (REPORT, ONE, 1), (GEO, ONE, 1)),
        at(WRONG_KEY, (REPORT, ONE, 1), (GEO, ONE, 1)),
        ("(funnel-geo, 2026-01-01, revision 1)",),
    ),
    "pair copied to another day": Plant(lambda bench: copy_pair(bench, bench.key(FREE)), at(WRONG_KEY, *NEW), at(WRONG_KEY, *NEW)),
    "old revision put over the newer": Plant(
        lambda bench: copy_pair(bench, bench.key(THREE, revision=2)),
        at(OVERWRITTEN, *[(REPORT, THREE, 2)] * 2) + at(WRONG_KEY, (REPORT, THREE, 2)),
        at(WRONG_KEY, (REPORT, THREE, 2)),
    ),
    "wrong key": Plant(
        lambda bench: bench.copy(bench.key(ONE), bench.key(FREE).replace("2026/01/04", "2026/01/08")),
        at(FOREIGN, (REPORT, "", 0)),
        at(FOREIGN, (REPORT, "", 0)),
        ("performance/2026/01/08/catscan-performance-2026-01-04.csv.gz is not where any day of performance lies",),
    ),
    "newer version of another size": Plant(lambda bench: bench.put(bench.key(TWO), b"x"), at(OVERWRITTEN, (REPORT, TWO, 1)), at(DAMAGED, (REPORT, TWO, 1))),
    "newer version of the same bytes": Plant(lambda bench: bench.copy(bench.key(TWO), bench.key(TWO)), at(OVERWRITTEN, (REPORT, TWO, 1)), []),
    "object deleted": Plant(lambda bench: bench.delete(bench.key(TWO)), at(HIDDEN, (REPORT, TWO, 1)), at(DELETED, (REPORT, TWO, 1))),
    "manifest deleted": Plant(lambda bench: bench.delete(keys.manifest_key(bench.key(TWO))), at(HIDDEN, (REPORT, TWO, 1)), at(UNFINISHED, (REPORT, TWO, 1))),
    "object and manifest deleted": Plant(delete_pair, at(HIDDEN, *[(REPORT, TWO, 1)] * 2), at(MISSING, (REPORT, TWO, 0))),
    "version deleted for good": Plant(
        lambda bench: bench.destroy(bench.key(TWO)), at(DELETED, (REPORT, TWO, 1)), at(DELETED, (REPORT, TWO, 1)), ("nothing is left of it",)
    ),
    "version deleted and another there": Plant(swap_version, at(DELETED, (REPORT, TWO, 1)), at(DAMAGED, (REPORT, TWO, 1))),
    "manifest cut": Plant(
        lambda bench: bench.put(keys.manifest_key(bench.key(TWO)), b'{"rows'),
        at(OVERWRITTEN, (REPORT, TWO, 1)) + at(UNREADABLE, (REPORT, TWO, 1)),
        at(UNREADABLE, (REPORT, TWO, 1)),
        ("is not JSON",),
    ),
    "manifest altered": Plant(
        alter_manifest,
        at(OVERWRITTEN, (REPORT, TWO, 1)) + at(UNREADABLE, (REPORT, TWO, 1)),
        at(UNREADABLE, (REPORT, TWO, 1)),
        ("the manifest was altered",),
    ),
    "unfinished": Plant(
        lambda bench: put_object(bench.store, bench.archive, FREE), at(UNFINISHED, *NEW), at(UNFINISHED, *NEW), ("it was uploaded and never proved",)
    ),
    "manifest without object": Plant(
        lambda bench: put_manifest(bench.store, described(bench.archive, FREE)), at(DELETED, *NEW), at(DELETED, *NEW), ("nothing is left of it",)
    ),
    "gap": Plant(leave_gap, at(GAP, (REPORT, THREE, 2)), at(GAP, (REPORT, THREE, 2)), ("revision 2 is not",)),
    "marked as damaged": Plant(
        lambda bench: put_day(bench.store, bench.archive, FREE, verified=False, reason="the object has 5 bytes instead of 9"),
        at(MARKED, *NEW),
        at(MARKED, *NEW),
        ("the object has 5 bytes instead of 9",),
    ),
}


def faults(results: list[Verified]) -> list[Found]:
    return sorted((result.status, result.report, result.day, result.revision) for result in results if result.fault)


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("kept", ["versioned", "plain"])
def test_cs53_f46_w18_each_planted_fault_is_found_and_named(name: str, kept: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(kept)
    plant = PLANTS[name]
    plant.do(bench)
    results = bench.verify()
    expected = sorted(plant.versioned if kept == "versioned" else plant.plain)
    assert faults(results) == expected
    kinds = {kind for kind, *_ in expected}
    assert exit_code(results) == (errors.DAMAGED if kinds - {MISSING} else errors.INCOMPLETE if kinds else errors.OK)
    sentences = "\n".join(result.reason for result in results if result.fault)
    assert all(word in sentences for word in plant.words), sentences
    assert all(
        result.day in result.reason and f"s3://{bench.archive.bucket}/{result.key}" in result.reason for result in results if result.fault and result.key
    ), sentences
    # The others are read all the same.
    hurt = {(result.report, result.day) for result in results if result.fault}
    good = {(result.report, result.day, result.revision) for result in results if result.status == GOOD}
    assert good >= {place for place in bench.said if place[:2] not in hurt}


def test_cs53_f46_what_is_as_it_was_proved_is_counted(versioned: Bench) -> None:
    results = versioned.verify()
    assert {result.status for result in results} == {GOOD}
    assert exit_code(results) == errors.OK
    said = versioned.said.values()
    assert totals(results) == verify.Totals(
        days=6, objects=7, rows=23, bytes=sum(one.content_bytes for one in said), object_bytes=sum(one.object_bytes for one in said), faults=0
    )
    assert [(result.day, result.revision) for result in versioned.verify(REPORT, first=TWO, last=THREE)] == [(TWO, 1), (THREE, 1), (THREE, 2)]


def test_f46_sentences_name_versions_and_the_way_back(versioned: Bench) -> None:
    said = versioned.said[REPORT, TWO, 1]
    newer = versioned.put(said.key, b"x")
    (result,) = [one for one in versioned.verify() if one.fault]
    sentence, _, command = result.reason.partition(" To take it away: ")
    assert sentence == f"{said.uri}: version {newer} was put over version {said.version_id}, which is still there."
    follow(versioned, command)
    versioned.delete(said.key)
    (result,) = [one for one in versioned.verify() if one.fault]
    sentence, _, command = result.reason.partition(" To bring it back: ")
    assert f"its version {said.version_id} is still there" in sentence
    follow(versioned, command)
    assert exit_code(versioned.verify()) == errors.OK


def follow(bench: Bench, command: str) -> None:
    """Do what a sentence says."""
    words = command.split()
    bench.delete(words[words.index("--key") + 1], words[words.index("--version-id") + 1])


def test_w18_zero_checked_is_a_failure(versioned: Bench) -> None:
    nothing = versioned.verify(first="2025-12-30", last="2025-12-31")
    assert [result.status for result in nothing] == [MISSING] * 4
    assert exit_code(nothing) == exit_code([]) == errors.INCOMPLETE
    assert exit_code(versioned.verify("funnel-publishers")) == errors.INCOMPLETE
    assert versioned.verify(sample=0) == []


def test_w18_a_sample_is_drawn_by_its_seed_and_comes_round(versioned: Bench) -> None:
    def days(seed: str) -> list[tuple[str, str]]:
        return sorted({(result.report, result.day) for result in versioned.verify(sample=2, seed=seed)})

    assert days("week 1") == days("week 1")
    assert all(len(days(str(week))) == 2 for week in range(3))
    assert len({day for week in range(12) for day in days(str(week))}) == 6


def test_w18_a_sample_sees_the_faults_of_its_days(versioned: Bench) -> None:
    versioned.delete(versioned.key(TWO))
    assert faults(versioned.verify(sample=6)) == [(HIDDEN, REPORT, TWO, 1)]


def test_f46_a_mark_that_was_made_good_is_told_and_no_fault(versioned: Bench) -> None:
    put_day(versioned.store, versioned.archive, FREE, verified=False, reason="another SHA-256")
    put_day(versioned.store, versioned.archive, FREE, revision=2)
    results = versioned.verify()
    assert exit_code(results) == errors.OK
    assert [(result.day, result.revision) for result in results if result.status == REPLACED] == [(FREE, 1)]


def test_f46_rows_are_counted_again(versioned: Bench) -> None:
    good = versioned.verify(rows=True)
    assert exit_code(good) == errors.OK
    version = put_object(versioned.store, versioned.archive, FREE)
    put_manifest(versioned.store, described(versioned.archive, FREE, version_id=version, rows=4, days={FREE: 4}))
    (result,) = [one for one in versioned.verify(rows=True) if one.fault]
    assert (result.status, result.day) == (MISCOUNTED, FREE)
    assert "rows are 3, its manifest says 4; days are {'2026-01-04': 3}, its manifest says {'2026-01-04': 4}" in result.reason
    assert exit_code(versioned.verify()) == errors.OK


def test_f46_content_that_is_not_its_report_type_is_told(versioned: Bench) -> None:
    put_day(versioned.store, versioned.archive, FREE, content=b"Day,Clicks\n2026-01-04,1\n")
    (result,) = [one for one in versioned.verify(rows=True) if one.fault]
    assert result.status == MISCOUNTED
    assert versioned.key(FREE) in result.reason


@pytest.mark.parametrize(("kept", "read"), [("versioned", 4), ("plain", 3)])
def test_f46_without_the_right_to_list_versions_the_rest_is_checked_and_that_is_said(kept: str, read: int, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(kept)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucketVersions", "Resource": f"arn:aws:s3:::{bench.archive.bucket}"}
    bench.client.put_bucket_policy(Bucket=bench.archive.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    bench.delete(bench.key(TWO))
    results = bench.verify(REPORT)
    assert faults(results) == [(LOST, REPORT, TWO, 1)]
    (told,) = [result for result in results if result.status == UNCHECKED]
    assert "s3:ListBucketVersions" in told.reason
    assert totals(results).objects == read


def test_f46_what_s3_does_not_give_is_no_damage(versioned: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    refused, read = versioned.key(TWO), Store.read

    def denied(self: Store, *, key: str, version_id: str = "") -> object:
        if key == refused:
            raise errors.StoreError(f"{key}: S3 did not answer.", kind="unreachable")
        return read(self, key=key, version_id=version_id)

    monkeypatch.setattr(Store, "read", denied)
    results = versioned.verify()
    assert {result.status for result in results if result.fault} == {FAILED}
    assert exit_code(results) == errors.UNREACHABLE


def test_f46_a_manifest_is_read_as_it_was_written(versioned: Bench) -> None:
    said: Manifest = versioned.said[REPORT, ONE, 1]
    assert manifest.parse(versioned.get(keys.manifest_key(said.key)), key="") == said
