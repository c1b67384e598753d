# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of rows that came out of a report: the day's report is read from S3 afresh, and each row must be in it, as often as it is in the table.

A cell of the report is compared as the table's column would take it as text: a column of numbers takes 0.50 as 0.5. An empty cell is NULL or an empty text.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from ..catalogue import catalogue
from ..days import DayReader
from ..errors import DamageError
from ..model import Archive, Manifest, ReportType
from ..reading import content, named
from ..rows import RowError, last_end, read_row
from ..sql import statement, words
from ..store import Store
from . import day, rows
from .export import export
from .model import JULIAN
from .plan import Step
from .proof import Proof, UnprovedError
from .rows import Text, Value
from .table import Table

_AFFINITIES = (("INT", "INTEGER"), ("CHAR", "TEXT"), ("CLOB", "TEXT"), ("TEXT", "TEXT"), ("BLOB", ""), ("REAL", "REAL"), ("FLOA", "REAL"), ("DOUB", "REAL"))
"""What SQLite makes of a declared type: the first that is in it, else NUMERIC."""


class Reported:
    """Proves by the day's report. archive: of reports."""

    def __init__(self, *, store: Store, archive: Archive) -> None:
        self._store, self._archive = store, archive

    def prove(self, *, database: sqlite3.Connection, step: Step, folder: str) -> Proof:
        """Find each of the day's rows in its report."""
        path = os.path.join(folder, f"{step.day}.csv")
        count = export(database=database, step=step, path=path)
        manifest = self._manifest(step)
        relation = _Relation(step=step, report=self._archive.reports[step.rule.report], manifest=manifest, types=_types(database, step.table))
        with closing(sqlite3.connect(os.path.join(folder, "report.db"), isolation_level=None)) as file:
            self._fill(file, relation, manifest)
            _compare(file, relation, path, manifest)
        return Proof(
            path=path, count=count, uri=manifest.uri, version_id=manifest.version_id, revision=manifest.revision, sha256=manifest.content_sha256
        )  # fmt: skip

    def _manifest(self, step: Step) -> Manifest:
        found = catalogue(store=self._store, archive=self._archive, report=step.rule.report, first=step.day, last=step.day).days.get(step.day)
        if found is None or found.counting is None:
            why = " ".join(oddity.reason for oddity in found.oddities) if found else ""
            raise UnprovedError(f"The report {step.rule.report} of {step.day} is not in the archive, so nothing proves these rows. {why}".rstrip())
        return found.counting

    def _fill(self, file: sqlite3.Connection, relation: _Relation, manifest: Manifest) -> None:
        """The report's rows as the table would have them, with how often."""
        columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(relation.kinds))
        for sql in ("PRAGMA synchronous = OFF", f"CREATE TABLE cell ({columns})", "CREATE TABLE row (line BLOB PRIMARY KEY, times INT) WITHOUT ROWID", "BEGIN"):
            file.execute(sql)
        file.text_factory = Text
        insert = statement("INSERT INTO cell VALUES (", ", ".join("?" for _ in relation.kinds), ")")
        try:
            file.executemany(insert, relation.cells(content(store=self._store, manifest=manifest)))
        except RowError as error:
            raise DamageError(f"{named(manifest)} is not CSV: {error}.") from None
        again = "INSERT INTO row VALUES (?, 1) ON CONFLICT (line) DO UPDATE SET times = times + 1"
        file.executemany(again, ((relation.line(row),) for row in file.execute("SELECT * FROM cell")))


class _Relation:
    """How rows of a table and rows of its report are the same."""

    def __init__(self, *, step: Step, report: ReportType, manifest: Manifest, types: Mapping[str, str]) -> None:
        self._rule, self._day, self._report = step.rule, step.day, report
        pairs = {name: cell for name, cell in step.rule.columns.items() if name.lower() != step.rule.day_column.lower()}
        places = {name.lower(): place for place, name in enumerate(step.table.columns)}
        self._places = [places[name.lower()] for name in pairs]
        self._day_place = places[step.rule.day_column.lower()]
        if lacking := sorted(cell for cell in {*pairs.values(), *filter(None, [report.day_column])} if cell not in manifest.columns):
            raise UnprovedError(f"{named(manifest)} has no column {lacking[0]!r}; it has {', '.join(manifest.columns)}.")
        self._cells = [manifest.columns.index(cell) for cell in pairs.values()]
        self._day_cell = manifest.columns.index(report.day_column) if report.day_column else None
        self.kinds = [types[name.lower()] for name in pairs]

    def cells(self, blocks: Iterable[bytes]) -> Iterator[list[Any]]:
        """The cells of the report's rows of this day, as texts."""
        reader = DayReader(day_format=self._report.day_format)
        texts = _rows(blocks, self._report.delimiter.encode())
        next(texts, None)
        for cells in texts:
            if self._day_cell is None or reader.iso(cells[self._day_cell]) == self._day:
                yield [cells[place].decode() for place in self._cells]

    def of_table(self, row: tuple[Value, ...]) -> bytes | None:
        """A row of the table, None when its day is not just the day."""
        return self.line([row[place] for place in self._places]) if row[self._day_place] == _just(self._day, self._rule.day_format) else None

    def line(self, row: Iterable[Value]) -> bytes:
        """What is compared: an empty text is no value, and a number in a column without a type is its text."""
        return rows.line(self._plain(value, kind) for value, kind in zip(row, self.kinds))

    def _plain(self, value: Value, kind: str) -> Value:
        if value == b"" and isinstance(value, Text):
            return None
        return Text(str(value).encode()) if not kind and isinstance(value, (int, float)) else value


def _compare(file: sqlite3.Connection, relation: _Relation, path: str, manifest: Manifest) -> None:
    """Raise UnprovedError unless each row of a file is one of the report's, each of which counts once."""
    missing, example = 0, b""
    with open(path, "rb") as exported:
        lines = rows.lines(exported)
        next(lines, None)
        for line in lines:
            wanted = relation.of_table(rows.values(line))
            if wanted is None or not file.execute("UPDATE row SET times = times - 1 WHERE line = ? AND times > 0", (wanted,)).rowcount:
                missing, example = missing + 1, example or line
    if missing:
        raise UnprovedError(f"{missing} of these rows are not in {named(manifest)}, such as {example[:120]!r}. None of the day goes.")


def _rows(blocks: Iterable[bytes], delimiter: bytes) -> Iterator[list[bytes]]:
    """The rows of a CSV. Raises RowError."""
    text = b""
    for block in blocks:
        text += block
        end, _ = last_end(text, inside=False)
        yield from _whole(text[:end], delimiter)
        text = text[end:]
    yield from _whole(text, delimiter)


def _whole(text: bytes, delimiter: bytes) -> Iterator[list[bytes]]:
    at = 0
    while at < len(text):
        cells, at = read_row(text, at, delimiter=delimiter)
        yield cells


def _just(its_day: str, day_format: str) -> Value:
    """What a day column says of a day without a time."""
    start, stop = day.bounds(its_day, day_format)
    if day_format == JULIAN:
        return float(stop) - 1
    return Text(start.encode()) if isinstance(start, str) else start


def _types(database: sqlite3.Connection, table: Table) -> dict[str, str]:
    """The affinity of each column."""
    details = database.execute(f"PRAGMA table_xinfo({table.quoted})").fetchall()
    return {words(each[1]).lower(): _affinity(words(each[2]).upper()) for each in details}


def _affinity(declared: str) -> str:
    return next((kind for part, kind in _AFFINITIES if part in declared), "NUMERIC" if declared and declared != "ANY" else "")
