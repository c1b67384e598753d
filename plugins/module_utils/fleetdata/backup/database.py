# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy of a database holds, and whether it is whole."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from urllib.parse import quote

from ..errors import ContentError, DamageError
from ..sql import quoted, statement
from .model import Facts, Manifest

_BLOCK = 1 << 20
_SOUND = "ok"
_SHOWN = 3


def examine(path: str) -> Facts:
    """Open a file that nobody writes to, check it and count its rows. Raises ContentError when it is empty, corrupt or no database."""
    if not os.path.getsize(path):
        raise ContentError(f"{path}: is empty: a database without a single byte.")
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True, isolation_level=None)) as database:
            facts = _facts(database, path)
    except sqlite3.Error as error:
        raise ContentError(f"{path}: cannot be read as a SQLite database ({error}).") from None
    if facts.integrity != _SOUND:
        raise ContentError(f"{path}: the database is corrupt: {facts.integrity}.")
    if not facts.counts:
        raise ContentError(f"{path}: is empty: a database without a single table.")
    return facts


def compare(path: str, manifest: Manifest) -> None:
    """Open a copy that came back and count again. Raises DamageError unless it holds what its manifest says; another SQLite may look at it."""
    try:
        found = examine(path)
    except ContentError as error:
        raise DamageError(f"{manifest.uri} came back, but what it holds is no good backup: {error}") from None
    differences = [
        f"{what} {was!r} is {now!r}"
        for what, was, now in (
            ("schema", manifest.schema_sha256, found.schema_sha256),
            ("user_version", manifest.user_version, found.user_version),
            ("number of rows", dict(manifest.counts), dict(found.counts)),
        )
        if was != now
    ]
    if differences:
        raise DamageError(f"{manifest.uri} came back, but is not what its manifest says: {'; '.join(differences)}.")


def sha256(path: str) -> str:
    """Of a file."""
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
    return digest.hexdigest()


def blocks(path: str) -> Iterator[bytes]:
    """A file, block by block."""
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _facts(database: sqlite3.Connection, path: str) -> Facts:
    database.text_factory = _text
    problems = [str(row[0]) for row in database.execute(f"PRAGMA integrity_check({_SHOWN})")]
    sound = problems == [_SOUND]
    return Facts(
        bytes=os.path.getsize(path),
        sha256=sha256(path),
        counts=_counts(database) if sound else {},
        sqlite_version=sqlite3.sqlite_version,
        page_size=_pragma(database, "page_size"),
        user_version=_pragma(database, "user_version"),
        schema_sha256=_schema(database) if sound else "",
        integrity=_SOUND if sound else "; ".join(problems).replace("\n", " "),
        foreign_keys=sum(1 for _ in database.execute("PRAGMA foreign_key_check")) if sound else 0,
    )


def _counts(database: sqlite3.Connection) -> Mapping[str, int]:
    """Rows by table. A virtual table (it has no root page) keeps its rows in others, which are counted."""
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name")]
    own = [name for name in names if not name.startswith("sqlite_")]
    return {name: int(database.execute(statement("SELECT count(*) FROM", quoted(name))).fetchone()[0]) for name in own}


def _schema(database: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for row in database.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name, tbl_name"):
        digest.update("\0".join(row).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
