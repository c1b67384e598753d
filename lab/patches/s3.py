"""S3."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any

from moto.s3.exceptions import NoSuchUpload, S3ClientError
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response

from lab.patches.seam import Patch, SetAttribute

CHECKSUM = "x-amz-checksum-sha256"


def one_write_at_a_time(set_attribute: SetAttribute) -> None:
    """Of two conditional writes of one key one wins; moto looks first and writes then, so that both can."""
    lock = threading.RLock()

    def locked(write: Callable[..., Any]) -> Callable[..., Any]:
        def one(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return write(*args, **kwargs)

        return one

    set_attribute(S3Response, "put_object", locked(S3Response.put_object))
    set_attribute(S3Response, "_key_response_post", locked(S3Response._key_response_post))


def upload_gone(set_attribute: SetAttribute) -> None:
    """A part of an aborted multipart upload, and its completion, are refused with NoSuchUpload; moto fails with 500."""

    def known(write: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: Any, bucket_name: str, multipart_id: str, *args: Any) -> Any:
            if multipart_id not in self.get_bucket(bucket_name).multiparts:
                raise NoSuchUpload(upload_id=multipart_id)
            return write(self, bucket_name, multipart_id, *args)

        return checked

    set_attribute(S3Backend, "upload_part", known(S3Backend.upload_part))
    set_attribute(S3Backend, "complete_multipart_upload", known(S3Backend.complete_multipart_upload))


def wrong_checksum(set_attribute: SetAttribute) -> None:
    """A body that does not have the SHA-256 that came with it is refused; moto keeps it."""

    def checked(write: Callable[..., Any]) -> Callable[..., Any]:
        def compare(self: Any) -> Any:
            said = self.headers.get(CHECKSUM)
            if said and said != base64.b64encode(hashlib.sha256(self.body or b"").digest()).decode():
                raise S3ClientError("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
            return write(self)

        return compare

    set_attribute(S3Response, "put_object", checked(S3Response.put_object))
    set_attribute(S3Response, "upload_part", checked(S3Response.upload_part))


PATCHES: tuple[Patch, ...] = (wrong_checksum, one_write_at_a_time, upload_gone)
