# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of archived objects, as SQLite takes them."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Callable, Union

from ..errors import DamageError
from ..model import Manifest, ReportType
from ..retention import rows
from ..rows import RowError, read_row
from ..scan import BOM

Value = Union[int, float, str, bytes, rows.Text, None]
Row = tuple[Value, ...]
"""Values as SQLite is given them: text as ``str``, and only what is no UTF-8 as ``Text``."""
_READERS: Mapping[str, Callable[[bytes], Value]] = {
    "n": lambda _: None,
    "i": int,
    "r": float,
    "t": bytes.decode,
    "b": unhexlify,
}


def table_rows(blocks: Iterable[bytes], manifest: Manifest) -> Iterator[Row]:
    """The rows of a table's object, each without its types. Raises DamageError."""
    lines = rows.lines(rows.parts(blocks))
    _check_header(_cells(next(lines, b""), rows.DELIMITER, manifest), manifest)
    known: dict[bytes, list[Callable[[bytes], Value]]] = {}
    for line in lines:
        *cells, kinds = line[:-1].split(rows.DELIMITER)
        readers = known.get(kinds)
        if b'"' in line or readers is None or len(readers) != len(cells):
            yield tuple(_as_str(value) for value in rows.values(line))
            if kinds.decode().strip("".join(_READERS)) == "":
                known[kinds] = [_READERS[kind] for kind in kinds.decode()]
        else:  # most rows are plain
            yield tuple([read(cell) for read, cell in zip(readers, cells)])


def report_rows(blocks: Iterable[bytes], manifest: Manifest, report: ReportType) -> Iterator[Row]:
    """The rows of a report's object, all cells text. Raises DamageError."""
    delimiter = report.delimiter.encode()
    lines = rows.lines(rows.parts(blocks))
    header = next(lines, b"")
    _check_header(_cells(header[len(BOM) :] if header.startswith(BOM) else header, delimiter, manifest), manifest)
    for line in lines:
        yield tuple(cell.decode() for cell in _cells(line, delimiter, manifest))


def _as_str(value: rows.Value) -> Value:
    if isinstance(value, rows.Text):
        with suppress(UnicodeDecodeError):
            return value.decode()
    return value


def _cells(line: bytes, delimiter: bytes, manifest: Manifest) -> list[bytes]:
    try:
        return read_row(line, 0, delimiter=delimiter)[0]
    except RowError as error:
        raise DamageError(f"{manifest.uri}: {line[:60]!r} {error}.") from None


def _check_header(found: Sequence[bytes], manifest: Manifest) -> None:
    if tuple(cell.decode("utf-8", "replace") for cell in found) != manifest.columns:
        raise DamageError(f"{manifest.uri}: its header is not what its manifest says.")
