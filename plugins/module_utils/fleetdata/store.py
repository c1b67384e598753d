# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket: objects are added and read, never overwritten. Nothing of an archive is ever deleted; backups that are no longer kept get a delete marker.

Whatever botocore raises leaves here as StoreError.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Callable

from .errors import ConfigurationError, StoreError
from .model import Archive
from .object_stream import ObjectStream
from .store_errors import error_code, explained

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # connect() says so
    _HAS_BOTO3 = False
else:
    _HAS_BOTO3 = True

_EXISTS = "PreconditionFailed"
_RACING = "ConditionalRequestConflict"
_GONE = "NoSuchUpload"
_TRIES = 5
_LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class Stored:
    """An object that was written. version_id: empty in a bucket without versions."""

    version_id: str
    etag: str


@dataclass(frozen=True)
class Found:
    """A listed object. size: bytes. storage_class: as S3 bills it. modified: when it was written, by S3's clock."""

    key: str
    size: int
    storage_class: str = "STANDARD"
    modified: datetime.datetime = _LONG_AGO


@dataclass(frozen=True)
class Version:
    """A listed version of an object. size: in bytes. deleted: whether it is a delete marker."""

    key: str
    version_id: str
    latest: bool
    deleted: bool
    size: int


@dataclass(frozen=True)
class Part:
    """An uploaded part of a multipart upload. sha256: base64, as S3 writes it."""

    number: int
    etag: str
    sha256: str


class UploadGoneError(StoreError):
    """A multipart upload was aborted by somebody else, or S3 wants it begun anew."""


def connect(*, archive: Archive) -> Store:
    """The archive's bucket, with the usual AWS credentials. Raises ConfigurationError when boto3 is missing or too old; asks S3 nothing yet."""
    if not _HAS_BOTO3:
        raise ConfigurationError("The Python package boto3 is missing. Install it, or use the role fleetdata, which brings it along.")
    config: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": _TRIES},
        "connect_timeout": 10,
        "read_timeout": 60,
        "tcp_keepalive": True,
        "max_pool_connections": archive.concurrency + 2,
        # We send and compare SHA-256 ourselves: a second checksum would only cost time.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    if archive.endpoint_url:
        config["s3"] = {"addressing_style": "path"}
    try:
        client = boto3.client("s3", region_name=archive.region or None, endpoint_url=archive.endpoint_url or None, config=Config(**config))
    except TypeError:
        raise ConfigurationError(_TOO_OLD) from None
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"No S3 client for region {archive.region!r} ({type(error).__name__}). Correct region, endpoint_url or AWS_PROFILE.") from None
    for operation in ("PutObject", "CompleteMultipartUpload"):
        # A botocore that does not know the condition would overwrite.
        if "IfNoneMatch" not in client.meta.service_model.operation_model(operation).input_shape.members:
            raise ConfigurationError(_TOO_OLD)
    return Store(client=client, bucket=archive.bucket)


_TOO_OLD = "boto3 is too old: it needs 1.36 or later, which knows conditional writes."


class Store:
    """A bucket. ``sleep`` waits between tries of a write that races with another."""

    def __init__(self, *, client: Any, bucket: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.bucket = bucket
        self._client = client
        self._sleep = sleep

    @property
    def client(self) -> Any:
        """The boto3 client, for what only ``check`` asks of it."""
        return self._client

    def put_new(
        self, *, key: str, body: bytes, sha256: str = "", content_type: str = "application/gzip", metadata: Mapping[str, str] = MappingProxyType({})
    ) -> Stored | None:
        """Write an object unless there is one under ``key``: then None. sha256: of the body, hexadecimal, where it is known already."""
        digest = sha256 or hashlib.sha256(body).hexdigest()
        said = {"ContentType": content_type, "Metadata": dict(metadata), **_checksum(digest)}

        def put() -> Stored | None:
            return self._unless_exists(
                "PutObject",
                key,
                lambda: self._client.put_object(Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*", **said),
            )

        for attempt in range(_TRIES - 1):
            try:
                return put()
            except UploadGoneError:  # another write of this key is under way: who wins is not yet known
                self._sleep(0.1 * 2**attempt)
        return put()

    def begin(self, *, key: str, metadata: Mapping[str, str] = MappingProxyType({})) -> str:
        """Begin a multipart upload; its id."""
        said = {"ContentType": "application/gzip", "Metadata": dict(metadata), "ChecksumAlgorithm": "SHA256"}
        with explained("CreateMultipartUpload", bucket=self.bucket, key=key):
            begun = self._client.create_multipart_upload(Bucket=self.bucket, Key=key, **said)
        return str(begun["UploadId"])

    def put_part(self, *, key: str, upload: str, number: int, body: bytes) -> Part:
        """Upload one part (from 1). Raises UploadGoneError when the upload was aborted."""
        checksum = _checksum(hashlib.sha256(body).hexdigest())
        with explained("UploadPart", bucket=self.bucket, key=key), _gone(key):
            done = self._client.upload_part(Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, **checksum)
        return Part(number=number, etag=done["ETag"], sha256=checksum["ChecksumSHA256"])

    def complete(self, *, key: str, upload: str, parts: Sequence[Part]) -> Stored | None:
        """Make the parts the object, unless there is one under ``key``: then None. Raises UploadGoneError when it must be begun anew."""
        listed: list[Any] = [{"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": part.sha256} for part in parts]
        return self._unless_exists(
            "CompleteMultipartUpload",
            key,
            lambda: self._client.complete_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload, IfNoneMatch="*", MultipartUpload={"Parts": listed}),
        )

    def abort(self, *, key: str, upload: str) -> None:
        """Give a multipart upload up; one that is gone already is no error."""
        with explained("AbortMultipartUpload", bucket=self.bucket, key=key):
            try:
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise

    def uploads(self, *, key: str) -> Sequence[str]:
        """The ids of the multipart uploads of exactly this key that are under way."""
        with explained("ListMultipartUploads", bucket=self.bucket, key=key):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=key)
            return [upload["UploadId"] for page in pages for upload in page.get("Uploads", []) if upload["Key"] == key]

    def list(self, *, prefix: str) -> Iterator[Found]:
        """The objects whose keys begin with ``prefix``, by key."""
        with explained("ListObjectsV2", bucket=self.bucket, key=prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    yield Found(key=item["Key"], size=item["Size"], storage_class=item.get("StorageClass", "STANDARD"), modified=item["LastModified"])

    def versions(self, *, prefix: str) -> Iterator[Version]:
        """All versions and delete markers of the keys that begin with ``prefix``."""
        with explained("ListObjectVersions", bucket=self.bucket, key=prefix):
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                for item in page.get("Versions", []):
                    yield Version(key=item["Key"], version_id=item["VersionId"], latest=item["IsLatest"], deleted=False, size=item["Size"])
                for marker in page.get("DeleteMarkers", []):
                    yield Version(key=marker["Key"], version_id=marker["VersionId"], latest=marker["IsLatest"], deleted=True, size=0)

    @contextmanager
    def read(self, *, key: str, version_id: str = "") -> Iterator[ObjectStream]:
        """The object, block by block; of that version where one is named. A connection that breaks is resumed where it broke.

        Raises StoreError; its kind is ``missing`` when there is no such object or version.
        """
        wanted: dict[str, Any] = {"Bucket": self.bucket, "Key": key, **({"VersionId": version_id} if version_id else {})}
        with closing(ObjectStream(client=self._client, wanted=wanted, sleep=self._sleep)) as stream:
            yield stream

    def fetch(self, *, key: str, version_id: str = "") -> bytes | None:
        """A small object's bytes, None when there is no such object or version."""
        try:
            with self.read(key=key, version_id=version_id) as blocks:
                return b"".join(blocks)
        except StoreError as error:
            if error.kind == "missing" and "no such bucket" not in str(error):
                return None
            raise

    def remove(self, *, key: str) -> None:
        """Hide an object behind a delete marker: in a bucket with versions, as backups need, it can still be had by its version."""
        with explained("DeleteObject", bucket=self.bucket, key=key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _unless_exists(self, operation: str, key: str, write: Callable[[], Any]) -> Stored | None:
        with explained(operation, bucket=self.bucket, key=key), _gone(key):
            try:
                written = write()
            except ClientError as error:
                if error_code(error) == _EXISTS:
                    return None
                raise
        return Stored(version_id=written.get("VersionId", ""), etag=written["ETag"])


@contextmanager
def _gone(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error) in (_GONE, _RACING):
            raise UploadGoneError(f"{key}: another archiver writes this key at the same time ({error_code(error)}). Run again.") from None
        raise


def _checksum(sha256: str) -> dict[str, Any]:
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode()}
