"""Runs of the archive, and what they left in the bucket."""

from __future__ import annotations

import datetime
import functools
import gzip
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.archive import archive_files
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.keys import MANIFEST
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, Outcome
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, connect
from s3_server import REGION, s3

NOON = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)


@functools.cache
def client(endpoint: str, _use: str = "") -> Any:
    """The client that the archive itself makes; making one takes longer than a run. A process that is forked off needs one of its own."""
    return connect(archive=Archive(bucket="any", region=REGION, reports={}, endpoint_url=endpoint))._client


def run(archive: Archive, *paths: Path, report: str = "performance", check: bool = False, **more: Any) -> list[Outcome]:
    """One run over files of one report."""
    store = Store(client=client(archive.endpoint_url), bucket=archive.bucket)
    more = {"store": store, "clock": lambda: NOON, "host": "catscan-1", "sleep": lambda _: None} | more
    return archive_files(archive=archive, files=[(str(path), report) for path in paths], check=check, **more)


def predicted_and_done(archive: Archive, *paths: Path, **more: Any) -> list[Outcome]:
    """A run that did exactly what a check before it had said, the check having changed nothing."""
    before = snapshot(archive, paths)
    said = run(archive, *paths, check=True, **more)
    assert snapshot(archive, paths) == before
    done = run(archive, *paths, **more)
    assert [_predictable(outcome) for outcome in said] == [_predictable(outcome) for outcome in done]
    return done


def _predictable(outcome: Outcome) -> tuple[Any, ...]:
    return (outcome.path, outcome.status, outcome.uri, outcome.revision, outcome.day, outcome.rows, outcome.content_sha256, outcome.changed, outcome.deleted)


def snapshot(archive: Archive, paths: Sequence[Path]) -> tuple[Any, ...]:
    """The bucket's versions and the files."""
    versions = Bucket(archive).versions()
    return sorted(versions.items()), [path.is_file() and path.read_bytes() for path in paths]


@dataclass(frozen=True)
class Bucket:
    """What is in a bucket under the archive's prefix, looked at with a plain client."""

    archive: Archive

    @property
    def client(self) -> Any:
        return s3(self.archive.endpoint_url)

    def versions(self) -> Counter[str]:
        """How many versions each key has; a delete marker is a failure."""
        counts: Counter[str] = Counter()
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.archive.bucket, Prefix=self.archive.prefix):
            assert not page.get("DeleteMarkers")
            counts.update(version["Key"] for version in page.get("Versions", []))
        return counts

    def body(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.archive.bucket, Key=key)["Body"].read())

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.archive.bucket, Key=key, Body=body)

    def manifests(self) -> dict[str, dict[str, Any]]:
        """The manifests by the key of their object."""
        return {key[: -len(MANIFEST)]: json.loads(self.body(key)) for key in self.versions() if key.endswith(MANIFEST)}

    def contents(self) -> dict[str, bytes]:
        """The unpacked objects that count, by key."""
        return {key: gzip.decompress(self.body(key)) for key, manifest in self.manifests().items() if manifest["verified"]}

    def check_whole(self) -> None:
        """Nothing overwritten, nothing half done: one version of each key, a manifest for each object, no upload under way."""
        versions = self.versions()
        assert set(versions.values()) <= {1}
        objects = {key for key in versions if not key.endswith(MANIFEST) and ".schema/" not in key}
        assert objects == set(self.manifests())
        assert not self.client.list_multipart_uploads(Bucket=self.archive.bucket, Prefix=self.archive.prefix).get("Uploads")
