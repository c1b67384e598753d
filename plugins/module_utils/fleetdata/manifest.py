# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest as the bytes of its object, and back.

Indented JSON with sorted names, so that equal manifests are equal bytes, plus the format's number and a digest of all the rest: a manifest
that was altered or cut says so.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Callable

from .errors import DamageError
from .model import Manifest

FORMAT = 1
"""The number of this format; a reader refuses a later one."""
Check = Callable[[object], bool]
_FORMAT_NAME, _DIGEST_NAME = "format", "manifest_sha256"


def render(manifest: Manifest) -> bytes:
    """The bytes of a manifest's object."""
    said = dataclasses.asdict(manifest)
    said["columns"] = list(manifest.columns)
    return seal(said)


def parse(body: bytes, *, key: str) -> Manifest:
    """A manifest from the bytes of its object ``key``. Raises DamageError unless they are whole and unaltered."""
    said = unseal(body, checks=_CHECKS, key=key)
    said["columns"] = tuple(said["columns"])
    return Manifest(**said)


def seal(values: Mapping[str, Any]) -> bytes:
    """The bytes of what a manifest says."""
    said = {**values, _FORMAT_NAME: FORMAT}
    said[_DIGEST_NAME] = _digest(said)
    return (json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def unseal(body: bytes, *, checks: Mapping[str, Check], key: str) -> dict[str, Any]:
    """What the bytes of the object ``key`` say. checks: of each field. Raises DamageError unless they are whole and unaltered."""
    try:
        said = json.loads(body)
    except ValueError:
        raise DamageError(f"{key}: the manifest is not JSON: it was cut or altered.") from None
    if not isinstance(said, dict):
        raise DamageError(f"{key}: the manifest is not a JSON object.")
    version = said.get(_FORMAT_NAME)
    if version != FORMAT:
        raise DamageError(f"{key}: the manifest has the format {version!r}, this version of fleetdata reads {FORMAT}; update fleetdata if it is a later one.")
    digest = said.pop(_DIGEST_NAME, None)
    if digest != _digest(said):
        raise DamageError(f"{key}: the manifest was altered: it does not have the digest that it says.")
    del said[_FORMAT_NAME]
    if set(said) != set(checks):
        odd = sorted(set(said) ^ set(checks))[0]
        raise DamageError(f"{key}: the manifest's field {odd!r} is {'unknown' if odd in said else 'missing'}.")
    for name, good in checks.items():
        if not good(said[name]):
            raise DamageError(f"{key}: the manifest's field {name!r} is of the wrong type.")
    return said


def checks_of(kind: type) -> Mapping[str, Check]:
    """Whether a value is one of a field, by the field's name. kind: a dataclass."""
    return {field.name: _BY_TYPE[str(field.type)] for field in dataclasses.fields(kind)}


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_days(value: object) -> bool:
    return isinstance(value, dict) and all(_is_count(rows) for rows in value.values())


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_BY_TYPE: dict[str, Check] = {
    "str": _is_text,
    "int": _is_count,
    "bool": _is_flag,
    "Mapping[str, int]": _is_days,
    "tuple[str, ...]": _is_texts,
}
_CHECKS = checks_of(Manifest)
