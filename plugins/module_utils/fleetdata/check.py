# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the credentials can really do among the archive's keys, tried on an object of its own: archive or restore, and never overwrite or delete.

The probe is never replaced: it is there after the first check and stays, as archiving hosts cannot delete it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import keys
from .model import Archive
from .store_errors import error_code, explained

with suppress(ImportError):  # connect() says so before anything is checked
    from botocore.exceptions import ClientError

GOOD, WRONG, UNKNOWN = "good", "wrong", "unknown"
"""As it must be; otherwise; not readable with these credentials."""

ARCHIVE, RESTORE = "archive", "restore"
"""What credentials are for. Those for restoring write nothing, and see deleted versions."""

PROBE = b'{"what": "fleetdata check tries here what its credentials can do", "keep": true}\n'


@dataclass(frozen=True)
class Finding:
    """One thing that was tried or read. where: the key or the bucket's address. found: what S3 did or has. advice: a sentence unless GOOD."""

    where: str
    what: str
    status: str
    found: str
    advice: str = ""


def check(*, client: Any, archive: Archive, folders: Iterable[str] = (), use: str = ARCHIVE, dry_run: bool = False) -> list[Finding]:
    """Try everything and say what is as it must be. folders: prefixes that are used besides those of the reports. use: ARCHIVE or RESTORE. dry_run: only read.

    Raises StoreError if S3 does not answer, refuses the credentials themselves, or has no such bucket.
    """
    probes = dict.fromkeys([keys.probe_key(archive, report=report) for report in archive.reports] + [folder + keys.PROBE for folder in folders])
    findings = []
    seen: dict[str, Any] = {}
    for key in probes:
        trials = _Trials(client=client, bucket=archive.bucket, key=key)
        findings += list(trials.of(use, dry_run=dry_run))
        seen.update(trials.seen)
    return [*findings, *_Declared(client=client, bucket=archive.bucket, seen=seen).all()]


class _Trials:
    """What is tried with one probe. seen: what S3 said of it on the way."""

    def __init__(self, *, client: Any, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._object = {"Bucket": bucket, "Key": key}
        self.seen: dict[str, Any] = {}

    def of(self, use: str, *, dry_run: bool) -> Iterator[Finding]:
        yield from self._reading(use)
        if not dry_run:
            yield from self._archiving() if use == ARCHIVE else self._no_writing()

    def _reading(self, use: str) -> Iterator[Finding]:
        within = {"Bucket": self._bucket, "Prefix": self._key.rpartition("/")[0]}
        yield self._must("list objects", "ListObjectsV2", "s3:ListBucket", lambda: self._client.list_objects_v2(**within, MaxKeys=1), whole=True)

        def versions() -> Any:
            return self._client.list_object_versions(**within, MaxKeys=1)

        def uploads() -> Any:
            return self._client.list_multipart_uploads(**within, MaxUploads=1)

        if use == ARCHIVE:
            yield self._must("list uploads", "ListMultipartUploads", "s3:ListBucketMultipartUploads", uploads, whole=True)
        else:
            yield self._must("list versions", "ListObjectVersions", "s3:ListBucketVersions", versions, whole=True)
        yield self._must("read", "GetObject", "s3:GetObject", self._read)

    def _archiving(self) -> Iterator[Finding]:
        yield self._must("write", "PutObject", "s3:PutObject", lambda: self._client.put_object(**self._object, Body=PROBE, IfNoneMatch="*"))
        yield self._must("read back", "GetObject", "s3:GetObject", self._read)
        version = self.seen.get("VersionId")
        if version:
            yield self._must("read a version", "GetObject", "s3:GetObjectVersion", lambda: self._client.get_object(**self._object, VersionId=version))
        gone = {**self._object, "UploadId": "fleetdata-check"}
        yield self._must("abort an upload", "AbortMultipartUpload", "s3:AbortMultipartUpload", lambda: self._client.abort_multipart_upload(**gone))
        yield self._second_write()
        yield self._must_not("overwrite", "PutObject", lambda: self._client.put_object(**self._object, Body=PROBE), _OVERWRITING)
        yield self._must_not("delete", "DeleteObject", lambda: self._client.delete_object(**self._object), _NEEDLESS.format("s3:DeleteObject"))
        if version:
            deletion = {**self._object, "VersionId": version}
            yield self._must_not("delete a version", "DeleteObject", lambda: self._client.delete_object(**deletion), _NEEDLESS.format("s3:DeleteObjectVersion"))

    def _no_writing(self) -> Iterator[Finding]:
        put = {**self._object, "Body": PROBE, "IfNoneMatch": "*"}
        yield self._must_not("write", "PutObject", lambda: self._client.put_object(**put), _NEEDLESS.format("s3:PutObject"))
        yield self._must_not("delete", "DeleteObject", lambda: self._client.delete_object(**self._object), _NEEDLESS.format("s3:DeleteObject"))

    def _read(self) -> None:
        answer = self._client.get_object(**self._object)
        answer["Body"].close()
        self.seen.update({name: answer.get(name) for name in ("VersionId", "ServerSideEncryption")})

    def _second_write(self) -> Finding:
        refused = self._denied("PutObject", lambda: self._client.put_object(**self._object, Body=PROBE, IfNoneMatch="*"))
        if refused:
            return self._finding("write again", GOOD, "refused")
        return self._finding("write again", WRONG, "allowed", "S3 ignores If-None-Match, so two archivers could overwrite each other. Use an S3 that knows it.")

    def _must(self, what: str, operation: str, permission: str, call: Callable[[], Any], *, whole: bool = False) -> Finding:
        code = self._denied(operation, call)
        if code not in _DENIED:
            return self._finding(what, GOOD, "allowed")
        statement = {"Effect": "Allow", "Action": permission, "Resource": f"arn:aws:s3:::{self._bucket}" + ("" if whole else f"/{self._pattern}")}
        advice = f"Add {json.dumps(statement)} to the policy of these credentials, or see what in the bucket's policy or its KMS key's denies it."
        return self._finding(what, WRONG, "refused", advice)

    def _must_not(self, what: str, operation: str, call: Callable[[], Any], advice: str) -> Finding:
        denied = self._denied(operation, call) in _DENIED
        return self._finding(what, GOOD, "refused") if denied else self._finding(what, WRONG, "allowed", advice)

    def _denied(self, operation: str, call: Callable[[], Any]) -> str:
        """S3's code where it did not do it for a reason of its own, empty where it did. Raises StoreError where that tells nothing."""
        with explained(operation, bucket=self._bucket, key=self._key):
            try:
                call()
            except ClientError as error:
                code = error_code(error)
                if code not in (*_DENIED, *_NOT_NOW):
                    raise
                return code
        return ""

    @property
    def _pattern(self) -> str:
        return self._key[: -len(keys.PROBE)] + "*"

    def _finding(self, what: str, status: str, found: str, advice: str = "") -> Finding:
        return Finding(where=f"s3://{self._bucket}/{self._pattern}", what=what, status=status, found=found, advice=advice)


class _Declared:
    """The bucket's own settings, as far as these credentials may read them. seen: what S3 said with the probe."""

    def __init__(self, *, client: Any, bucket: str, seen: dict[str, Any]) -> None:
        self._client, self._bucket, self._seen = client, bucket, seen

    def all(self) -> Iterator[Finding]:
        yield self._judge("versioning", "GetBucketVersioning", "get_bucket_versioning", _versioning, seen=self._seen.get("VersionId"))
        yield self._judge("encryption", "GetBucketEncryption", "get_bucket_encryption", _encryption, seen=self._seen.get("ServerSideEncryption"))
        yield self._judge("public access", "GetPublicAccessBlock", "get_public_access_block", _public_access)
        yield self._judge("TLS only", "GetBucketPolicy", "get_bucket_policy", _tls_only)
        yield self._judge("lifecycle", "GetBucketLifecycleConfiguration", "get_bucket_lifecycle_configuration", _lifecycle)

    def _judge(self, what: str, operation: str, method: str, problem: Callable[[Any], str], *, seen: Any = None) -> Finding:
        where = f"s3://{self._bucket}"
        with explained(operation, bucket=self._bucket):
            try:
                said = getattr(self._client, method)(Bucket=self._bucket)
            except ClientError as error:
                code = error_code(error)
                if code in _DENIED and seen not in (None, "null"):
                    return Finding(where=where, what=what, status=GOOD, found="on, as the probe shows")
                if code in _DENIED:
                    return Finding(where=where, what=what, status=UNKNOWN, found="not readable", advice="Look with an administrator's credentials.")
                if code not in _NOT_SET:
                    raise
                said = {}
        wrong = problem(said)
        if not wrong:
            return Finding(where=where, what=what, status=GOOD, found="as it must be")
        return Finding(where=where, what=what, status=WRONG, found=wrong, advice="Converge it with the role aws_archive_bucket (playbooks/provision.yml).")


def _versioning(said: Any) -> str:
    return "" if said.get("Status") == "Enabled" else "is not enabled: what is overwritten or deleted is lost"


def _encryption(said: Any) -> str:
    return "" if said.get("ServerSideEncryptionConfiguration", {}).get("Rules") else "is not set"


def _public_access(said: Any) -> str:
    blocked = said.get("PublicAccessBlockConfiguration", {})
    off = [name for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets") if not blocked.get(name)]
    return f"is not blocked: {', '.join(off)}" if off else ""


def _tls_only(said: Any) -> str:
    statements = json.loads(said.get("Policy", "{}")).get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    denials = [one for one in listed if one.get("Effect") == "Deny" and _insecure(one.get("Condition", {}))]
    return "" if denials else "no statement of the bucket's policy denies requests without TLS"


def _insecure(condition: Any) -> bool:
    return str(condition.get("Bool", {}).get("aws:SecureTransport")).lower() in ("false", "['false']")


def _lifecycle(said: Any) -> str:
    rules = [rule for rule in said.get("Rules", []) if rule.get("Status") == "Enabled" and {"Days", "Date"} & set(rule.get("Expiration", {}))]
    return f"rule {rules[0].get('ID', '')!r} deletes objects" if rules else ""


_DENIED = ("AccessDenied", "403", "Forbidden")
_NOT_NOW = ("NoSuchKey", "404", "NoSuchVersion", "NoSuchUpload", "PreconditionFailed")
"""What S3 says after it has allowed a request."""
_NOT_SET = (
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
)
_OVERWRITING = "Deny s3:PutObject where s3:if-none-match is not said, in the bucket's policy: the statement DenyOverwriting of the role aws_archive_bucket."
_NEEDLESS = "Take {} from these credentials; they need no such right."
