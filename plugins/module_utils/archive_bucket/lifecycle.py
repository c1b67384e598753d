# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifecycle rules: cheaper storage after some days, the rest of broken uploads, and what may go at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import Bucket

SMALL = 131072
"""STANDARD_IA is charged for 128 KiB at least: a smaller object costs more there, besides the price of moving it."""

CHEAPER, CLEANING = "infrequent-access", "clean-up"


def rules(bucket: Bucket) -> list[dict[str, Any]]:
    """The rules of a declared bucket, in canonical form. S3 lets no rule with a size drop uploads, so there are two."""
    made = []
    if bucket.infrequent_access_days:
        move = {"Days": bucket.infrequent_access_days, "StorageClass": "STANDARD_IA"}
        made.append({"ID": CHEAPER, "Status": "Enabled", "Filter": {"ObjectSizeGreaterThan": SMALL}, "Transitions": [move]})
    actions = dict(_cleaning(bucket))
    if actions:
        made.append({"ID": CLEANING, "Status": "Enabled", "Filter": {"Prefix": ""}, **actions})
    return canonical(made)


def canonical(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Equal for rules that mean the same: by ID, with the prefix in the filter, where S3 puts it today."""
    made = []
    for rule in found:
        body = {key: value for key, value in rule.items() if key not in {"Prefix", "Filter"}}
        made.append({**body, "Filter": rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}})
    return sorted(made, key=lambda rule: str(rule.get("ID", "")))


def sentences(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What becomes of each rule."""
    old, new = ({str(rule.get("ID", "")): rule for rule in rules} for rules in (before, after))
    for name in sorted({*old, *new}):
        if name not in new:
            yield f"rule {name!r} goes: it {_meaning(old[name])}"
        elif name not in old:
            yield f"rule {name!r} comes: it {_meaning(new[name])}"
        elif old[name] != new[name]:
            yield f"rule {name!r} {_meaning(old[name])}; it is to be one that {_meaning(new[name])}"


def _cleaning(bucket: Bucket) -> Iterator[tuple[str, dict[str, Any]]]:
    if bucket.abort_multipart_days:
        yield "AbortIncompleteMultipartUpload", {"DaysAfterInitiation": bucket.abort_multipart_days}
    if bucket.noncurrent_days:
        yield "NoncurrentVersionExpiration", {"NoncurrentDays": bucket.noncurrent_days}
    if bucket.expire_days:
        yield "Expiration", {"Days": bucket.expire_days}
    elif bucket.noncurrent_days:  # the mark of a deletion behind which no version is left
        yield "Expiration", {"ExpiredObjectDeleteMarker": True}


def _meaning(rule: Mapping[str, Any]) -> str:
    words = [*_actions(rule)] or ["does something else"]
    where = rule["Filter"]
    scope = f" under {where['Prefix']}" if where.get("Prefix") else "" if set(where) <= {"Prefix"} else f" where {where}"
    return f"{' and '.join(words)}{scope}{'' if rule.get('Status') == 'Enabled' else ' (disabled)'}"


def _actions(rule: Mapping[str, Any]) -> Iterator[str]:
    expiration = rule.get("Expiration") or {}
    if "Days" in expiration or "Date" in expiration:
        yield f"deletes objects {_when(expiration)}"
    if expiration.get("ExpiredObjectDeleteMarker"):
        yield "removes the marks of deletions"
    if "NoncurrentVersionExpiration" in rule:
        yield f"deletes noncurrent versions after {rule['NoncurrentVersionExpiration'].get('NoncurrentDays', '?')} days"
    for move in rule.get("Transitions") or []:
        yield f"moves objects to {move.get('StorageClass')} {_when(move)}"
    for move in rule.get("NoncurrentVersionTransitions") or []:
        yield f"moves noncurrent versions to {move.get('StorageClass')} after {move.get('NoncurrentDays', '?')} days"
    if "AbortIncompleteMultipartUpload" in rule:
        yield f"drops unfinished uploads after {rule['AbortIncompleteMultipartUpload'].get('DaysAfterInitiation', '?')} days"


def _when(action: Mapping[str, Any]) -> str:
    return f"after {action['Days']} days" if "Days" in action else f"on {action.get('Date')}"
