"""What the tests of backups share: databases, folders, and a context whose clock stands still until it is moved."""

from __future__ import annotations

import dataclasses
import datetime
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.context import Context
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.model import DATABASE, FOLDER, Backups, Keep, Result, Subject
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.backup.run import back_up
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, connect

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SCHEMA = """
CREATE TABLE accounts (name TEXT PRIMARY KEY);
CREATE TABLE entries (account TEXT REFERENCES accounts, amount INTEGER);
INSERT INTO accounts VALUES ('a'), ('b');
INSERT INTO entries VALUES ('a', 5), ('b', -5);
PRAGMA user_version = 7;
"""


def database(path: Path, *, mode: str = "wal", script: str = SCHEMA) -> Path:
    """A database of balanced entries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA journal_mode = {mode}")
        made.executescript(script)
    return path


def change(path: Path, script: str) -> None:
    """Write to a database."""
    with closing(sqlite3.connect(path)) as changed:
        changed.executescript(script)


def rows(path: Path, query: str = "SELECT account, amount FROM entries ORDER BY rowid") -> list[tuple[Any, ...]]:
    """What a database holds."""
    with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as read:
        return list(read.execute(query))


@dataclasses.dataclass
class Bench:
    """A host with backups, and the bucket they go to."""

    bucket: str
    endpoint: str
    work: Path
    subjects: Mapping[str, Subject]
    prefix: str = "host-1/"
    now: datetime.datetime = NOON

    @property
    def backups(self) -> Backups:
        return Backups(
            bucket=self.bucket,
            region="eu-central-1",
            subjects=self.subjects,
            prefix=self.prefix,
            endpoint_url=self.endpoint,
            work=str(self.work),
            busy_seconds=20,
        )

    @property
    def store(self) -> Store:
        return connect(archive=self.backups.archive)

    def context(self, store: Store | None = None) -> Context:
        return Context(store=store or self.store, backups=self.backups, host="catscan-1", clock=lambda: self.now)

    def run(self, name: str = "app", *, check: bool = False, store: Store | None = None) -> Result:
        """Back up; nothing is left on the way."""
        result = back_up(name=name, context=self.context(store), check=check)
        assert not list((self.work / name).iterdir())
        return result

    def seen(self) -> list[str]:
        """The keys that can be seen."""
        return [found.key for found in self.store.list(prefix=self.prefix)]


def bench(bucket: str, endpoint: str, tmp_path: Path, *, keep: Keep | None = None, kind: str = DATABASE) -> Bench:
    """A bench of one database, or of one folder."""
    path = tmp_path / "live" / ("app.db" if kind == DATABASE else "recordings")
    subject = Subject(name="app", kind=kind, path=str(path), keep=keep or Keep())
    return Bench(bucket=bucket, endpoint=endpoint, work=tmp_path / "work", subjects={"app": subject})


def folder(path: Path) -> Path:
    """A folder of recordings."""
    (path / "2026" / "empty").mkdir(parents=True)
    (path / "2026" / "one.json").write_text('{"one": 1}')
    (path / "2026" / "two.bin").write_bytes(bytes(range(256)) * 100)
    (path / "2026.txt").write_text("sorts between a folder and what is in it")
    (path / "latest").symlink_to("2026/one.json")
    return path


__all__ = ["DAY", "FOLDER", "NOON", "Bench", "bench", "change", "database", "folder", "rows"]
