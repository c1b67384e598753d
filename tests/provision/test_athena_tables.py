"""What Athena is told of an archive: tables in Glue over HTTP, and a view that counts each day once, run over what really lies in the bucket."""

from __future__ import annotations

import base64
import csv
import gzip
import itertools
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.steady.fleet.plugins.module_utils import archive_tables
from ansible_collections.steady.fleet.plugins.module_utils.archive_tables import Report, Tables, TablesError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import keys, manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, Manifest
from empty_account import Account

KEY = "{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz"
REPORT = Report(name="funnel-geo", columns=("Day", "Bid requests", "Country"), first_day="2026-01-01")
TABLES = Tables(database="catscan_archive", bucket="reports", key=KEY, reports=(REPORT,), tags={"System": "catscan"})
NUMBERS = itertools.count(1)


@pytest.fixture
def tables() -> Tables:
    return replace(TABLES, database=f"archive_{next(NUMBERS)}")


def converge(client: Any, tables: Tables) -> list[str]:
    """The tables that changed, as planned before."""
    there, found = archive_tables.observe(client=client, declared=tables)
    changes = archive_tables.plan(declared=tables, database=there, found=found)
    archive_tables.apply(client=client, declared=tables, changes=changes)
    return [change.table for change in changes]


def test_cs37_f60_tables_are_made_and_then_left_alone(account: Account, tables: Tables) -> None:
    client = account.client("glue")
    assert converge(client, tables) == ["", "funnel_geo_objects", "funnel_geo_manifests", "funnel_geo"]
    assert converge(client, tables) == []
    made = client.get_table(DatabaseName=tables.database, Name="funnel_geo_objects")["Table"]
    assert [column["Name"] for column in made["StorageDescriptor"]["Columns"]] == ["day", "bid_requests", "country"]
    assert made["PartitionKeys"] == [{"Name": "archive_day", "Type": "string"}]
    assert made["Parameters"]["storage.location.template"] == "s3://reports/funnel-geo/${archive_day}/"
    assert made["Parameters"]["projection.archive_day.range"] == "2026/01/01,NOW"


def test_cs37_f60_what_drifted_is_put_right_and_what_is_not_declared_stays(account: Account, tables: Tables) -> None:
    client = account.client("glue")
    converge(client, tables)
    made = client.get_table(DatabaseName=tables.database, Name="funnel_geo_objects")["Table"]
    drifted = {name: made[name] for name in ("Name", "TableType", "PartitionKeys", "StorageDescriptor", "Parameters")}
    drifted["Parameters"] = {**made["Parameters"], "skip.header.line.count": "0"}
    client.update_table(DatabaseName=tables.database, TableInput=drifted)
    client.create_table(DatabaseName=tables.database, TableInput={"Name": "other"})
    assert converge(client, tables) == ["funnel_geo_objects"]
    wider = replace(tables, reports=(replace(REPORT, columns=(*REPORT.columns, "Bids")),))
    assert converge(client, wider) == ["funnel_geo_objects", "funnel_geo"]
    assert client.get_table(DatabaseName=tables.database, Name="other")["Table"]["Name"] == "other"


def test_cs37_f60_a_table_of_somebody_else_is_not_overwritten(account: Account, tables: Tables) -> None:
    client = account.client("glue")
    client.create_database(DatabaseInput={"Name": tables.database})
    client.create_table(DatabaseName=tables.database, TableInput={"Name": "funnel_geo", "Parameters": {"a": "b"}})
    with pytest.raises(TablesError, match="funnel_geo is there and was not made by this"):
        converge(client, tables)
    assert [table["Name"] for table in client.get_tables(DatabaseName=tables.database)["TableList"]] == ["funnel_geo"]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"key": "{report}/{day}.csv.gz"}, "needs a folder for each day"),
        ({"key": "{yyyy}/{mm}/{dd}/{report}/x.csv.gz"}, "needs a folder for each day"),
        ({"database": "With-Dash"}, "is no name for a database"),
        ({"reports": (replace(REPORT, columns=()),)}, "declares no columns"),
        ({"reports": (replace(REPORT, columns=("a b", "a-b")),)}, "two columns that Athena would call a_b"),
        ({"reports": (REPORT, replace(REPORT, name="funnel_geo"))}, "Two reports would have a table funnel_geo_objects"),
        ({"reports": (replace(REPORT, columns=("√",)),)}, "has no letter or digit"),
    ],
)
def test_cs37_f60_what_athena_cannot_read_is_refused(said: dict[str, Any], says: str) -> None:
    with pytest.raises(TablesError, match=says):
        archive_tables.plan(declared=replace(TABLES, **said), database=False, found={})


def test_cs37_f60_days_in_folders_of_their_own_are_projected() -> None:
    by_day = archive_tables.wanted(replace(TABLES, key="a/{report}/{day}/{report}.csv.gz"))["funnel_geo_objects"]["Parameters"]
    assert by_day["storage.location.template"] == "s3://reports/a/funnel-geo/${archive_day}/"
    assert (by_day["projection.archive_day.format"], by_day["projection.archive_day.range"]) == ("yyyy-MM-dd", "2026-01-01,NOW")


def objects(archive: Archive) -> Iterator[tuple[str, bytes]]:
    """A day with one revision, one with three of which the last is damaged, one that was never proved."""
    for day, revision, verified in (("2026-01-30", 1, True), *(("2026-01-31", number, number < 3) for number in (1, 2, 3)), ("2026-02-01", 1, None)):
        content = f'Day,Bid requests,Country\n{day},{revision},"a, ""b"""\n{day},0,c\n'
        key = keys.object_key(archive, report=REPORT.name, day=day, revision=revision)
        yield key, gzip.compress(content.encode())
        if verified is not None:
            said: dict[str, Any] = dict.fromkeys(("version_id", "content_sha256", "object_sha256", "compression", "encoder"), "")
            said |= dict.fromkeys(("source_host", "source_path", "source_modified", "archived_at"), "")
            of = {"bucket": "reports", "key": key, "report": REPORT.name, "day": day, "revision": revision, "rows": 2, "days": {day: 2}}
            proved = Manifest(**said, **of, columns=REPORT.columns, content_bytes=1, object_bytes=1, verified=verified)
            yield keys.manifest_key(key), manifest.render(proved)


class MaxBy:
    """Athena's aggregate."""

    def __init__(self) -> None:
        self.best: tuple[Any, Any] = (None, None)

    def step(self, value: Any, by: Any) -> None:
        if self.best[1] is None or by > self.best[1]:
            self.best = (value, by)

    def finalize(self) -> Any:
        return self.best[0]


def test_cs37_f60_the_view_has_the_counting_revision_of_each_day_and_nothing_else() -> None:
    """The view's own SQL, over the rows that Athena makes of the objects: SQLite runs it with three functions of Athena's."""
    made = archive_tables.wanted(replace(TABLES, database="main"))
    archive = Archive(bucket="reports", region="eu-central-1", reports={}, key=KEY)
    with closing(sqlite3.connect(":memory:")) as database:
        database.create_aggregate("max_by", 2, MaxBy)  # type: ignore[arg-type]
        database.create_function("regexp_extract", 3, lambda text, pattern, group: (found := re.search(pattern, text)) and found[group])
        database.execute('CREATE TABLE funnel_geo_objects (day, bid_requests, country, archive_day, "$path")')
        database.execute('CREATE TABLE funnel_geo_manifests (line, archive_day, "$path")')
        for key, body in objects(archive):
            path, day = f"s3://reports/{key}", "/".join(key.split("/")[1:4])
            lines = (gzip.decompress(body) if key.endswith(".gz") else body).decode().splitlines()
            for cells in csv.reader(lines[1:]):
                database.execute("INSERT INTO funnel_geo_objects VALUES (?, ?, ?, ?, ?)", [*(cells + [None] * 3)[:3], day, path])
            database.executemany("INSERT INTO funnel_geo_manifests VALUES (?, ?, ?)", [(line, day, path) for line in lines])
        view = made["funnel_geo"]["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
        said = json.loads(base64.b64decode(view))
        found = database.execute(said["originalSql"]).fetchall()
    assert [column["name"] for column in said["columns"]] == ["day", "bid_requests", "country", "archive_day"]
    rows = [(day, revision, 'a, "b"', day.replace("-", "/")) for day, revision in (("2026-01-30", "1"), ("2026-01-31", "2"))]
    assert sorted(found) == sorted([*rows, *((day, "0", "c", folder) for day, _, _, folder in rows)])
