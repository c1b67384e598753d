"""A bucket in this process, as ``store.Store`` is one: conditional writes, reads by version. So that a hundred thousand cases are a matter of minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.errors import StoreError
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.store import Found, Store, Stored, Version
from ansible_collections.steady.fleet.plugins.module_utils.fleetdata.versions import UNVERSIONED


@dataclass(frozen=True)
class Object:
    """A version of an object. body: None for a delete marker."""

    version_id: str
    body: bytes | None
    metadata: Mapping[str, str]


class Stream(Iterator[bytes]):
    """An object that is being read."""

    def __init__(self, found: Object) -> None:
        self.version_id, self.metadata = found.version_id, found.metadata
        self._blocks = iter([found.body or b""])

    def __next__(self) -> bytes:
        return next(self._blocks)


class BucketInMemory(Store):
    """versioned: whether it keeps versions. happens: told of every step before and after it has effect; what it raises is raised."""

    def __init__(self, *, versioned: bool, happens: Callable[[str, str], None] = lambda operation, key: None) -> None:
        super().__init__(client=None, bucket="in-memory")
        self.happens = happens
        self._versioned = versioned
        self._objects: dict[str, list[Object]] = {}
        self._versions = 0

    def put_new(
        self, *, key: str, body: bytes, sha256: str = "", content_type: str = "application/gzip", metadata: Mapping[str, str] = MappingProxyType({})
    ) -> Stored | None:
        self.happens("put", key)
        if self.now(key) is not None:
            return None
        stored = self.put(key, body, metadata)
        self.happens("was put", key)
        return Stored(version_id=stored.version_id, etag="")

    def put(self, key: str, body: bytes | None, metadata: Mapping[str, str] = MappingProxyType({})) -> Object:
        """Write over whatever there is; None deletes."""
        self._versions += 1
        stored = Object(str(self._versions) if self._versioned else "", body, metadata)
        there = self._objects.setdefault(key, [])
        if not self._versioned:
            there.clear()
        there.append(stored)
        return stored

    def destroy(self, key: str) -> None:
        """Delete all of its versions."""
        self._objects.pop(key, None)

    def now(self, key: str, version_id: str = "") -> Object | None:
        """What a reader gets."""
        there = self._objects.get(key, [])
        found = next((one for one in there if one.version_id == version_id), None) if version_id else (there or [None])[-1]
        return found if found and found.body is not None else None

    def listed(self) -> list[str]:
        """The objects that a list has."""
        return sorted(key for key in self._objects if self.now(key))

    def uploads(self, *, key: str) -> Sequence[str]:
        return []

    def list(self, *, prefix: str) -> Iterator[Found]:
        self.happens("list", prefix)
        yield from [Found(key=key, size=len(found.body or b"")) for key in self.listed() if key.startswith(prefix) and (found := self.now(key))]

    def versions(self, *, prefix: str) -> Iterator[Version]:
        self.happens("versions", prefix)
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            there = self._objects[key]
            for one in there:
                yield Version(
                    key=key, version_id=one.version_id or UNVERSIONED, latest=one is there[-1], deleted=one.body is None, size=len(one.body or b"")
                )  # fmt: skip

    @contextmanager
    def read(self, *, key: str, version_id: str = "") -> Iterator[Any]:
        self.happens("read", key)
        found = self.now(key, version_id)
        if found is None:
            raise StoreError(f"s3://{self.bucket}/{key}: no such object.", kind="missing")
        yield Stream(found)
