# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of drills: each has a digest of itself and that of the one before, so that none can be altered or taken away unseen.

They lie in a folder of the host and, put there once each, in the bucket under _drills/<host>/.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError
from ..reading import FAILED
from ..store import Store
from .model import ALTERED, RECORD, Check

FORMAT = 1
PREFIX = "_drills/"
"""What the keys of records begin with, below the archive's prefix."""
_DIGEST = "record_sha256"
_NAME = re.compile(r"drill-(\d{6})-\d{8}T\d{6}Z\.json")


@dataclass(frozen=True)
class Record:
    """One record. number: from 1. sha256: the digest that it says. body: its bytes. said: all that it says. whole: whether it is what its digest says."""

    name: str
    number: int
    sha256: str
    body: bytes
    said: Mapping[str, Any]
    whole: bool = True


def read(folder: str) -> list[Record]:
    """The records of a folder, in order, whatever they are."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [_parse(os.path.join(folder, name), int(match[1])) for name, match in ((name, _NAME.fullmatch(name)) for name in names) if match]


def problems(folder: str, records: Sequence[Record]) -> Iterator[str]:
    """What tells that records were altered or taken away, a sentence each."""
    for before, record in zip([None, *records], records):
        number, sha256 = (before.number, before.sha256) if before else (0, "")
        if not record.whole:
            yield f"{folder}/{record.name} was altered or cut: it has not the digest that it says. Bring it back from its copy in the bucket."
        elif (record.number, record.said.get("previous")) != (number + 1, sha256):
            yield f"{folder}/{record.name}: the record before it is missing or another one. Bring it back from its copy in the bucket."


def sealed(said: Mapping[str, Any], *, after: Sequence[Record], stamp: str) -> Record:
    """The next record. stamp: when, such as 20260131T080012Z."""
    number = after[-1].number + 1 if after else 1
    whole = {**said, "format": FORMAT, "number": number, "previous": after[-1].sha256 if after else ""}
    sha256 = _digest(whole)
    body = (json.dumps({**whole, _DIGEST: sha256}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    return Record(name=f"drill-{number:06d}-{stamp}.json", number=number, sha256=sha256, body=body, said=whole)


def write(folder: str, record: Record) -> str:
    """Write a record, whole or not at all; its path. Raises OSError."""
    path = os.path.join(folder, record.name)
    part = os.path.join(folder, f".{record.name}.part")
    with open(part, "wb") as file:
        file.write(record.body)
        file.flush()
        os.fsync(file.fileno())
    os.link(part, path)  # never over another one
    os.unlink(part)
    return path


def share(*, store: Store, prefix: str, host: str, records: Sequence[Record]) -> Iterator[Check]:
    """Put the records into the bucket that are not there, and compare the newest that is. One check for each that is wrong."""
    stem = f"{prefix}{PREFIX}{host}/"
    try:
        there = {found.key for found in store.list(prefix=stem)}
        known = [record for record in records if stem + record.name in there]
        for record in [*known[-1:], *(record for record in records if stem + record.name not in there)]:
            if store.put_new(key=stem + record.name, body=record.body, content_type="application/json") is None:
                yield from _same(store, stem + record.name, record)
    except StoreError as error:
        yield Check(RECORD, host, "", FAILED, f"The record is on the host alone: {error}")


def _same(store: Store, key: str, record: Record) -> Iterator[Check]:
    if store.fetch(key=key) != record.body:
        yield Check(RECORD, record.name, "", ALTERED, f"s3://{store.bucket}/{key} is another record than the host has: one of them was altered.")


def _parse(path: str, number: int) -> Record:
    with open(path, "rb") as file:
        body = file.read()
    said: Any = {}
    with suppress(ValueError):
        said = json.loads(body)
    said = said if isinstance(said, dict) else {}
    sha256 = str(said.pop(_DIGEST, ""))
    whole = sha256 == _digest(said) and said.get("number") == number
    return Record(name=os.path.basename(path), number=number, sha256=sha256, body=body, said=said, whole=whole)


def _digest(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
