"""Rows that left come back as they were: into the database they left, or into a new one; a second time changes nothing."""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import CONFLICT, DAMAGED, FAILED, UNCHANGED, Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.restore import RESTORED
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.bring_back import STOPPED, Asked, BroughtBack, bring_back
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import Bucket, client
from archived_days import without_versions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from retention_runs import change, database, day, held, run
from retention_values import ROW, TABLES, insert

OLD, OLDER = day(100), day(101)
NUMBERS = itertools.count(1)
KEYED = "CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, value)"
BARE = "CREATE TABLE t (day TEXT, value)"
NEWEST = f"INSERT INTO t (day, value) VALUES ('{day(0)}', 'newest')"


def back(archive: Archive, path: Path, table: str = "t", *, first: str | None = None, last: str | None = None, **how: Any) -> list[BroughtBack]:
    """Bring all days back, or some."""
    store = Store(client=client(archive.endpoint_url), bucket=archive.bucket)
    with opened(str(path), mode="rwc") as into:
        return bring_back(asked=Asked(name="app", table=table, first=first, last=last), database=into, store=store, archive=archive, **how)


def said(results: list[BroughtBack]) -> list[tuple[Any, ...]]:
    return [(one.day, one.status, one.in_archive, one.there, one.added, one.conflicts) for one in results]


def gone(archive: Archive, folder: Path, table: str, *more: str) -> tuple[Path, Counter[bytes]]:
    """A table whose rows of two days have left it, and what it held before."""
    path = database(folder, f"{table}; {NEWEST}; {'; '.join(more)}")
    change(path, "INSERT INTO t (day, value) VALUES (?, ?)", [(OLDER, "a"), (OLD, b"\0"), (OLD, 1.5), (OLD, None)])
    before = held(path)
    run(archive, path)
    assert len(held(path)) == 1
    return path, before


@pytest.mark.parametrize(
    "table",
    [
        KEYED,
        BARE,
        "CREATE TABLE t (day TEXT, value, twice AS (value || value), n INTEGER PRIMARY KEY AUTOINCREMENT); CREATE UNIQUE INDEX u ON t (n, day)",
        "CREATE TABLE t (day TEXT NOT NULL, value, other DEFAULT 7, PRIMARY KEY (day, value))",
        'CREATE TABLE "t" (day TEXT, value, rowid INT, UNIQUE (day, value) ON CONFLICT REPLACE)',
    ],
)
def test_cs37_rows_come_back_as_they_were(archive: Archive, tmp_path: Path, table: str) -> None:
    path, before = gone(archive, tmp_path, table)
    left = held(path)
    expected = [(OLDER, RESTORED, 1, 0, 1, 0), (OLD, RESTORED, 3, 0, 3, 0)]
    assert said(back(archive, path, check=True)) == expected
    assert held(path) == left
    assert said(back(archive, path)) == expected
    assert held(path) == before
    assert said(back(archive, path)) == [(OLDER, UNCHANGED, 1, 1, 0, 0), (OLD, UNCHANGED, 3, 3, 0, 0)]
    scratch = tmp_path / "scratch.db"
    assert said(back(archive, scratch, create=True, check=True)) == expected
    assert said(back(archive, scratch, create=True)) == expected
    assert held(scratch) == before - left
    assert [one.status for one in back(archive, scratch, create=True)] == [UNCHANGED] * 2
    assert schema(scratch) == schema(path)


def schema(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as there:
        found = there.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY name").fetchall()
    there.close()
    return found


def test_cs37_some_days_come_back(archive: Archive, tmp_path: Path) -> None:
    path, _ = gone(archive, tmp_path, KEYED)
    assert said(back(archive, path, first=OLD, last=OLD)) == [(OLD, RESTORED, 3, 0, 3, 0)]
    assert back(archive, path, first=day(50)) == []


def test_cs37_a_row_of_the_same_key_is_left_and_named(archive: Archive, tmp_path: Path) -> None:
    path, _ = gone(archive, tmp_path, KEYED)
    change(path, "INSERT INTO t VALUES (?, ?, ?)", [(2, OLDER, "other"), (3, OLD, b"\0")])
    (conflict, other) = back(archive, path)
    assert said([conflict, other]) == [(OLDER, CONFLICT, 1, 0, 0, 1), (OLD, RESTORED, 3, 1, 2, 0)]
    assert conflict.named == ("The row of t with id 2 is there with other values.",)
    assert said(back(archive, path)) == [(OLDER, CONFLICT, 1, 0, 0, 1), (OLD, UNCHANGED, 3, 3, 0, 0)]


def test_cs37_of_a_declared_key_the_later_revision_counts(archive: Archive, tmp_path: Path) -> None:
    for table in (KEYED, "CREATE TABLE t (id INT, day TEXT, value, PRIMARY KEY (day, id))", "CREATE TABLE t (id, day, value, PRIMARY KEY (id)) WITHOUT ROWID"):
        one = dataclasses.replace(archive, prefix=f"case-{next(NUMBERS)}/")
        folder = tmp_path / one.prefix
        folder.mkdir()
        path = database(folder, f"{table}; INSERT INTO t VALUES (1, '{day(0)}', 1), (7, '{OLD}', 'first'), (8, '{OLD}', 'only')")
        run(one, path)
        change(path, f"INSERT INTO t VALUES (7, '{OLD}', 'corrected')")
        run(one, path)
        assert said(back(one, path)) == [(OLD, RESTORED, 2, 0, 2, 0)]
        with sqlite3.connect(path) as there:
            assert sorted(there.execute(f"SELECT id, value FROM t WHERE day = '{OLD}'")) == [(7, "corrected"), (8, "only")]
        there.close()


def test_cs37_a_number_that_was_used_again_is_of_two_rows(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, BARE)
    for value in ("first", "second"):
        change(path, f"DELETE FROM t; INSERT INTO t VALUES ('{OLD}', '{value}'), ('{OLD}', 'twice'), ('{OLD}', 'twice'); {NEWEST}")
        run(archive, path)
    change(path, f"DELETE FROM t; INSERT INTO t VALUES ('{OLD}', 'live'); {NEWEST}")
    (first,) = back(archive, path)
    assert said([first]) == [(OLD, RESTORED, 4, 0, 4, 0)]
    assert first.renumbered == 3
    assert "has the number" in first.named[0]
    with sqlite3.connect(path) as there:
        values = Counter(value for (value,) in there.execute("SELECT value FROM t"))
    there.close()
    assert values == {"live": 1, "first": 1, "second": 1, "twice": 2, "newest": 1}
    after = held(path)
    assert said(back(archive, path)) == [(OLD, UNCHANGED, 4, 4, 0, 0)]
    assert held(path) == after


def test_cs37_a_table_that_changed_takes_rows_by_name_and_loses_none(archive: Archive, tmp_path: Path) -> None:
    path, before = gone(archive, tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, gone, day TEXT, value)")
    change(path, "DROP TABLE t; CREATE TABLE t (more DEFAULT 5, VALUE, day TEXT, id INTEGER PRIMARY KEY)")
    assert {one.status for one in back(archive, path)} == {RESTORED}
    with sqlite3.connect(path) as there:
        assert there.execute("SELECT id, more, day, value FROM t ORDER BY id").fetchall() == [
            (2, 5, OLDER, "a"),
            (3, 5, OLD, b"\0"),
            (4, 5, OLD, 1.5),
            (5, 5, OLD, None),
        ]
    there.close()
    change(path, "DROP TABLE t; CREATE TABLE t (day TEXT, id INTEGER PRIMARY KEY)")
    results = back(archive, path)
    assert {one.status for one in results} == {STOPPED}
    assert "t has no column value, which these rows have a value for" in results[0].reason
    assert not held(path)
    assert sum(before.values()) == 5


def test_cs37_a_table_that_would_change_a_value_takes_none(archive: Archive, tmp_path: Path) -> None:
    path, _ = gone(archive, tmp_path, KEYED)
    change(path, "DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, day TEXT, value TEXT)")
    results = back(archive, path)
    assert [one.status for one in results] == [RESTORED, STOPPED]
    assert "a column is of another type now" in results[1].reason
    assert sum(held(path).values()) == 1


def test_cs37_constraints_name_the_rows_that_do_not_come_in(archive: Archive, tmp_path: Path) -> None:
    path, _ = gone(archive, tmp_path, KEYED)
    change(path, "CREATE TABLE n (id INTEGER PRIMARY KEY, day TEXT, value NOT NULL REFERENCES t (id)); DROP TABLE t; ALTER TABLE n RENAME TO t")
    results = back(archive, path)
    assert [(one.status, one.conflicts) for one in results] == [(CONFLICT, 1), (CONFLICT, 3)]
    assert "FOREIGN KEY" in results[0].named[0]
    assert "NOT NULL" in results[1].named[2]
    change(path, "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; END")
    with pytest.raises(ConfigurationError, match=r"triggers that run when a row is inserted \(r\)"):
        back(archive, path)


def test_cs37_f48_a_damaged_revision_is_named_and_the_others_come_back(archive: Archive, tmp_path: Path) -> None:
    plain = without_versions(archive)
    path, _ = gone(plain, tmp_path, KEYED)
    change(path, f"INSERT INTO t VALUES (9, '{OLD}', 'late')")
    run(plain, path)
    key = next(key for key in Bucket(plain).manifests() if OLD in key and ".r2" not in key)
    whole = Bucket(plain).body(key)
    Bucket(plain).put(key, whole[:-1])
    assert said(back(plain, path)) == [(OLDER, RESTORED, 1, 0, 1, 0), (OLD, DAMAGED, 1, 0, 1, 0)]
    assert "is not what was proved" in back(plain, path)[1].reason
    Bucket(plain).put(key, whole)
    assert said(back(plain, path))[1] == (OLD, RESTORED, 4, 1, 3, 0)
    (failed, *_) = back(dataclasses.replace(plain, endpoint_url=archive.endpoint_url), path)
    assert failed.status == UNCHANGED


def test_cs37_s3_that_fails_half_way_leaves_the_day_as_it_was(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = gone(archive, tmp_path, KEYED)
    real = Store.read

    def broken(self: Store, *, key: str, version_id: str = "") -> Any:
        if f"{OLD}.csv" in key and not key.endswith(".json"):
            raise StoreError("S3 did not answer.", kind="throttled")
        return real(self, key=key, version_id=version_id)

    monkeypatch.setattr(Store, "read", broken)
    assert [(one.status, one.added) for one in back(archive, path)] == [(RESTORED, 1), (FAILED, 0)]


def test_cs37_a_schema_that_was_altered_is_not_used(archive: Archive, tmp_path: Path) -> None:
    gone(archive, tmp_path, KEYED)
    (key,) = (key for key in Bucket(archive).versions() if ".schema/" in key)
    Bucket(archive).put(key, Bucket(archive).body(key).replace(b"value", b"eulav"))
    with pytest.raises(ConfigurationError, match="was altered"):
        back(archive, tmp_path / "scratch.db", create=True)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(TABLES), st.lists(ROW, min_size=1, max_size=12), st.lists(ROW, max_size=3))
def test_cs37_any_row_of_any_table_comes_back(archive: Archive, table: str, first: list[Any], later: list[Any]) -> None:
    one = dataclasses.replace(archive, prefix=f"case-{next(NUMBERS)}/")
    with tempfile.TemporaryDirectory() as folder:
        path = database(Path(folder), table)
        insert(path, [*first, (day(0), 1, b"newest")])
        before = held(path)
        run(one, path)
        after = held(path)
        insert(path, later)
        run(one, path)
        results = back(one, path)
        assert not sum(result.conflicts for result in results)
        assert sum(held(path).values()) >= sum(before.values())
        if not later:
            assert held(path) == before
            assert sum(result.added for result in results) == sum((before - after).values())
        again = held(path)
        assert {result.status for result in back(one, path)} <= {UNCHANGED}
        assert held(path) == again


def killed(archive: Archive, folder: Path) -> Path:
    """A run ended between an object and its manifest, a row was changed, and the next run archived the day as revision 2."""
    path = database(folder, f"{KEYED}; {NEWEST}")
    change(path, "INSERT INTO t (id, day, value) VALUES (7, ?, 'as it was')", [(OLD,)])
    with tempfile.TemporaryDirectory() as other:
        copy = dataclasses.replace(archive, prefix="elsewhere/")
        (Path(other) / "app.db").write_bytes(path.read_bytes())
        run(copy, Path(other) / "app.db")
    key = f"_rows/app/t/{OLD.replace('-', '/')}/t-{OLD}.csv.gz"
    Bucket(archive).put(key, Bucket(archive).body(f"elsewhere/{key}"))
    change(path, "UPDATE t SET value = 'as it went' WHERE id = 7")
    run(archive, path)
    assert f"{key.removesuffix('.csv.gz')}.r2.csv.gz" in Bucket(archive).manifests()
    return path


def test_cs37_what_a_killed_run_left_unproved_is_passed_over_once_the_day_is_proved(archive: Archive, tmp_path: Path) -> None:
    path = killed(archive, tmp_path)
    (result,) = back(archive, path)
    assert (result.status, result.in_archive, result.added, result.reason) == (RESTORED, 1, 1, "")
    assert "was uploaded by a run that ended before it was proved" in result.unproved[0]
    assert [row for row in held(path) if b"as it " in row] == [row for row in held(path) if b"as it went" in row]


def test_cs37_an_object_whose_manifest_was_deleted_is_not_passed_over(archive: Archive, tmp_path: Path) -> None:
    """Rows went on its word; and in a bucket without versions nobody knows."""
    path, _ = gone(archive, tmp_path, KEYED)
    change(path, "INSERT INTO t (day, value) VALUES (?, 'late')", [(OLD,)])
    run(archive, path)
    client(archive.endpoint_url).delete_object(Bucket=archive.bucket, Key=f"_rows/app/t/{OLD.replace('-', '/')}/t-{OLD}.csv.gz.manifest.json")
    assert [one.status for one in back(archive, path) if one.day == OLD] == [DAMAGED]
    (tmp_path / "plain").mkdir()
    plain = without_versions(archive)
    (result,) = back(plain, killed(plain, tmp_path / "plain"))
    assert (result.status, result.unproved) == (DAMAGED, ())
