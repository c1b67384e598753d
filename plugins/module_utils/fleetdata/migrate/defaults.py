# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of columns: what SQLite would put there, as the type that the column has become."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from . import conversions, fits, kinds
from .expressions import Unlike, generated
from .planned import ColumnPlan
from .tokens import NAME, STRING, WORD, Token, tokens

_NOW = "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')"
_MOMENT, _DAY, _TIME, _EPOCH = "YYYY-MM-DD HH24:MI:SS", "YYYY-MM-DD", "HH24:MI:SS", "epoch"
_CLOCKS = {
    "CURRENT_TIMESTAMP": _MOMENT, "DATETIME('now')": _MOMENT, "DATETIME()": _MOMENT, "STRFTIME('%Y-%m-%d %H:%M:%S','now')": _MOMENT,
    "CURRENT_DATE": _DAY, "DATE('now')": _DAY, "DATE()": _DAY, "CURRENT_TIME": _TIME, "TIME('now')": _TIME, "TIME()": _TIME,
    "UNIXEPOCH()": _EPOCH, "UNIXEPOCH('now')": _EPOCH, "STRFTIME('%s','now')": _EPOCH, "CAST(STRFTIME('%s','now')ASINTEGER)": _EPOCH,
    "CAST(STRFTIME('%s','now')ASINT)": _EPOCH, "STRFTIME('%Y-%m-%dT%H:%M:%SZ','now')": 'YYYY-MM-DD"T"HH24:MI:SS"Z"',
    "STRFTIME('%Y-%m-%dT%H:%M:%fZ','now')": 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"',
}  # fmt: skip
"""The clock as SQLite reads it, in UTC, and the form in which it stands in a text."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"TRUE": "1", "FALSE": "0"}


def translated(sql: str, column: ColumnPlan) -> str:
    """SQL of PostgreSQL; empty for NULL. Raises Unlike."""
    found = _bare(tokens(sql))
    said = "".join(token.text.upper() if token.kind == WORD else token.text for token in found)
    said = _WORDS.get(said, said)
    if said == "NULL":
        return ""
    if said in _CLOCKS:
        return _clock(_CLOCKS[said], column)
    if len(found) == 1 and (found[0].kind == STRING or (found[0].kind == NAME and found[0].text.startswith('"'))):
        return _text(found[0].value, column)
    if _NUMBER.fullmatch(said):
        return _number(said, column)
    blob = re.fullmatch(r"[xX]'([0-9A-Fa-f]*)'", said)
    if blob and column.conversion == conversions.BYTES:
        return f"'\\x{blob.group(1).lower()}'::bytea"
    return generated(sql, column, {}, without=())


def literal(text: str) -> str:
    """A text in PostgreSQL's quotes. Raises Unlike where it can be in none."""
    if "\0" in text:
        raise Unlike("a text of PostgreSQL has no NUL byte")
    return "'" + text.replace("'", "''") + "'"


def _bare(found: list[Token]) -> list[Token]:
    """Without brackets around all of it."""
    while len(found) > 2 and found[0].says("("):
        depth = 0
        for token in found[:-1]:
            depth += token.says("(") - token.says(")")
            if depth == 0:
                return found
        found = found[1:-1]
    return found


def _clock(form: str, column: ColumnPlan) -> str:
    kind = fits.base(column.type)
    if kind == fits.STAMP_ZONE and form not in (_DAY, _TIME):
        return "CURRENT_TIMESTAMP"
    if kind == fits.STAMP and form not in (_DAY, _TIME, _EPOCH):
        return _NOW
    if (kind, form) in ((fits.DATE, _DAY), (fits.TIME, _TIME)):
        return f"{_NOW}::{kind}"
    if form == _EPOCH and kind in (fits.BIGINT, fits.INT, fits.NUMERIC, fits.DOUBLE):
        return f"floor(extract(epoch FROM CURRENT_TIMESTAMP))::{kind}"
    if form == _EPOCH and column.conversion in (conversions.TEXT, conversions.ANY_TEXT):
        return "floor(extract(epoch FROM CURRENT_TIMESTAMP))::bigint::text"
    if column.conversion in (conversions.TEXT, conversions.ANY_TEXT):
        return f"to_char({_NOW}, {literal(form)})"
    raise Unlike(f"{column.type} is not what this clock shows")


def _text(text: str, column: ColumnPlan) -> str:
    """As the column takes a text: numbers in it are numbers where the column holds such."""
    if column.empty_is_null and not text:
        return ""
    if column.conversion in (conversions.INTEGER, conversions.FLOAT, conversions.NUMERIC, conversions.BOOLEAN) and _NUMBER.fullmatch(text):
        return _number(text, column)
    if column.conversion == conversions.BYTES:
        return f"'\\x{text.encode().hex()}'::bytea"
    kind = kinds.kind_of(text.encode())
    if column.conversion == conversions.BOOLEAN and kind in (kinds.BOOLEAN, kinds.TRUTH):
        return "true" if text.lower() in kinds.TRUE_WORDS else "false"
    room = fits.limits(column.type)
    if not fits.takes(column.type, column.conversion, kind) or (column.conversion in (conversions.TEXT, conversions.ANY_TEXT) and room and len(text) > room[0]):
        raise Unlike(f"{column.type} does not take it")
    return literal(text) if column.type == fits.PLAIN else f"{literal(text)}::{column.type}"


def _number(said: str, column: ColumnPlan) -> str:
    value = float(said)
    kind = fits.base(column.type)
    whole = re.fullmatch(r"[+-]?\d+", said)
    if column.conversion == conversions.BOOLEAN and value in (0, 1):
        return "true" if value else "false"
    if kind in fits.INTEGERS and value.is_integer():
        exact = int(said) if whole else int(value)
        if -fits.INTEGERS[kind] <= exact < fits.INTEGERS[kind]:
            return str(exact)
    if column.conversion in (conversions.FLOAT, conversions.NUMERIC):
        return _exact(int(said) if whole and abs(int(said)) < 2**63 else value, column)
    if column.conversion in (conversions.TEXT, conversions.ANY_TEXT) and whole and str(int(said)) == said:
        return literal(said)
    if column.conversion == conversions.SECONDS:
        return f"to_timestamp({said})" if kind == fits.STAMP_ZONE else f"(to_timestamp({said}) AT TIME ZONE 'UTC')"
    raise Unlike(f"{column.type} does not take it")


def _exact(value: float, column: ColumnPlan) -> str:
    """A number as SQLite has it: a double, or an integer of 64 bits."""
    if math.isinf(value):
        if column.conversion == conversions.NUMERIC:
            raise Unlike(f"it is infinite for SQLite, which {column.type} does not take")
        return f"'{value}'::double precision"
    room, exact = fits.limits(column.type), Decimal(repr(value))
    if room and (exact != round(exact, room[1]) or abs(exact) >= 10 ** (room[0] - room[1])):
        raise Unlike(f"{column.type} would round it, or has no room for it")
    return repr(value)
