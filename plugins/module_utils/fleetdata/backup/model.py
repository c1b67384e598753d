# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of backups: what is declared, what one holds, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ConfigurationError
from ..model import FAST, Archive

DATABASE, FOLDER = "database", "folder"
"""What is backed up."""

UPLOADED, UNCHANGED, DAMAGED, FAILED, REFUSED = "uploaded", "unchanged", "damaged", "failed", "refused"
"""What became of a backup. UNCHANGED: the newest one holds the same, which was proved anew and recorded. DAMAGED: it read back wrong. FAILED: S3, or the
host, did not do it. REFUSED: what was to be backed up is empty or corrupt. Older ones go only after the first two."""


@dataclass(frozen=True)
class Keep:
    """Which backups stay: the newest one of each of so many days, ISO weeks and months that have one, in UTC, and the last so many of all."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12
    last: int = 3


@dataclass(frozen=True)
class Subject:
    """What is backed up under a name. kind: DATABASE or FOLDER. path: absolute. empty: whether a database may have lost all of its rows."""

    name: str
    kind: str
    path: str
    keep: Keep = field(default_factory=Keep)
    empty: bool = False


@dataclass(frozen=True)
class Backups:
    """What is backed up, and where to. subjects: by name. work: a directory with room for a copy of the largest database.

    busy_seconds: how long others that hold a database are waited for.
    """

    bucket: str
    region: str
    subjects: Mapping[str, Subject]
    prefix: str = ""
    endpoint_url: str = ""
    compression: str = FAST
    work: str = "/var/lib/fleetdata/backup"
    busy_seconds: float = 60.0

    def subject(self, name: str) -> Subject:
        """What is declared under a name. Raises ConfigurationError."""
        if name not in self.subjects:
            raise ConfigurationError(f"No backup is declared as {name!r}; there are {', '.join(sorted(self.subjects))}.")
        return self.subjects[name]

    @property
    def archive(self) -> Archive:
        """Their bucket, as ``store.connect`` takes it."""
        return Archive(bucket=self.bucket, region=self.region, reports={}, prefix=self.prefix, endpoint_url=self.endpoint_url)


@dataclass(frozen=True)
class Facts:
    """What a database or a folder was found to hold. bytes, sha256: of its copy, or of its list of files.

    counts: of a database rows by table, of a folder its files, links and their bytes. The rest is a database's. foreign_keys: rows that refer to no row.
    """

    bytes: int
    sha256: str
    counts: Mapping[str, int]
    sqlite_version: str = ""
    page_size: int = 0
    user_version: int = 0
    schema_sha256: str = ""
    integrity: str = ""
    foreign_keys: int = 0


@dataclass(frozen=True)
class Manifest:
    """What was proved of one backup: it is written last, once, and counts only with ``verified``.

    stamp: when its copy was made, UTC, such as 20260131T080012Z. key: of the object that holds it, which an earlier backup may have sent: then nothing was
    changed since. seconds: how long it took. The other fields are those of ``Facts`` and of the archive's manifests.
    """

    bucket: str
    key: str
    version_id: str
    name: str
    kind: str
    stamp: str
    content_bytes: int
    content_sha256: str
    object_bytes: int
    object_sha256: str
    compression: str
    encoder: str
    counts: Mapping[str, int]
    sqlite_version: str
    page_size: int
    user_version: int
    schema_sha256: str
    integrity: str
    foreign_keys: int
    source_host: str
    source_path: str
    archived_at: str
    seconds: int
    verified: bool = True
    reason: str = ""

    @property
    def uri(self) -> str:
        """The object's address."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def facts(self) -> Facts:
        """What it holds."""
        return Facts(
            bytes=self.content_bytes,
            sha256=self.content_sha256,
            counts=self.counts,
            sqlite_version=self.sqlite_version,
            page_size=self.page_size,
            user_version=self.user_version,
            schema_sha256=self.schema_sha256,
            integrity=self.integrity,
            foreign_keys=self.foreign_keys,
        )


@dataclass(frozen=True)
class Result:
    """What became of one backup, or would. reason: a sentence unless all is well. files: objects that were sent. object_bytes: of them together.

    pruned: the stamps of those that went. stayed: why none went, though the backup is proved. notices: what else there is to know.
    """

    name: str
    kind: str
    path: str
    status: str
    reason: str = ""
    stamp: str = ""
    uri: str = ""
    version_id: str = ""
    bytes: int = 0
    content_sha256: str = ""
    object_bytes: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    files: int = 0
    seconds: int = 0
    pruned: tuple[str, ...] = ()
    stayed: str = ""
    notices: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether there is a backup of what was there now."""
        return self.status in (UPLOADED, UNCHANGED)
