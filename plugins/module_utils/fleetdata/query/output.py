# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as text, each written as it comes: an answer may be larger than memory."""

from __future__ import annotations

import csv
import json
import math
from binascii import hexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from ..errors import UsageError
from ..table import clean

TABLE, CSV, JSON = "table", "csv", "json"
_MEASURED = 500
"""Rows by which the widths of a table's columns are set; a wider cell further down only moves its own line."""
_WIDEST = 60


def write(stream: TextIO, *, form: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], missing: Sequence[Mapping[str, Any]]) -> int:
    """Write an answer; how many rows it has. form: TABLE, CSV or JSON. missing: what the JSON says of days that are not in it. Raises UsageError."""
    return _FORMS[form](stream, columns, rows, missing)


def _table(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]], _missing: Sequence[Mapping[str, Any]]) -> int:
    there = iter(rows)
    first = [[_shown(value) for value in row] for row in islice(there, _MEASURED)]
    right = [all(isinstance(value, (int, float)) or value is None for value in column) for column in zip(*first)] or [False] * len(columns)
    first = [["NULL" if value is None else str(value) for value in row] for row in first]
    widths = [min(_WIDEST, max(map(len, column))) for column in zip([clean(name) for name in columns], *first)]
    stream.write(_line([clean(name) for name in columns], widths, right))
    stream.write("  ".join("-" * width for width in widths) + "\n")
    count = 0
    for row in chain(first, (["NULL" if value is None else str(_shown(value)) for value in row] for row in there)):
        stream.write(_line(row, widths, right))
        count += 1
    return count


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "  ".join(cell.rjust(width) if to_the_right else cell.ljust(width) for cell, width, to_the_right in zip(cells, widths, right)).rstrip() + "\n"


def _shown(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else _blob(value)


def _csv(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]], _missing: Sequence[Mapping[str, Any]]) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_blob(value) for value in row])
        count += 1
    return count


def _json(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]], missing: Sequence[Mapping[str, Any]]) -> int:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise UsageError(f"Two columns of the answer are called {twice[0]}. Name them apart (AS), or take another format.")
    stream.write(f'{{"missing": {json.dumps(missing)},\n"rows": [')
    count = 0
    for row in rows:
        stream.write((",\n" if count else "\n") + json.dumps({name: _plain(value) for name, value in zip(columns, row)}))
        count += 1
    stream.write("\n]}\n")
    return count


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return _blob(value)


def _blob(value: Any) -> Any:
    """Bytes as SQL writes them, every other value as it is."""
    return f"X'{hexlify(value).decode().upper()}'" if isinstance(value, bytes) else value


_FORMS: Mapping[str, Callable[[TextIO, Sequence[str], Iterable[Sequence[Any]], Sequence[Mapping[str, Any]]], int]] = {TABLE: _table, CSV: _csv, JSON: _json}
