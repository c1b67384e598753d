# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all fields of binary COPY have in common: their form, and how a value that does not fit is refused."""

from __future__ import annotations

import struct
from typing import Any, Callable, NoReturn

from ..retention.rows import Text
from . import kinds
from .planned import ColumnPlan

Cell = Callable[[Any], bytes]
NULL = b"\xff\xff\xff\xff"
_length = struct.Struct(">i").pack


class RefusedError(ValueError):
    """A value that its column cannot take. Its text: what it is, as "is …"."""


def proved(column: ColumnPlan, *allowed: str) -> bool:
    """Whether the survey saw texts alone, of these kinds alone."""
    values = column.values
    return not values.sampled and set(values.types) == {"text"} and bool(values.texts) and set(values.texts) <= set(allowed)


def field(data: bytes) -> bytes:
    """Bytes with their length."""
    return _length(len(data)) + data


def kind_of(value: Any) -> str:
    """Of a text, as ``kinds`` names it; empty for what is none."""
    return kinds.kind_of(value.encode("utf-8", "replace")) if isinstance(value, str) else ""


def refuse(value: Any, wanted: str) -> NoReturn:
    """Raises RefusedError."""
    named = {int: "an integer", float: "a real number", str: "a text", Text: "a text", bytes: "a blob"}[type(value)]
    raise RefusedError(f"is {named} that is not {wanted}" if named.split()[-1] not in wanted else f"is not {wanted}")
