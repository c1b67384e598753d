# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a value: from the text that PostgreSQL makes of it (on our connections) to what SQLite holds, in the form that its column has."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Union

from ..retention.rows import Text
from . import conversions, kinds, reverse_times
from .planned import ColumnPlan
from .reverse_times import UnlikeError

Value = Union[None, int, float, str, bytes]
Back = Callable[[str], Value]

_INTEGER = re.compile(r"0|-?[1-9]\d{0,18}", re.ASCII)
_WORDS = {"t": "f", "true": "false", "yes": "no", "y": "n", "on": "off", "1": "0"}
_MOST = 1 << 63


def reverser(column: ColumnPlan, sample: Sequence[Value]) -> Callable[[str | None], Value]:
    """What turns a column's values, as PostgreSQL casts them to text, into SQLite's. sample: values that the column has there, none of them NULL.

    What it returns raises UnlikeError (a ValueError) for a value that the form of the column cannot hold.
    """
    back = _BACK[column.conversion](column, sample)
    null = "" if column.empty_is_null and not column.values.nulls else None

    def reverse(text: str | None) -> Value:
        return null if text is None else back(text)

    return reverse


def _integer(_column: ColumnPlan, _sample: Sequence[Value]) -> Back:
    def back(text: str) -> Value:
        number = int(text)
        if not -_MOST <= number < _MOST:
            raise UnlikeError("is larger than SQLite's integers")
        return number

    return back


def _float(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    whole = _only(sample, int)

    def back(text: str) -> Value:
        number = float(text)
        if math.isnan(number):
            raise UnlikeError("is NaN, which SQLite stores as NULL")
        fits = whole and number.is_integer() and -_MOST <= number < _MOST
        return int(number) if fits else number

    return back


def _numeric(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    texts = sum(isinstance(value, str) for value in sample) * 2 > len(sample)
    reals = any(isinstance(value, float) for value in sample) and not any(isinstance(value, int) for value in sample)

    def back(text: str) -> Value:
        number = Decimal(text)
        if not number.is_finite():
            raise UnlikeError("is no finite number")
        if texts:
            return text
        real = float(number)
        exact = math.isfinite(real) and Decimal(repr(real)) == number
        if number == number.to_integral_value() and -_MOST <= number < _MOST and not (reals and exact):
            return int(number)
        return real if exact else text

    return back


def _text(_column: ColumnPlan, _sample: Sequence[Value]) -> Back:
    return str


def _any_text(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    said = [value for value in sample if isinstance(value, str)]
    whole = _count(sample, int) > sum(_is_integer(value) for value in said)
    real = _count(sample, float) > sum(_is_real(value) for value in said)

    def back(text: str) -> Value:
        if whole and _is_integer(text):
            return int(text)
        return float(text) if real and _is_real(text) else text

    return back


def _bytes(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    blobs = sum(type(value) is bytes for value in sample) * 2 >= len(sample)

    def back(text: str) -> Value:
        value = bytes.fromhex(text[2:])
        if blobs:
            return value
        try:
            return value.decode()
        except UnicodeDecodeError:
            return Text(value)

    return back


def _boolean(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    words = Counter(value for value in sample if isinstance(value, str))
    if not words or sum(words.values()) * 2 < len(sample):
        return lambda text: int(text == "true")
    yes = _common(words, {"1", *kinds.TRUE_WORDS})
    no = _common(words, {"0", *kinds.FALSE_WORDS})
    yes = yes or _cased(next(word for word, other in _WORDS.items() if other == no.lower()), no)
    no = no or _cased(_WORDS[yes.lower()], yes)
    return lambda text: yes if text == "true" else no


def _uuid(_column: ColumnPlan, sample: Sequence[Value]) -> Back:
    forms = Counter((len(value), value != value.lower()) if isinstance(value, str) else (0, False) for value in sample)
    (length, upper), _ = forms.most_common(1)[0] if forms else ((36, False), 0)

    def back(text: str) -> Value:
        plain = text.replace("-", "")
        if not length:
            return bytes.fromhex(plain)
        said = plain if length == len(plain) else text
        return said.upper() if upper else said

    return back


def _count(sample: Sequence[Value], kind: type) -> int:
    return sum(type(value) is kind for value in sample)


def _only(sample: Sequence[Value], kind: type) -> bool:
    return bool(sample) and _count(sample, kind) == len(sample)


def _is_integer(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text)) and -_MOST <= int(text) < _MOST


def _is_real(text: str) -> bool:
    try:
        return repr(float(text)) == text
    except ValueError:
        return False


def _common(words: Counter[str], wanted: set[str]) -> str:
    return next((word for word, _ in words.most_common() if word.lower() in wanted), "")


def _cased(word: str, like: str) -> str:
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word


_BACK: dict[str, Callable[[ColumnPlan, Sequence[Value]], Back]] = {
    conversions.INTEGER: _integer,
    conversions.FLOAT: _float,
    conversions.NUMERIC: _numeric,
    conversions.TEXT: _text,
    conversions.ANY_TEXT: _any_text,
    conversions.BYTES: _bytes,
    conversions.BOOLEAN: _boolean,
    conversions.DATE: reverse_times.date,
    conversions.TIME: reverse_times.time,
    conversions.MOMENT: reverse_times.moment,
    conversions.SECONDS: reverse_times.epoch(1_000_000),
    conversions.MILLISECONDS: reverse_times.epoch(1000),
    conversions.MICROSECONDS: reverse_times.epoch(1),
    conversions.JULIAN: reverse_times.julian,
    conversions.JSON_TEXT: _text,
    conversions.UUID: _uuid,
}
