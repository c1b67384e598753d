"""Archived days stay queryable: one statement over what is live and what is archived, or a refusal that names what is missing."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import ConfigurationError, DamageError, UsageError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.progress import Stopped
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.query.run import MissingDayError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_kills import dies_at
from archive_runs import Bucket, client
from archived_days import put_day
from command import answer, declare, fleetdata
from csv_files import csv_bytes
from queries import ask, asking
from retention_runs import Interrupted, change, database, day, run

OLD, OLDER, NEW = day(91), day(92), day(1)
TABLE = f"""
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT, site TEXT, n INT, UNIQUE (day, site));
INSERT INTO t (day, site, n) VALUES ('{OLDER}', 'a', 1), ('{OLDER}', 'b', 2), ('{OLD}', 'a', 3), ('{NEW}', 'a', 4);
"""
COUNT = "SELECT day, count(*), sum(n) FROM t GROUP BY day"
WHOLE = [(OLDER, 2, 3), (OLD, 1, 3), (NEW, 1, 4)]


class Counting(Store):
    """A bucket that counts what is read of it, manifests apart."""

    reads = 0

    def read(self, *, key: str, version_id: str = "") -> Any:
        self.reads += key.endswith(".csv.gz")
        return super().read(key=key, version_id=version_id)


def counting(archive: Archive, use: str = "") -> Counting:
    return Counting(client=client(archive.endpoint_url, use), bucket=archive.bucket)


@pytest.fixture
def retained(archive: Archive, tmp_path: Path) -> Path:
    """A database of which two days are archived and deleted."""
    path = database(tmp_path, TABLE)
    assert run(archive, path).deleted == 3
    return path


def test_cs37_f60_archived_and_live_days_are_one_table(archive: Archive, retained: Path) -> None:
    assert ask(archive, retained, COUNT) == WHOLE
    assert ask(archive, retained, "SELECT count(*) FROM live.t") == [(1,)]
    assert ask(archive, retained, "SELECT n FROM T AS x WHERE x.Site = 'a' ORDER BY n DESC LIMIT 2") == [(4,), (3,)]
    assert ask(archive, retained, "PRAGMA table_info(t)")[1][1:3] == ("day", "TEXT")
    assert ask(archive, retained, "-- all\nEXPLAIN QUERY PLAN SELECT * FROM t")
    assert ask(archive, retained, "SELECT value FROM json_each('[7]')") == [(7,)]


def test_cs37_f60_days_that_are_asked_for_bound_both_halves(archive: Archive, retained: Path) -> None:
    assert ask(archive, retained, COUNT, first=OLD) == WHOLE[1:]
    assert ask(archive, retained, COUNT, last=OLD) == WHOLE[:2]
    store = counting(archive)
    assert ask(archive, retained, COUNT, first=NEW, store=store) == WHOLE[2:]
    assert store.reads == 0


def test_cs37_f60_a_late_re_import_counts_once_and_a_corrected_row_as_it_is_now(archive: Archive, retained: Path) -> None:
    change(retained, f"INSERT INTO t (day, site, n) VALUES ('{OLDER}', 'a', 1), ('{OLDER}', 'b', 20), ('{OLDER}', 'c', 7)")
    late = [(OLDER, 3, 28), *WHOLE[1:]]
    assert ask(archive, retained, COUNT) == late
    run(archive, retained)
    assert ask(archive, retained, "SELECT count(*) FROM live.t") == [(1,)]
    assert ask(archive, retained, COUNT) == late


def test_cs37_f60_a_row_whose_day_was_changed_after_it_was_archived_counts_where_it_is_now(archive: Archive, retained: Path) -> None:
    """Its number is never used again, so it is the same row; a key that may be used again tells no such thing."""
    change(retained, f"INSERT INTO t (id, day, site, n) VALUES (1, '{NEW}', 'moved', 1)")
    assert ask(archive, retained, COUNT) == [(OLDER, 1, 2), (OLD, 1, 3), (NEW, 2, 5)]
    assert ask(archive, retained, COUNT, last=OLD) == [(OLDER, 1, 2), (OLD, 1, 3)]


def test_cs37_f60_a_key_that_is_used_again_on_another_day_is_another_row(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, f"CREATE TABLE t (mail TEXT PRIMARY KEY, day TEXT, n INT); INSERT INTO t VALUES ('a', '{OLD}', 1), ('b', '{NEW}', 2)")
    run(archive, path)
    change(path, f"INSERT INTO t VALUES ('a', '{NEW}', 3)")
    assert ask(archive, path, COUNT) == [(OLD, 1, 1), (NEW, 2, 5)]


def test_cs37_f60_what_retention_deletes_while_it_is_asked_is_in_the_answer(archive: Archive, tmp_path: Path) -> None:
    path = database(tmp_path, TABLE)
    change(path, f"INSERT INTO t (day, site, n) VALUES ('{day(95)}', 'a', 9)")
    rule = {"day_column": "day", "max_share": 1, "keep_days": 94}
    run(archive, path, tables={"t": rule})
    between = Interrupted(archive, {1: lambda key: run(archive, path)})
    assert ask(archive, path, COUNT, store=between) == [(day(95), 1, 9), *WHOLE]


def test_cs37_f60_columns_that_came_later_have_their_default_in_archived_rows(archive: Archive, retained: Path) -> None:
    change(retained, "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 5; ALTER TABLE t DROP COLUMN n")
    assert ask(archive, retained, "SELECT DISTINCT extra, typeof(extra) FROM t") == [("5", "text")]
    change(retained, "ALTER TABLE t ADD COLUMN sum AS (site || id)")
    with pytest.raises(MissingDayError, match="sum of t is computed since"):
        ask(archive, retained, "SELECT sum FROM t")
    assert (None,) in ask(archive, retained, "SELECT sum FROM t", partial=True)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM t", "a query only reads"),
        ("WITH x AS (SELECT 1) UPDATE t SET n = 0", "a query only reads"),
        ("ATTACH 'other.db' AS other", "a query only reads"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode is not available"),
        ("PRAGMA live.user_version = 5", "PRAGMA user_version is not available"),
        ("CREATE TEMP TABLE x (a)", "a query only reads"),
        ("VACUUM", "a query only reads"),
        ("SELECT load_extension('x')", "function load_extension is not available"),
        ("SELECT 1; SELECT 2", "one statement"),
        ("SELECT * FROM u", r"no such table: u\. There are funnel-geo, .*, t\."),
        ("SELECT wrong FROM t", "no such column: wrong"),
        ("SELECT count(* FROM t", "syntax error"),
        ("SELECT ?", "cannot be answered"),
        ("  -- nothing", "There is no statement"),
        ("", "There is no statement"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
    ],
)
def test_cs37_f60_a_statement_that_does_not_read_is_refused(archive: Archive, retained: Path, sql: str, says: str) -> None:
    before = retained.read_bytes()
    with pytest.raises(UsageError, match=says):
        ask(archive, retained, sql)
    assert retained.read_bytes() == before


def test_cs37_f60_an_answer_without_a_damaged_day_is_refused_and_a_partial_one_says_so(archive: Archive, retained: Path) -> None:
    (key,) = (key for key in Bucket(archive).manifests() if OLDER in key)
    client(archive.endpoint_url).delete_object(Bucket=archive.bucket, Key=key, VersionId=Bucket(archive).manifests()[key]["version_id"])
    with pytest.raises(DamageError, match=rf"would lack 1 day: .*{OLDER}.*--partial"):
        ask(archive, retained, COUNT)
    assert ask(archive, retained, COUNT, first=OLD) == WHOLE[1:]
    with asking(archive, retained, COUNT, partial=True) as partial:
        assert list(partial.rows) == WHOLE[1:]
        assert [(fault.name, fault.day, fault.damaged) for fault in partial.missing] == [("t", OLDER, True)]


def test_cs37_f60_what_is_not_as_it_was_proved_is_no_part_of_an_answer(archive: Archive, retained: Path) -> None:
    key, manifest = next(iter(Bucket(archive).manifests().items()))
    client(archive.endpoint_url).delete_object(Bucket=archive.bucket, Key=key, VersionId=manifest["version_id"])
    Bucket(archive).put(key, Bucket(archive).body([*Bucket(archive).manifests()][-1]))
    with pytest.raises(DamageError, match=OLDER):
        ask(archive, retained, COUNT)


def test_cs37_f60_more_than_is_allowed_is_not_read(archive: Archive, retained: Path) -> None:
    store = counting(archive)
    with pytest.raises(UsageError, match=r"2 objects with .* would be read, more than 10 B.*--from"):
        ask(archive, retained, COUNT, limit=10, store=store)
    assert store.reads == 0
    assert ask(archive, retained, "SELECT 5", limit=10) == [(5,)]


def test_cs37_f60_an_endless_statement_ends(archive: Archive, retained: Path) -> None:
    endless = "WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM x) SELECT max(a) FROM x, t"
    with pytest.raises(UsageError, match=r"no answer within 0\.1 seconds"):
        ask(archive, retained, endless, seconds=0.1)
    with pytest.raises(Stopped):
        ask(archive, retained, endless, stopped=True)


def test_cs37_f60_what_is_in_the_cache_is_not_read_again(archive: Archive, retained: Path, tmp_path: Path) -> None:
    store, cache = counting(archive), tmp_path / "cache"
    for _ in range(2):
        assert ask(archive, retained, COUNT, store=store, cache=cache) == WHOLE
    assert store.reads == 2
    assert (cache.stat().st_mode & 0o777, (cache / "fleetdata-query.db").stat().st_mode & 0o777) == (0o700, 0o600)


def test_cs37_f60_the_cache_holds_no_more_than_is_allowed(archive: Archive, retained: Path, tmp_path: Path) -> None:
    store, cache = counting(archive), tmp_path / "cache"
    limit = max(manifest["content_bytes"] for manifest in Bucket(archive).manifests().values())
    for asked, reads in ((OLDER, 1), (OLD, 2), (OLD, 2), (OLDER, 3)):
        assert len(ask(archive, retained, COUNT, store=store, cache=cache, limit=limit, first=asked, last=asked)) == 1
        assert store.reads == reads


def test_cs37_f60_a_cache_that_others_can_write_to_is_refused(archive: Archive, retained: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(ConfigurationError, match="others may write there"):
        ask(archive, retained, COUNT, cache=tmp_path / "cache")
    (tmp_path / "cache").chmod(0o700)
    (tmp_path / "cache" / "fleetdata-query.db").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        ask(archive, retained, COUNT, cache=tmp_path / "cache")


def test_cs37_f60_two_queries_fill_one_cache_at_once(archive: Archive, retained: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    other = counting(archive)
    found: list[tuple[Any, ...]] = []
    beside = threading.Thread(target=lambda: found.extend(ask(archive, retained, COUNT, cache=cache, store=other)))
    assert ask(archive, retained, COUNT, cache=cache, store=Interrupted(archive, {1: lambda _: beside.start()})) == WHOLE
    beside.join()
    assert found == WHOLE
    assert other.reads <= 2
    with closing(sqlite3.connect(cache / "fleetdata-query.db", isolation_level=None)) as loading:
        loading.execute("BEGIN IMMEDIATE")
        with pytest.raises(Stopped):  # it would wait
            ask(archive, retained, COUNT, cache=cache, stopped=True)


def test_cs37_f60_a_query_that_is_killed_leaves_a_good_cache(archive: Archive, retained: Path, tmp_path: Path) -> None:
    cache, step = tmp_path / "cache", 1
    while dies_at(step, partial(ask, archive, retained, COUNT, cache=cache, store=counting(archive, f"step {step}")), folder=str(tmp_path)):
        assert ask(archive, retained, COUNT, cache=cache) == WHOLE
        if step % 7 == 0:
            for name in os.listdir(cache):
                os.unlink(cache / name)
        step += 9
    assert step > 30


def test_cs37_f60_reports_are_tables_of_text(archive: Archive, store: Store) -> None:
    put_day(store, archive, "2026-01-31")
    put_day(store, archive, "2026-02-01", revision=1)
    put_day(store, archive, "2026-02-01", revision=2, content=csv_bytes("2026-02-01", rows=5))
    asked = 'SELECT _day, count(*), sum("Impressions"), typeof("Clicks") FROM performance GROUP BY _day'
    assert ask(archive, None, asked) == [("2026-01-31", 3, 93, "text"), ("2026-02-01", 5, 310, "text")]
    assert ask(archive, None, 'SELECT "Creative ID" FROM performance LIMIT 1') == [("creative, 0",)]
    assert ask(archive, None, 'SELECT count(*) FROM "funnel-geo"') == [(0,)]


def test_cs37_f60_a_day_of_a_report_that_is_missing_is_named(archive: Archive, store: Store) -> None:
    put_day(store, archive, "2026-01-31")
    put_day(store, archive, "2026-02-02")
    with pytest.raises(MissingDayError, match="performance of 2026-02-01 is not in the archive"):
        ask(archive, None, "SELECT count(*) FROM performance")
    with asking(archive, None, "SELECT count(*) FROM performance", partial=True) as partial:
        assert list(partial.rows) == [(6,)]
        assert [fault.day for fault in partial.missing] == ["2026-02-01"]


@pytest.fixture
def declared(archive: Archive, retained: Path, tmp_path: Path) -> Path:
    """The configuration of a host with retention."""
    configuration = declare(archive, tmp_path)
    (tmp_path / "fleetdata.d").mkdir()
    part = {"retention": {"app": {"database": str(retained), "tables": {"t": {"day_column": "day"}}}}}
    (tmp_path / "fleetdata.d" / "retention.json").write_text(json.dumps(part))
    return configuration


def test_cs37_f60_the_command_answers_in_three_formats(archive: Archive, declared: Path, tmp_path: Path) -> None:
    sql = f"SELECT day, site, n, X'00ff' AS bytes, NULL AS nix, 9e999 AS inf FROM t WHERE day = '{OLD}'"
    shown = fleetdata("query", sql, "--config", declared)
    assert shown.returncode == 0
    assert shown.stdout == (
        "day         site  n  bytes     nix  inf\n----------  ----  -  -------  ----  ---\n" + f"{OLD}  a     3  X'00FF'  NULL  inf\n"
    )  # fmt: skip
    assert shown.stderr.startswith("Reads 2 archived objects, ")
    assert shown.stderr.splitlines()[-1].startswith("1 row from live data and 2 archived objects, ")
    assert fleetdata("query", sql, "--format", "csv", "--config", declared).stdout == f"day,site,n,bytes,nix,inf\n{OLD},a,3,X'00FF',,inf\n"
    as_json = json.loads(fleetdata("query", sql, "--format", "json", "--config", declared).stdout)
    row = {"day": OLD, "site": "a", "n": 3, "bytes": "X'00FF'", "nix": None, "inf": "Infinity"}
    assert as_json == {"missing": [], "rows": [row]}
    file = tmp_path / "rows.csv"
    told = answer("query", COUNT, "--format", "csv", "--output", file, "--config", declared)
    assert (told["summary"]["rows"], told["columns"]) == (3, ["day", "count(*)", "sum(n)"])
    assert file.read_text().splitlines()[1:] == [",".join(map(str, row)) for row in WHOLE]


def test_cs37_f60_the_command_refuses_in_sentences(archive: Archive, declared: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    for said, says in (
        (["DROP TABLE t"], "a query only reads"),
        ([COUNT, "--name", "other"], "There is no database 'other' (--name); declared are app."),
        ([COUNT, "--from", "2026-02-01", "--to", "2026-01-01"], "is after the last"),
        (["SELECT 1 AS a, 2 AS a", "--format", "json", "--output", file], "Two columns of the answer are called a"),
        ([COUNT, "--output", tmp_path / "no" / "rows.csv"], "Name another file with --output"),
        ([COUNT, "--json"], "--json tells about the answer"),
    ):
        refused = fleetdata("query", *said, "--config", declared)
        assert refused.returncode == 2
        assert says in refused.stderr + refused.stdout
    assert not [name for name in os.listdir(tmp_path) if name.startswith("rows.csv")]


def test_cs37_f60_a_partial_answer_says_so_in_every_format(archive: Archive, declared: Path) -> None:
    key, manifest = next(iter(Bucket(archive).manifests().items()))
    client(archive.endpoint_url).delete_object(Bucket=archive.bucket, Key=key, VersionId=manifest["version_id"])
    assert fleetdata("query", COUNT, "--config", declared).returncode == 5
    partial = fleetdata("query", COUNT, "--partial", "--format", "json", "--config", declared)
    assert partial.returncode == 6
    assert f"NOT IN THE ANSWER: t of {OLDER}." in partial.stderr
    assert [fault["day"] for fault in json.loads(partial.stdout)["missing"]] == [OLDER]


def test_cs37_f60_a_report_and_a_table_of_one_name(archive: Archive, store: Store, tmp_path: Path) -> None:
    put_day(store, archive, "2026-01-31")
    path = database(tmp_path, "CREATE TABLE performance (day TEXT)")
    sql, tables = "SELECT count(*) FROM performance", {"performance": {"day_column": "day"}}
    assert ask(archive, path, sql, tables=tables) == [(0,)]
    assert ask(archive, path, sql, tables=tables, reports=True) == [(3,)]
