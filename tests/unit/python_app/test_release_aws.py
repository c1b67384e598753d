"""What a release takes from AWS, against moto's server over HTTP: pinned objects, and secrets that are missing or malformed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.steady.fleet.plugins.plugin_utils import ship
from ansible_collections.steady.fleet.plugins.plugin_utils.release_aws import AwsError, environment_of_secrets
from ansible_collections.steady.fleet.plugins.plugin_utils.sources import Request, Source, SourceError, obtain
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-testing-testing",
    }.items():
        monkeypatch.setenv(name, value)


def put_secret(name: str, text: str) -> None:
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)


def test_cs14_secrets_become_an_environment() -> None:
    put_secret("catscan/one", json.dumps({"token": "canary-1", "port": 5432, "other": "x"}))
    items = [{"secret": "catscan/one", "keys": {"API_TOKEN": "token", "PGPORT": "port"}, "region": None}]
    assert environment_of_secrets(items) == {"API_TOKEN": "canary-1", "PGPORT": "5432"}


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (None, "secret 'catscan/bad' in region eu-central-1 cannot be read: ResourceNotFoundException; make it with: aws secretsmanager create-secret"),
        ('{"other": "canary"}', "key 'token' (for API_TOKEN) is not in it; store all its keys with: aws secretsmanager put-secret-value"),
        ('{"token": ["canary"]}', "key 'token' (for API_TOKEN) is neither text nor a number"),
        ("canary", "is not a JSON object"),
        ('["canary"]', "is not a JSON object"),
    ],
)
def test_w8_a_bad_secret_is_one_sentence_without_values(stored: str | None, says: str) -> None:
    if stored is not None:
        put_secret("catscan/bad", stored)
    try:
        with pytest.raises(AwsError) as caught:
            environment_of_secrets([{"secret": "catscan/bad", "keys": {"API_TOKEN": "token"}, "region": REGION}])
    finally:
        if stored is not None:
            boto3.client("secretsmanager").delete_secret(SecretId="catscan/bad", ForceDeleteWithoutRecovery=True)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("item", [{}, {"secret": "x"}, {"secret": "x", "keys": {}}, {"secret": "x", "keys": ["A"]}])
def test_a_malformed_declaration_is_named(item: dict[str, Any]) -> None:
    with pytest.raises(AwsError, match="needs secret"):
        environment_of_secrets([item])


def tar_of(text: str) -> bytes:
    return ship.archive([ship.Entry("app.py", text.encode())])


@pytest.fixture
def bucket(endpoint: str) -> Iterator[str]:
    s3 = boto3.resource("s3")
    made = s3.create_bucket(Bucket="releases", CreateBucketConfiguration={"LocationConstraint": REGION})
    made.Versioning().enable()
    yield made.name
    made.object_versions.delete()
    made.delete()


def get(tmp_path: Path, **s3: str) -> Source:
    rules = ship.Rules()
    return obtain(Request(source={"s3": s3}, rules=rules, requirements="", cache=str(tmp_path / "cache")))


def test_w13_a_version_stays_what_it_was_and_is_fetched_once(bucket: str, tmp_path: Path) -> None:
    client = boto3.client("s3")
    version = client.put_object(Bucket=bucket, Key="app.tar", Body=tar_of("one"))["VersionId"]
    client.put_object(Bucket=bucket, Key="app.tar", Body=tar_of("two"))
    wanted = {"bucket": bucket, "key": "app.tar", "version_id": version, "region": REGION}
    assert get(tmp_path, **wanted).entries[0].data == b"one"
    client.delete_object(Bucket=bucket, Key="app.tar", VersionId=version)
    assert get(tmp_path, **wanted).entries[0].data == b"one"


def test_w13_other_content_than_the_digest_is_refused(bucket: str, tmp_path: Path) -> None:
    body = tar_of("one")
    boto3.client("s3").put_object(Bucket=bucket, Key="app.tar", Body=body)
    digest = hashlib.sha256(body).hexdigest()
    assert get(tmp_path, bucket=bucket, key="app.tar", sha256=digest).entries[0].data == b"one"
    with pytest.raises(SourceError, match="other content than the declared sha256"):
        get(tmp_path, bucket=bucket, key="app.tar", sha256="0" * 64)


@pytest.mark.parametrize(("name", "key", "reason"), [("releases", "none.tar", "NoSuch"), ("no-such-bucket", "app.tar", "NoSuchBucket")])
def test_a_missing_object_is_one_sentence(bucket: str, tmp_path: Path, name: str, key: str, reason: str) -> None:
    assert bucket
    with pytest.raises(SourceError, match=f"s3://{name}/{key} cannot be fetched: S3 answers {reason}"):
        get(tmp_path, bucket=name, key=key, sha256="0" * 64)


def test_a_compressed_archive_is_read_too(bucket: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        info = tarfile.TarInfo("app-2/app.py")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"two"))
    body = buffer.getvalue()
    boto3.client("s3").put_object(Bucket=bucket, Key="app.tar.xz", Body=body)
    source = get(tmp_path, bucket=bucket, key="app.tar.xz", sha256=hashlib.sha256(body).hexdigest())
    assert source.entries == (ship.Entry("app.py", b"two"),)
