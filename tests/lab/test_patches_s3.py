"""Each patch of S3: stock moto still has the gap, and the patch closes it."""

from __future__ import annotations

import base64
import hashlib
import threading

import boto3
import pytest
from moto.s3.responses import S3Response
from probes import Compare, error_of

from lab.patches import s3

REGION = {"LocationConstraint": "eu-central-1"}


def test_one_write_at_a_time(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_look = S3Response._get_checksum

    def probe() -> int:
        client = boto3.client("s3")
        client.create_bucket(Bucket="reports", CreateBucketConfiguration=REGION)
        client.put_bucket_versioning(Bucket="reports", VersioningConfiguration={"Status": "Enabled"})

        def put() -> str:
            return error_of(lambda: client.put_object(Bucket="reports", Key="k", Body=b"x", IfNoneMatch="*"))

        rival = threading.Thread(target=put)

        def overtaken(self: S3Response, *args: object) -> object:
            """The first is overtaken by a rival after its look, as far as the rival is let."""
            if rival.ident is None:
                rival.start()
                rival.join(timeout=1)
            return after_the_look(self, *args)

        with monkeypatch.context() as slow:
            slow.setattr(S3Response, "_get_checksum", overtaken)
            put()
            rival.join()
        return len(client.list_object_versions(Bucket="reports")["Versions"])

    assert compare(s3.one_write_at_a_time, probe) == (2, 1)


def test_upload_gone(compare: Compare) -> None:
    def probe() -> tuple[str, str]:
        client = boto3.client("s3")
        client.create_bucket(Bucket="reports", CreateBucketConfiguration=REGION)
        upload = client.create_multipart_upload(Bucket="reports", Key="k")["UploadId"]
        client.abort_multipart_upload(Bucket="reports", Key="k", UploadId=upload)
        named = {"Bucket": "reports", "Key": "k", "UploadId": upload}
        parts = {"Parts": [{"PartNumber": 1, "ETag": "none"}]}
        return (
            error_of(lambda: client.upload_part(**named, PartNumber=1, Body=b"x")),
            error_of(lambda: client.complete_multipart_upload(**named, MultipartUpload=parts)),
        )

    stock, patched = compare(s3.upload_gone, probe)
    assert "NoSuchUpload" not in stock
    assert patched == ("NoSuchUpload", "NoSuchUpload")


def test_wrong_checksum(compare: Compare) -> None:
    wrong = base64.b64encode(hashlib.sha256(b"another").digest()).decode()
    right = base64.b64encode(hashlib.sha256(b"x").digest()).decode()

    def probe() -> tuple[str, str, str]:
        client = boto3.client("s3")
        client.create_bucket(Bucket="reports", CreateBucketConfiguration=REGION)
        upload = client.create_multipart_upload(Bucket="reports", Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
        return (
            error_of(lambda: client.put_object(Bucket="reports", Key="k", Body=b"x", ChecksumSHA256=wrong)),
            error_of(lambda: client.upload_part(Bucket="reports", Key="k", UploadId=upload, PartNumber=1, Body=b"x", ChecksumSHA256=wrong)),
            error_of(lambda: client.put_object(Bucket="reports", Key="k", Body=b"x", ChecksumSHA256=right)),
        )

    assert compare(s3.wrong_checksum, probe) == (("", "", ""), ("BadDigest", "BadDigest", ""))
