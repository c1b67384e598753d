# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of SQLite as PostgreSQL's, where they surely mean the same."""

from __future__ import annotations

from collections.abc import Mapping

from ..sql import quoted
from .planned import ColumnPlan
from .tokens import tokens


class Unlike(Exception):
    """An expression that PostgreSQL does not have, or that would mean something else there; the message says why."""


def condition(sql: str, columns: Mapping[str, ColumnPlan]) -> str:
    """Of a CHECK or a partial index."""
    return _null(sql, columns)


def indexed(sql: str, columns: Mapping[str, ColumnPlan]) -> str:
    """Of an index."""
    return _null(sql, columns)


def generated(sql: str, columns: Mapping[str, ColumnPlan]) -> str:
    """What makes a column."""
    return _null(sql, columns)


def _null(sql: str, columns: Mapping[str, ColumnPlan]) -> str:
    """Only whether a column is NULL is surely the same everywhere."""
    first, *rest = tokens(sql)
    column = next((column for name, column in columns.items() if name.lower() == first.value.lower()), None)
    said = " ".join(token.text.upper() for token in rest)
    if column is None or said not in ("IS NULL", "IS NOT NULL"):
        raise Unlike("this expression is not surely the same in PostgreSQL")
    return f"{quoted(column.target)} {said}"
