"""An empty, versioned bucket on a server of its own: a new process for every run, so that none works for the one before."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from benchmarks.archive.reports import ROOT, FileSet
from benchmarks.archive.serve import COUNTS

REGION, NAME = "eu-central-1", "benchmark"
FAKE_KEY = "fake-key-that-opens-nothing"
START_SECONDS = 120
SAMPLE = 5


@dataclass(frozen=True)
class Bucket:
    """A running server with one bucket."""

    endpoint: str
    pid: int

    def environment(self) -> dict[str, str]:
        """What makes every contestant speak to it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": FAKE_KEY,
            "AWS_SECRET_ACCESS_KEY": FAKE_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def client(self) -> Any:
        """Ours, outside of what is measured."""
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id=FAKE_KEY, aws_secret_access_key=FAKE_KEY)

    def requests(self) -> dict[str, int]:
        """How many came so far, by method."""
        with urllib.request.urlopen(self.endpoint + COUNTS) as answer:
            counts: dict[str, int] = json.load(answer)
        return counts

    def objects(self) -> dict[str, int]:
        """What lies in it: sizes by key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=NAME)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}

    def complaint(self, files: FileSet, objects: dict[str, int]) -> str:
        """What shows that the work was not done: a report without object, or one of a sample that unpacks to something else. Empty: it was."""
        wanted = {path.name: path for path in files.raw.iterdir()}
        held = {key.rpartition("/")[2].removesuffix(".gz"): key for key in objects if key.endswith(".csv.gz")}
        if set(held) != set(wanted):
            return f"{len(held)} reports in the bucket, {len(wanted)} wanted"
        for name in random.sample(sorted(wanted), min(SAMPLE, len(wanted))):
            with gzip.open(self.client.get_object(Bucket=NAME, Key=held[name])["Body"]) as stored, wanted[name].open("rb") as source:
                if hashlib.file_digest(stored, "sha256").digest() != hashlib.file_digest(source, "sha256").digest():
                    return f"{held[name]} is not {name}"
        return ""


@contextmanager
def bucket(folder: Path) -> Iterator[Bucket]:
    """Run a server until the block ends; what it spools goes to ``folder``."""
    ready = folder / "endpoint"
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "benchmarks.archive.serve", str(ready)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)})
    try:
        until = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the server did not start: {(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)
        running = Bucket(endpoint=ready.read_text(), pid=process.pid)
        running.client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        running.client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})
        yield running
    finally:
        process.terminate()
        process.wait()
