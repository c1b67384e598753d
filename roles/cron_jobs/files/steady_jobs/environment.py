# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an environment file as systemd does, so that a unit and a job see the same values."""

from __future__ import annotations

import re

from .model import JobError

KEY = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
QUOTED = re.compile(r"""'([^']*)'[ \t]*|"((?:[^"\\]|\\.)*)"[ \t]*""", re.DOTALL)
PLAIN = re.compile(r"(?:[^\\\n]|\\.)*", re.DOTALL)


def parse_environment(text: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` lines as systemd's EnvironmentFile= does.

    Raises ``JobError`` with the line's number, never its content.
    """
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        if not text[at].strip():
            at += 1
            continue
        if text[at] in "#;":
            at = (text.find("\n", at) + 1) or len(text)
            continue
        key = KEY.match(text, at)
        if not key:
            raise JobError(f"line {text.count(chr(10), 0, at) + 1} is not KEY=VALUE")
        value, at = _value(text, key.end())
        values[key.group(1)] = value
    return values


def _value(text: str, at: int) -> tuple[str, int]:
    value = ""
    quoted = QUOTED.match(text, at)
    while quoted:
        if quoted.group(1) is not None:
            value += quoted.group(1)
        else:
            value += re.sub(r"\\(.)", _unescape, quoted.group(2), flags=re.DOTALL)
        at = quoted.end()
        quoted = QUOTED.match(text, at)
    if at < len(text) and text[at] in "'\"":
        raise JobError(f"line {text.count(chr(10), 0, at) + 1} opens a quote that nothing closes")
    plain = PLAIN.match(text, at)
    end = plain.end() if plain else at
    value += re.sub(r"\\(.)", lambda m: "" if m.group(1) == "\n" else m.group(1), text[at:end].rstrip(), flags=re.DOTALL)
    return value, end


def _unescape(match: re.Match[str]) -> str:
    char = match.group(1)
    return char if char in '"\\`$' else "" if char == "\n" else "\\" + char
