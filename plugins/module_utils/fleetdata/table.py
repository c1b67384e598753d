# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a person reads them: an aligned table, sizes and counts in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

Cell = Union[str, int, None]


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Rows in aligned columns under their headings, whole numbers to the right; each line ends with a newline. Empty without a row."""
    if not rows:
        return ""
    lines = [tuple(headings), *(tuple(_shown(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    right = [all(isinstance(row[column], int) or row[column] is None for row in rows) for column in range(len(headings))]
    return "".join(
        "  ".join(cell.rjust(width) if to_the_right else cell.ljust(width) for cell, width, to_the_right in zip(line, widths, right)).rstrip() + "\n"
        for line in lines
    )


def size(count: int) -> str:
    """Bytes in short: 812 B, 20.4 kB, 1.0 GB (decimal)."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.95:
            return f"{amount:.1f} {unit}" if unit != "B" else f"{count} B"
        amount /= 1000
    return f"{amount:.1f} TB"


def number(count: int, thing: str) -> str:
    """A count and what is counted: 1 file, 1,500 rows."""
    return f"{count:,} {thing if count == 1 else thing + 's'}"


def clean(text: str) -> str:
    """Text of others (names of files, values) with what a terminal would act on made visible."""
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in text)


def _shown(cell: Cell) -> str:
    if isinstance(cell, int):
        return f"{cell:,}"
    return clean(cell) if cell else "-"
