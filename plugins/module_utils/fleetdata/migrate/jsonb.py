# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JSON text as PostgreSQL's jsonb writes it: of equal keys the last, shorter keys first, numbers in full, one blank after comma and colon."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_LARGEST, _FINEST = 131_072, -16_383
"""PostgreSQL's numeric: digits before the point, and the last place behind it."""
_string = json.JSONEncoder(ensure_ascii=False).encode


def by_value(text: str) -> bytes:
    """Raises ValueError or RecursionError where PostgreSQL's jsonb has no such value."""
    return _written(json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refused)).encode()


def plain(number: Decimal) -> str:
    """All digits of a number, its zeros at the end, too. Raises ValueError where numeric has no such number."""
    if not number.is_finite() or number.adjusted() >= _LARGEST or int(number.as_tuple().exponent) < _FINEST:
        raise ValueError("no number that numeric has")
    if not number:
        number = number.copy_abs()
    return format(number if int(number.as_tuple().exponent) <= 0 or number else Decimal(0), "f")


def _written(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(((key.encode(), key) for key in value), key=lambda each: (len(each[0]), each[0]))
        return "{" + ", ".join(f"{_string(key)}: {_written(value[key])}" for _, key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, Decimal):
        return plain(value)
    return _string(value)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
