# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drill archived rows: drawn days of tables brought into a scratch database, and compared with what was proved."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Callable

from ..errors import DamageError, StoreError
from ..model import Archive, Manifest
from ..reading import DAMAGED, FAILED, content
from ..retention import rows
from ..retention.archived import ArchivedDay, archived_rows
from ..retention.rows import Text
from ..sql import quoted, statement
from ..store import Store
from ..verify import GOOD
from .draw import Draw
from .model import DIFFERS, ROWS, Check, Found


@dataclass(frozen=True)
class Rows:
    """tables: by the database's name in the archive. clock: seconds that never go back."""

    store: Store
    archive: Archive
    tables: Mapping[str, Sequence[str]]
    clock: Callable[[], float]

    def drill(self, *, folder: str, draw: Draw) -> Found:
        """Drill them in an empty folder. Raises ConfigurationError, StoreError."""
        days = {(name, table, day.day): day for name, tables in self.tables.items() for table in tables for day in self._days(name, table)}
        every = [manifest for day in days.values() for manifest in day.revisions]
        drawn = draw.of(days)
        checks = [self._day(f"{name}.{table}", days[name, table, day], os.path.join(folder, "rows.db")) for name, table, day in drawn]
        newest = {f"{name}.{table}": day for name, table, day in sorted(days)}
        return Found(
            checks=tuple(checks),
            newest=newest,
            seconds=sum(check.seconds for check in checks),
            object_bytes=sum(one.object_bytes for key, check in zip(drawn, checks) if check.status == GOOD for one in days[key].revisions),
            all_bytes=sum(manifest.object_bytes for manifest in every),
        )

    def _days(self, name: str, table: str) -> Iterator[ArchivedDay]:
        return archived_rows(store=self.store, archive=self.archive, name=name, table=table)

    def _day(self, name: str, day: ArchivedDay, path: str) -> Check:
        """Bring a day's rows, of all its proved revisions, into a database of their own."""
        check = Check(ROWS, name, day.day, GOOD)
        if day.faults or not day.revisions:
            return _failed(check, DAMAGED, " ".join(day.faults) or f"No revision of the rows of {name} of {day.day} is proved.")
        began = self.clock()
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as scratch:
                wrong = [wrong for manifest in day.revisions for wrong in _brought(scratch, manifest, self.store)]
        except DamageError as error:
            return _failed(check, DAMAGED, str(error))
        except StoreError as error:
            return _failed(check, DAMAGED if error.kind == "missing" else FAILED, str(error))
        except sqlite3.Error as error:
            return _failed(check, DIFFERS, f"{name} of {day.day}: its rows cannot be brought back ({error}).")
        newest = day.revisions[-1]
        check = dataclasses.replace(
            check, uri=newest.uri, version_id=newest.version_id, bytes=sum(one.content_bytes for one in day.revisions), sha256=newest.content_sha256,
            seconds=self.clock() - began,
        )  # fmt: skip
        if wrong:
            return _failed(check, DIFFERS, " ".join(wrong))
        return dataclasses.replace(check, rows=sum(manifest.rows for manifest in day.revisions))


def _brought(scratch: sqlite3.Connection, manifest: Manifest, store: Store) -> Iterator[str]:
    """Bring one revision's rows into a table, read them from there, and compare: as many, and byte for byte the same."""
    columns = manifest.columns[:-1]
    scratch.text_factory = Text
    scratch.execute("DROP TABLE IF EXISTS drilled")
    scratch.execute(statement("CREATE TABLE drilled (", ", ".join(quoted(column) for column in columns), ")"))
    sent = hashlib.sha256()
    scratch.execute("BEGIN")
    for line in _lines(_passed(content(store=store, manifest=manifest), sent)):
        bound = [rows.bound(value) for value in rows.values(line)]
        insert = statement("INSERT INTO drilled VALUES (", ", ".join(place for place, _ in bound), ")")
        scratch.execute(insert, [value for _, value in bound])
    scratch.execute("COMMIT")
    back, count = hashlib.sha256(rows.header_line(columns)), 0
    for row in scratch.execute("SELECT * FROM drilled"):  # in the order in which they came
        back.update(rows.line(row))
        count += 1
    if (count, back.hexdigest(), sent.hexdigest()) != (manifest.rows, manifest.content_sha256, manifest.content_sha256):
        yield f"{manifest.uri}: {count:,} rows came back with SHA-256 {back.hexdigest()}; {manifest.rows:,} with {manifest.content_sha256} were proved."


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of rows, without their header."""
    whole = rows.lines(rows.parts(blocks))
    next(whole, None)
    yield from whole


def _passed(blocks: Iterable[bytes], sent: hashlib._Hash) -> Iterator[bytes]:
    for block in blocks:
        sent.update(block)
        yield block


def _failed(check: Check, status: str, reason: str) -> Check:
    return dataclasses.replace(check, status=status, reason=reason)
