# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a value of SQLite is once PostgreSQL holds it, as PostgreSQL sends it: for digests, and on purpose not the code that loads.

Whatever is no such value raises ValueError (or another of ``UNFIT``).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Callable

from ..retention.rows import Text
from . import conversions
from .jsonb import by_value, plain

UNFIT = (ValueError, TypeError, KeyError, OverflowError, InvalidOperation, RecursionError)
Sent = Any
"""A number, which is packed, or bytes, which are sent as they are."""

_EPOCH = datetime.datetime(2000, 1, 1)
_read = datetime.datetime.fromisoformat
_EPOCH_UTC = _EPOCH.replace(tzinfo=datetime.timezone.utc)
_FIRST_DAY = _EPOCH.toordinal()
_UNIX_SECONDS = 946_684_800
"""From the epoch of Unix to that of PostgreSQL."""
_JULIAN_MILLISECONDS = 211_813_444_800_000
"""From the beginning of Julian days to the epoch of PostgreSQL."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?\s?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_BOOLEANS: dict[Any, int] = {0: 0, 1: 1, "0": 0, "1": 1}
_BOOLEANS.update((word, 1) for word in ("t", "true", "yes", "y", "on"))
_BOOLEANS.update((word, 0) for word in ("f", "false", "no", "n", "off"))


@dataclass(frozen=True)
class Way:
    """value: of any value but None. quick: the same for one type of values, in less time."""

    value: Callable[[Any], Sent]
    quick: Mapping[type, Callable[[Any], Sent]] = field(default_factory=dict)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("no integer")
    return value


def _float(value: Any) -> float:
    if type(value) is int:
        if int(float(value)) != value:
            raise ValueError("no double has it")
        return float(value)
    if type(value) is not float:
        raise ValueError("no number")
    return value


def _numeric(value: Any) -> bytes:
    """The shortest decimal that is the number, without a fraction's zeros at the end."""
    if type(value) is int:
        return b"%d" % value
    if type(value) is float:
        value = repr(value)
    text = plain(Decimal(_said(value)))
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.encode()


def _said(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("no text")
    return value


def _text(value: Any) -> bytes:
    return _said(value).encode()


def _any_text(value: Any) -> bytes:
    if type(value) is int or type(value) is float:
        return repr(value).encode()
    return _text(value)


def _replaced(value: Any) -> bytes:
    """A text with U+FFFD for what PostgreSQL takes in none."""
    text = value.decode("utf-8", "replace") if type(value) is Text else value if type(value) is str else _any_text(value).decode()
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()


def _bytes(value: Any) -> bytes:
    return value.encode() if type(value) is str else bytes(memoryview(value))


def _boolean(value: Any) -> int:
    return _BOOLEANS[value.lower() if type(value) is str else value]


@lru_cache(maxsize=4096)
def _date(value: Any) -> int:
    moment = _read_moment(_said(value))
    if moment.time() != datetime.time():
        raise ValueError("a time of day")
    return moment.toordinal() - _FIRST_DAY


def _time(value: Any) -> int:
    return _microseconds(_read_moment(f"2000-01-01 {_said(value)}") - _EPOCH_UTC)


def _moment(value: Any) -> int:
    """Microseconds since PostgreSQL's epoch, of what is in UTC where it has no zone."""
    try:
        since = _read(value) - _EPOCH
    except (ValueError, TypeError):
        since = _read_moment(_said(value)) - _EPOCH_UTC
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _read_moment(text: str) -> datetime.datetime:
    found = _MOMENT.fullmatch(text)
    if not found:
        raise ValueError("no moment")
    day, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    return datetime.datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}.{(fraction or '').ljust(6, '0')}{zone}")


def _microseconds(since: datetime.timedelta) -> int:
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _epoch(per_second: int) -> Callable[[Any], int]:
    """Of numbers since Unix's epoch: the number's exact value, to the nearest microsecond, half to even."""
    factor, shift = 1_000_000 // per_second, _UNIX_SECONDS * 1_000_000

    def since(value: Any) -> int:
        if type(value) is int:
            return value * factor - shift
        if type(value) is not float:
            raise ValueError("no number")
        above, below = value.as_integer_ratio()
        whole, rest = divmod(above * factor, below)
        return whole + (2 * rest > below or (2 * rest == below and whole % 2)) - shift

    return since


def _julian(value: Any) -> int:
    """As SQLite reads a Julian day: to the millisecond."""
    if type(value) is not int and type(value) is not float:
        raise ValueError("no number")
    return (int(value * 86_400_000.0 + 0.5) - _JULIAN_MILLISECONDS) * 1_000


def _uuid(value: Any) -> bytes:
    found = bytes.fromhex(value.replace("-", "")) if type(value) is str else bytes(memoryview(value))
    if len(found) != 16:
        raise ValueError("no UUID")
    return found


def _jsonb(value: Any) -> bytes:
    return by_value(_said(value))


def same(value: Any) -> Any:
    """A value that is sent as it is."""
    return value


def _without_blanks(way: Way) -> Way:
    """Of character(n), which fills up with blanks, and does not count them."""

    def trimmed(value: Any) -> bytes:
        said = way.value(value)
        return said.rstrip(b" ") if isinstance(said, bytes) else b""

    return Way(trimmed)


WAYS: dict[str, Way] = {
    conversions.INTEGER: Way(_integer, {int: same}),
    conversions.FLOAT: Way(_float, {float: same}),
    conversions.NUMERIC: Way(_numeric),
    conversions.TEXT: Way(_text, {str: str.encode}),
    conversions.ANY_TEXT: Way(_any_text, {str: str.encode}),
    conversions.BYTES: Way(_bytes, {bytes: same, str: str.encode}),
    conversions.BOOLEAN: Way(_boolean, {int: _BOOLEANS.__getitem__}),
    conversions.DATE: Way(_date),
    conversions.TIME: Way(_time),
    conversions.MOMENT: Way(_moment),
    conversions.SECONDS: Way(_epoch(1)),
    conversions.MILLISECONDS: Way(_epoch(1_000)),
    conversions.MICROSECONDS: Way(_epoch(1_000_000)),
    conversions.JULIAN: Way(_julian),
    conversions.JSON_TEXT: Way(_text, {str: str.encode}),
    conversions.UUID: Way(_uuid),
}
"""By conversion; ``way_of`` knows what the type and the column's settings change."""


def way_of(conversion: str, type_name: str, *, replace: bool = False) -> Way:
    """How the values of a column become what PostgreSQL sends."""
    way = WAYS[conversion]
    if conversion == conversions.JSON_TEXT and type_name == "jsonb":
        way = Way(_jsonb)
    if replace and way.value in (_text, _any_text):
        way = Way(_replaced)
    return _without_blanks(way) if type_name.startswith("character(") else way
