"""Days in a bucket as an archive run leaves them, without one: to plant faults in, and to say what must be found."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata import gz, keys, manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import SMALL, Archive, Manifest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store
from csv_files import COLUMNS, csv_bytes
from s3_server import s3

REPORT = "performance"


@functools.cache
def client(endpoint: str) -> Any:
    """A plain S3 client, made once: making one costs more than a test's requests."""
    return s3(endpoint)


def without_versions(archive: Archive) -> Archive:
    """The same archive in a new bucket that keeps no versions."""
    name = f"{archive.bucket}-plain"
    client(archive.endpoint_url).create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": archive.region})
    return dataclasses.replace(archive, bucket=name)


def packed(content: bytes) -> bytes:
    """The object of a CSV."""
    compressor = gz.Compressor(SMALL)
    return compressor.compress(content) + compressor.flush()


def described(archive: Archive, day: str, *, revision: int = 1, report: str = REPORT, content: bytes | None = None, **fields: Any) -> Manifest:
    """The manifest of a day's revision."""
    content = csv_bytes(day) if content is None else content
    body = packed(content)
    rows = content.count(b"\n") - 1
    said: dict[str, Any] = {
        "bucket": archive.bucket,
        "key": keys.object_key(archive, report=report, day=day, revision=revision),
        "version_id": "",
        "report": report,
        "day": day,
        "revision": revision,
        "rows": rows,
        "days": {day: rows} if rows else {},
        "columns": COLUMNS,
        "content_bytes": len(content),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "object_bytes": len(body),
        "object_sha256": hashlib.sha256(body).hexdigest(),
        "compression": SMALL,
        "encoder": gz.encoder(SMALL),
        "source_host": "catscan",
        "source_path": f"/var/lib/catscan/imports/done/catscan-{report}-{day}.csv",
        "source_modified": f"{day}T09:00:00Z",
        "archived_at": f"{day}T10:00:00Z",
    }
    return Manifest(**(said | fields))


def put_object(store: Store, archive: Archive, day: str, *, content: bytes | None = None, report: str = REPORT, revision: int = 1) -> str:
    """An object and no manifest; its version."""
    stored = store.put_new(key=keys.object_key(archive, report=report, day=day, revision=revision), body=packed(csv_bytes(day) if content is None else content))
    assert stored is not None
    return stored.version_id


def put_manifest(store: Store, said: Manifest) -> None:
    """A manifest where it belongs."""
    assert store.put_new(key=keys.manifest_key(said.key), body=manifest.render(said)) is not None


def put_day(store: Store, archive: Archive, day: str, *, content: bytes | None = None, report: str = REPORT, revision: int = 1, **fields: Any) -> Manifest:
    """An archived day."""
    version = put_object(store, archive, day, content=content, report=report, revision=revision)
    said = described(archive, day, content=content, report=report, revision=revision, **({"version_id": version} | fields))
    put_manifest(store, said)
    return said
