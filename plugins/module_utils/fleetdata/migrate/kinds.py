# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a text says: a day, a moment, a number, a boolean, a UUID, JSON, or only itself. Strict: a kind is named only where it loses nothing."""

from __future__ import annotations

import datetime
import json
import re
from typing import Callable

EMPTY, DATE, MOMENT, MOMENT_ZONE, TIME, UUID, JSON, JSON_SCALAR, INTEGER, DECIMAL, BOOLEAN, TRUTH, PLAIN = (
    "empty", "date", "moment", "moment with zone", "time", "uuid", "json", "json scalar", "integer text", "decimal text", "boolean word", "true or false",
    "plain text",
)  # fmt: skip
"""The kinds of texts. JSON: an object or an array; JSON_SCALAR: null, or a text in JSON's quotes. TRUTH: true or false.

What else is JSON is one of the others, too."""
NUL, NOT_UTF8 = "text with a NUL byte", "text that is not UTF-8"
"""What PostgreSQL takes in no text at all."""

TRUE_WORDS, FALSE_WORDS = frozenset({"t", "true", "yes", "y", "on"}), frozenset({"f", "false", "no", "n", "off"})
_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?"
_ZONE = r"(?:Z|[+-]\d{2}:\d{2})"
_SHAPE = re.compile(
    rf"(?P<date>{_DATE})|(?P<moment>{_DATE}[T ]{_CLOCK})|(?P<zoned>{_DATE}[T ]{_CLOCK}\s?{_ZONE})|(?P<time>{_CLOCK})"
    r"|(?P<uuid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(?=\d*[a-fA-F])[0-9a-fA-F]{32})"
    r"|(?P<integer>[+-]?\d+)|(?P<decimal>[+-]?(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)|(?P<json>[\[{].*[\]}])|(?P<truth>true|false)|(?P<scalar>null|\".*\")",
    re.ASCII | re.DOTALL,
)
_STARTS, _LONGEST_WORD, _UUID_LENGTHS = frozenset('0123456789+-.[{"'), 5, (32, 36)
"""With what all the shapes begin that are longer than a word such as false or null, but for a UUID."""


def kind_of(text: bytes) -> str:
    """The kind of a text as SQLite holds it."""
    try:
        return kind_of_words(text.decode())
    except UnicodeDecodeError:
        return NUL if b"\0" in text else NOT_UTF8


def kind_of_words(said: str) -> str:
    """The same of a text that is UTF-8."""
    if not said:
        return EMPTY
    if "\0" in said:
        return NUL
    if len(said) > _LONGEST_WORD and said[0] not in _STARTS and len(said) not in _UUID_LENGTHS:
        return PLAIN
    found = _SHAPE.fullmatch(said)
    if found:
        kind, proof = _PROOFS[str(found.lastgroup)]
        return kind if proof(said) else PLAIN
    return BOOLEAN if said.lower() in TRUE_WORDS | FALSE_WORDS else PLAIN


def moment(said: str) -> datetime.datetime:
    """A date, or a date and a time of day, with or without a zone. Raises ValueError."""
    try:
        return datetime.datetime.fromisoformat(said)
    except ValueError:  # a space before the zone; or, to older Pythons, a Z or a fraction of other than three or six digits
        text = said.replace(" ", "T", 1).replace(" ", "")
    if text.endswith("Z"):
        text = f"{text[:-1]}+00:00"
    head, dot, rest = text.partition(".")
    if dot:  # older Pythons read three digits or six
        digits = re.match(r"\d*", rest)
        fraction = digits.group() if digits else ""
        text = f"{head}.{fraction.ljust(6, '0')}{rest[len(fraction) :]}"
    return datetime.datetime.fromisoformat(text)


def _is_moment(said: str) -> bool:
    try:
        moment(said)
    except ValueError:
        return False
    return True


def _is_time(said: str) -> bool:
    return _is_moment(f"2000-01-01T{said}")


def _is_json(said: str) -> bool:
    try:
        json.loads(said, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _always(_said: str) -> bool:
    return True


_PROOFS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "date": (DATE, _is_moment),
    "moment": (MOMENT, _is_moment),
    "zoned": (MOMENT_ZONE, _is_moment),
    "time": (TIME, _is_time),
    "uuid": (UUID, _always),
    "integer": (INTEGER, _always),
    "decimal": (DECIMAL, _always),
    "json": (JSON, _is_json),
    "truth": (TRUTH, _always),
    "scalar": (JSON_SCALAR, _is_json),
}
"""By the shape of a text: its kind, and what must hold besides."""
