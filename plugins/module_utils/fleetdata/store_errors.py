# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What S3 and botocore say, as a sentence and a kind. Never a credential, so no error text that may hold one is passed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .errors import StoreError

with suppress(ImportError):  # without botocore nothing asks S3
    from botocore.exceptions import BotoCoreError, ClientError

_PERMISSIONS = {
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "GetObject": "s3:GetObject and s3:GetObjectVersion",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
_DENIED = (
    "{where}: S3 denied {operation} ({code}). Give the host's role {permission} there, or see whether the bucket's policy or its key forbids it.",
    "denied",
)
_CREDENTIALS = (
    "{where}: S3 refused the credentials at {operation} ({code}). Renew them, or see that the host's clock and instance profile are right.",
    "denied",
)
_MISSING = ("{where}: not found ({code}).", "missing")
_THROTTLED = ("{where}: S3 asked to slow down at {operation} ({code}) and kept asking. Lower concurrency, or run again later.", "throttled")
_FAILED = ("{where}: S3 failed at {operation} ({code}) after all retries. Run again later.", "unreachable")
_REGION = ("{where}: the bucket is in another region ({code}). Correct region.", "other")
_DAMAGED = ("{where}: S3 received other bytes at {operation} than were sent ({code}), and kept none. Run again.", "other")
_COLD = ("{where}: the object lies in an archive tier ({code}) and must be restored from there before it can be read.", "other")
_OTHER = ("{where}: S3 refused {operation} ({code}).", "other")
_BY_CODE = {
    "NoSuchBucket": ("s3://{bucket}: there is no such bucket. Create it, or correct the bucket's name.", "missing"),
    "InvalidObjectState": _COLD,
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "NoSuchUpload", "NotFound"), _MISSING),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId", "AuthFailure"), _CREDENTIALS),
    **dict.fromkeys(("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"), _THROTTLED),
    **dict.fromkeys(("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"), _REGION),
    **dict.fromkeys(("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"), _DAMAGED),
    **dict.fromkeys(("InternalError", "ServiceUnavailable", "RequestTimeout"), _FAILED),
}
_BY_STATUS = {301: _REGION, 403: _DENIED, 404: _MISSING, 429: _THROTTLED, 500: _FAILED, 502: _FAILED, 503: _FAILED, 504: _FAILED}
"""What is said of an error: text and kind; by its code where that is known, else by the HTTP status."""
_NEVER_SENT = ("ParamValidationError", "UnknownParameterError", "NoRegionError", "InvalidRegionError")


@contextmanager
def explained(operation: str, *, bucket: str, key: str = "") -> Iterator[None]:
    """Turn what botocore raises inside into StoreError. operation: the API's name of the call, such as PutObject."""
    where = f"s3://{bucket}/{key}" if key else f"s3://{bucket}"
    try:
        yield
    except ClientError as error:
        raise _refused(operation, where=where, bucket=bucket, code=error_code(error), status=_status(error)) from None
    except BotoCoreError as error:
        raise _unanswered(operation, where=where, name=type(error).__name__) from None


def error_code(error: Exception) -> str:
    """S3's code of a ClientError, such as PreconditionFailed."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def _status(error: Exception) -> int:
    response = getattr(error, "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refused(operation: str, *, where: str, bucket: str, code: str, status: int) -> StoreError:
    text, kind = _BY_CODE.get(code) or _BY_STATUS.get(status, _OTHER)
    permission = _PERMISSIONS.get(operation, operation)
    return StoreError(text.format(where=where, bucket=bucket, operation=operation, code=code or status, permission=permission), kind=kind)


def _unanswered(operation: str, *, where: str, name: str) -> StoreError:
    if "Credential" in name or "Token" in name or "Profile" in name:
        return StoreError(
            f"{where}: no usable AWS credentials for {operation} ({name}). Give the host an instance profile, or the environment credentials.",
            kind="denied",
        )
    if name in _NEVER_SENT:
        return StoreError(f"{where}: {operation} cannot be asked for so ({name}). See that bucket, region and key are right.")
    return StoreError(
        f"{where}: S3 did not answer {operation} ({name}) after all retries. See that the host reaches S3 (network, proxy, endpoint_url), then run again.",
        kind="unreachable",
    )
