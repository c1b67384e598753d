"""What the tests of the data core share: S3 over HTTP with a bucket for each test, and an archive declared in it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.model import Archive, ReportType
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Store, connect
from csv_files import COLUMNS
from s3_server import CREDENTIALS, REGION, s3, served

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an S3 server; the environment's credentials open it."""
    with pytest.MonkeyPatch.context() as environment, served(tmp_path_factory.mktemp("s3") / "s3.log") as running:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield running


@pytest.fixture
def bucket(endpoint: str) -> str:
    """A new bucket with versions."""
    name, client = f"reports-{next(_NUMBERS)}", s3(endpoint)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def archive(endpoint: str, bucket: str) -> Archive:
    """An archive of three report types in a new bucket."""
    names = ("performance", "funnel-geo", "funnel-publishers")
    return Archive(
        bucket=bucket,
        region=REGION,
        reports={name: ReportType(name=name, columns=COLUMNS, day_column="Day") for name in names},
        key="{report}/{yyyy}/{mm}/{dd}/catscan-{report}-{day}.csv.gz",
        endpoint_url=endpoint,
    )


@pytest.fixture
def store(archive: Archive) -> Store:
    """The archive's bucket."""
    return connect(archive=archive)
