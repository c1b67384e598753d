"""Runs of retention over a real database and a bucket, and what neither of the two has any more."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import os
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention import rows
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.rules import parse_all
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.run import Context, Report, retain
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.retention.table import opened, read_table
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.sql import statement
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from archive_runs import NOON, Bucket, client
from botocore.exceptions import ClientError

RULE = {"day_column": "day", "max_share": 1}
WORK = "work"
Happens = dict[int, Callable[[str], object]]


class Interrupted(Store):
    """A bucket beside which something happens when an object of rows is read for the n-th time. happens: what, by n from 1; it is told the key."""

    def __init__(self, archive: Archive, happens: Happens, use: str = "") -> None:
        super().__init__(client=client(archive.endpoint_url, use), bucket=archive.bucket)
        self._happens, self._reads = happens, 0

    def read(self, *, key: str, version_id: str = "") -> Any:
        if key.endswith(".csv.gz"):
            self._reads += 1
            self._happens.get(self._reads, lambda key: None)(key)
        return super().read(key=key, version_id=version_id)


READ_BACK, FRESH = 1, 2
"""Reads of a day's first object: its archiver's, and the one that deletion is driven by."""


def day(back: int) -> str:
    """The day so many days ago."""
    return (NOON.date() - datetime.timedelta(days=back)).isoformat()


def database(folder: Path, sql: str) -> Path:
    """A database that is written to now."""
    path = folder / "app.db"
    change(path, sql)
    (folder / WORK).mkdir(exist_ok=True)
    return path


def change(path: Path, sql: str, values: Iterable[Any] = ()) -> None:
    """What another program does to the database."""
    with closing(sqlite3.connect(path)) as other, other:
        other.executemany(sql, values) if values else other.executescript(sql)
    os.utime(path, (NOON.timestamp(),) * 2)


def run(archive: Archive, path: Path, *, check: bool = False, happens: Happens | None = None, store: Store | None = None, **declared: Any) -> Report:
    """One run of retention. declared: settings other than the defaults."""
    os.utime(path, (NOON.timestamp(),) * 2)
    store = store or Interrupted(archive, happens or {})
    context = Context(store=store, archive=archive, work=str(path.parent / WORK), host="catscan-1", clock=lambda: NOON, sleep=lambda _: None)
    retention = parse_all({"app": {"database": str(path), "tables": {"t": RULE}} | declared}, "retention")["app"]
    report = retain(retention=retention, context=context, check=check)
    assert not list((path.parent / WORK).iterdir())
    return report


def held(path: Path, table: str = "t") -> Counter[bytes]:
    """The rows of a table, as lines."""
    with opened(str(path)) as there:
        known = read_table(there, table)
        return Counter(rows.line(row) for row in there.execute(statement("SELECT", known.listed, "FROM", known.quoted)))


def archived(archive: Archive, table: str = "t") -> Counter[bytes]:
    """The rows of a table that any object has which is, by the version of its manifest, still what was proved."""
    found: Counter[bytes] = Counter()
    for key, manifest in Bucket(archive).manifests().items():
        if manifest["verified"] and f"_rows/app/{table}/" in key:
            content = _content(archive, manifest)
            if hashlib.sha256(content).hexdigest() == manifest["content_sha256"]:
                _, *lines = rows.lines(content.splitlines(keepends=True))
                found |= Counter(lines)
    return found


def _content(archive: Archive, manifest: dict[str, Any]) -> bytes:
    version = {"VersionId": manifest["version_id"]} if manifest["version_id"] else {}
    try:
        body = client(archive.endpoint_url).get_object(Bucket=archive.bucket, Key=manifest["key"], **version)["Body"].read()
        return gzip.decompress(body)
    except (ClientError, EOFError, OSError, zlib.error):
        return b""


def lost(archive: Archive, path: Path, before: Counter[bytes], table: str = "t") -> Counter[bytes]:
    """Rows that are neither in the database nor in the archive."""
    return before - (held(path, table) | archived(archive, table))
