"""The SQLite schema, and connections that are safe beside a running importer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Element N takes the schema from version N to N + 1; `PRAGMA user_version` says how far a database is.
# Money is held in millionths, so that sums stay exact. `archive_uri` is where S3 holds the report.
MIGRATIONS = (
    """
    CREATE TABLE rtb_daily (
        day TEXT NOT NULL, billing_id TEXT NOT NULL, creative_id TEXT NOT NULL, creative_size TEXT NOT NULL,
        country TEXT NOT NULL, reached_queries INTEGER NOT NULL, impressions INTEGER NOT NULL,
        clicks INTEGER NOT NULL, spend_micros INTEGER NOT NULL,
        PRIMARY KEY (day, billing_id, creative_id, creative_size, country)
    ) WITHOUT ROWID;
    CREATE TABLE rtb_funnel (
        day TEXT NOT NULL, dimension TEXT NOT NULL CHECK (dimension IN ('geo', 'publisher')),
        country TEXT NOT NULL, publisher_id TEXT NOT NULL, publisher_name TEXT NOT NULL,
        bid_requests INTEGER NOT NULL, inventory_matches INTEGER NOT NULL, bids INTEGER NOT NULL,
        bids_in_auction INTEGER NOT NULL, auctions_won INTEGER NOT NULL, impressions INTEGER NOT NULL,
        PRIMARY KEY (day, dimension, country, publisher_id)
    ) WITHOUT ROWID;
    CREATE TABLE performance_metrics (
        date TEXT NOT NULL, billing_id TEXT NOT NULL, creatives INTEGER NOT NULL, countries INTEGER NOT NULL,
        reached_queries INTEGER NOT NULL, impressions INTEGER NOT NULL, clicks INTEGER NOT NULL,
        spend_micros INTEGER NOT NULL,
        PRIMARY KEY (date, billing_id)
    ) WITHOUT ROWID;
    CREATE TABLE import_history (
        id INTEGER PRIMARY KEY, report_type TEXT NOT NULL, file_name TEXT NOT NULL, day TEXT,
        sha256 TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ('imported', 'skipped', 'quarantined')),
        rows INTEGER NOT NULL, rows_replaced INTEGER NOT NULL, reason TEXT NOT NULL, imported_at TEXT NOT NULL,
        archive_uri TEXT
    );
    CREATE INDEX import_history_by_digest ON import_history (sha256, status);
    CREATE INDEX import_history_by_type ON import_history (report_type, status, id);
    CREATE TABLE installation (created_at TEXT NOT NULL);
    INSERT INTO installation VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
    """,
)
SCHEMA_VERSION = len(MIGRATIONS)


class SchemaError(Exception):
    """The database belongs to a newer release than this one."""


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    # Two processes may start on an empty database at once: the version is read again under the write lock.
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise SchemaError(f"{path} has schema version {version}, this release knows {SCHEMA_VERSION}: deploy a newer release.")
        for script in MIGRATIONS[version:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection in autocommit mode to ``path``, its schema created or brought up to date.

    Raises SchemaError if the database is of a newer release, sqlite3.Error if it cannot be used.
    """
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a report is moved away once its transaction is committed, so that commit must survive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            _migrate(connection, path)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is written at once, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
