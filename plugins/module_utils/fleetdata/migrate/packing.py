# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as JSON, so that it can be kept: a later step works with the very types and conversions that were chosen at load."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ..errors import DamageError
from . import ddl, migration, model, planned, survey
from .planned import Plan

_CLASSES = {
    kind.__name__: kind
    for module in (ddl, migration, model, planned, survey)
    for kind in vars(module).values()
    if isinstance(kind, type) and is_dataclass(kind)
}  # fmt: skip
_CLASS, _MAP, _REAL = "class", "map", "real"


def pack(plan: Plan) -> str:
    """JSON."""
    return json.dumps(_packed(plan), ensure_ascii=False)


def unpack(text: str) -> Plan:
    """The plan of such a JSON. Raises DamageError."""
    try:
        plan = _unpacked(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise DamageError(f"The plan that was kept in the target cannot be read ({error}): it was changed, or another version wrote it.") from None
    if not isinstance(plan, Plan):
        raise DamageError("The plan that was kept in the target is none.")
    return plan


def _packed(value: Any) -> Any:
    if is_dataclass(value):
        return {_CLASS: type(value).__name__, **{field.name: _packed(getattr(value, field.name)) for field in fields(value) if field.init}}
    if isinstance(value, Mapping):
        return {_MAP: [[name, _packed(one)] for name, one in value.items()]}
    if isinstance(value, float) and math.isinf(value):  # JSON has no such number
        return {_REAL: repr(value)}
    return [_packed(one) for one in value] if isinstance(value, (tuple, list)) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpacked(one) for one in value)
    if not isinstance(value, dict):
        return value
    if _REAL in value:
        return float(value[_REAL])
    if _MAP in value:
        return {name: _unpacked(one) for name, one in value[_MAP]}
    return _CLASSES[value.pop(_CLASS)](**{name: _unpacked(one) for name, one in value.items()})
