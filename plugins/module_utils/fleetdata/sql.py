# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements of SQL, put together: names in them are quoted, values are bound."""

from __future__ import annotations

from typing import Any


def statement(*parts: str) -> str:
    """A statement of SQL."""
    return " ".join(part for part in parts if part)


def quoted(name: str) -> str:
    """A name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def words(value: Any) -> str:
    """A text of the schema, whatever the connection makes of texts."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
