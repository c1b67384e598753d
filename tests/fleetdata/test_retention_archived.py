"""Which days of a table are in the archive, and what of them is in doubt."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import catalogue
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.keys import manifest_key
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.archived import archived_rows, report_name, table_name, tables
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import Bucket
from hypothesis import given
from hypothesis import strategies as st
from retention_runs import RULE, change, database, day, run

OLD, OLDER = day(100), day(101)


def filled(archive: Archive, folder: Path) -> None:
    """Three revisions of two days of a table, and one of another."""
    path = database(folder, 'CREATE TABLE t (day, a); CREATE TABLE "all" (day, a)')
    rules = {"tables": {"t": RULE, "all": RULE}}
    change(path, f"INSERT INTO t VALUES ('{OLD}', 1), ('{OLDER}', 2), ('{day(0)}', 0); INSERT INTO \"all\" VALUES ('{OLD}', 1)")
    run(archive, path, **rules)
    change(path, f"INSERT INTO t VALUES ('{OLD}', 3)")
    run(archive, path, **rules)


def test_cs37_every_proved_revision_of_a_day_counts(archive: Archive, store: Store, tmp_path: Path) -> None:
    filled(archive, tmp_path)
    found = list(archived_rows(store=store, archive=archive, name="app", table="t"))
    assert [(one.day, [manifest.rows for manifest in one.revisions], one.faults) for one in found] == [(OLDER, [1], ()), (OLD, [1, 1], ())]
    assert [one.day for one in archived_rows(store=store, archive=archive, name="app", table="t", first=OLD, last=OLD)] == [OLD]
    assert tables(store=store, archive=archive, name="app") == ["all", "t"]
    with pytest.raises(ConfigurationError, match="Name a database"):
        tables(store=store, archive=archive, name="ap")


def test_f48_a_revision_that_cannot_be_told_is_named(archive: Archive, store: Store, tmp_path: Path) -> None:
    filled(archive, tmp_path)
    (key, _) = (one.key for one in next(iter(archived_rows(store=store, archive=archive, name="app", table="t", first=OLD))).revisions)
    Bucket(archive).put(manifest_key(key), b"{}")
    (one,) = archived_rows(store=store, archive=archive, name="app", table="t", first=OLD)
    assert [manifest.revision for manifest in one.revisions] == [2]
    assert "format None" in one.faults[0]
    for name in (key, manifest_key(key)):
        Bucket(archive).client.delete_object(Bucket=archive.bucket, Key=name)
    (one,) = archived_rows(store=store, archive=archive, name="app", table="t", first=OLD)
    assert "revision 1 is not: deleted" in one.faults[0]


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_cs37_a_table_is_told_by_where_its_rows_lie(table: str) -> None:
    assert table_name(report_name(table)) == table


def test_cs37_rows_are_no_foreign_objects_of_reports(archive: Archive) -> None:
    keys = dict.fromkeys(["_rows/app/t/2026/01/01/t-2026-01-01.csv.gz", "_backups/app/1", "2026/01/01/other", "2026/01/01/performance.csv.gz"], 1)
    by_year = Archive(bucket="b", region="r", reports=archive.reports, key="{yyyy}/{mm}/{dd}/{report}.csv.gz")
    assert catalogue.sort_keys(by_year, "performance", keys).foreign == ("2026/01/01/other",)
