# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as the command's arguments, for those who gave them so: ``casts: {"orders.sum": "text"}`` is ``--cast orders.sum=text``."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_OPTIONS = {
    "casts": "--cast", "tables": "--rename", "columns": "--rename", "fill": "--fill", "accept": "--accept", "include": "--include", "exclude": "--exclude",
    "empty_as_null": "--empty-as-null", "secret": "--secret", "on_text": "--on-text", "on_misfit": "--on-misfit", "mode": "--mode", "schema": "--schema",
}  # fmt: skip
_SETTING = re.compile(rf"\b({'|'.join(_OPTIONS)}): (?=[{{\[\w])")
_WORD = re.compile(r"\w+")


def as_arguments(text: str) -> str:
    """A sentence with its settings as arguments."""
    said, place = "", 0
    for found in _SETTING.finditer(text):
        if found.start() < place:
            continue
        value, end = _value(text, found.end())
        if value is not None:
            said += text[place : found.start()] + " ".join(f"{_OPTIONS[found[1]]} {shlex.quote(one)}" for one in value)
            place = end
    return said + text[place:]


def _value(text: str, start: int) -> tuple[list[str] | None, int]:
    """What an option is given, once for each, and where it ends."""
    if text[start] not in "{[":
        word = _WORD.match(text, start)
        return ([word[0]], word.end()) if word else (None, start)
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None, start
    return _said(value), end


def _said(value: Any) -> list[str]:
    return [f"{name}={one}" for name, one in value.items()] if isinstance(value, Mapping) else [str(one) for one in value]
