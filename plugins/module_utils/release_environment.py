# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files as systemd reads them (``EnvironmentFile=``), which POSIX shells read the same way."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPED = '\\"`$'
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE|API_?KEY|DSN|DATABASE_URL", re.IGNORECASE)
MASK = "********"


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, str)):
        return str(value)
    raise ValueError(f"the value of environment variable {name} is a {type(value).__name__}, not text or a number")


def _check(name: str, value: str) -> None:
    """Refuse what systemd would drop with no more than a warning in its journal. Never quotes the value."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not an environment variable's name (letters, digits and _, not first a digit)")
    bad = next((c for c in value if (ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000), None)
    if bad is not None:
        what = "a line break" if bad in "\r\n" else f"the control character U+{ord(bad):04X}"
        raise ValueError(f"the value of environment variable {name} contains {what}; an environment file cannot hold it")


def render(variables: Mapping[str, object]) -> str:
    """Return the lines ``NAME="value"``, sorted by name. Raises ``ValueError`` naming the variable, never its value."""
    lines = []
    for name in sorted(variables):
        value = _text(name, variables[name])
        _check(name, value)
        escaped = "".join(f"\\{c}" if c in _ESCAPED else c for c in value)
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def parse(text: str) -> dict[str, str]:
    """Read back what :func:`render` wrote; lines of other make are passed over."""
    found = {}
    for line in text.split("\n"):
        match = re.match(r'([A-Za-z_][A-Za-z0-9_]*)="(.*)"\Z', line)
        if match:
            found[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
    return found


def digest(text: str) -> str:
    """A digest of what the lines say, whatever comments stand between them."""
    return hashlib.sha256(render(parse(text)).encode()).hexdigest()


def with_current_secrets(text: str, current: str, *, secret: Iterable[str]) -> str:
    """An older environment file, with the values that secrets have now: a secret that was replaced since is not brought back."""
    now = parse(current)
    variables = {**parse(text), **{name: now[name] for name in secret if name in now}}
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    return comments + render(variables)


def mask(text: str, environment: Mapping[str, str], *, secret: Iterable[str]) -> str:
    """Hide in ``text`` the values of the variables named in ``secret`` and of those whose name says they are."""
    named = set(secret)
    values = {value for name, value in environment.items() if value and (name in named or _SECRET_NAME.search(name))}
    forms = set()
    for value in values:
        raw = value.encode()
        forms |= {value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value), quote(value, safe="")}
        forms.add(base64.b64encode(raw).decode().rstrip("="))
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text
