# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs: one pure function from the declared and the found bucket to changes, in the order of their application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import lifecycle, policy
from .model import ASPECTS, BLOCKED, ENFORCED, Bucket, BucketError, State, faults
from .observe import encryption

BUCKET = "bucket"


@dataclass(frozen=True)
class Change:
    """One aspect that differs. before is None where there is no bucket; why: sentences for a person."""

    aspect: str
    before: Any
    after: Any
    why: tuple[str, ...]


def wanted(bucket: Bucket) -> dict[str, Any]:
    """The declared value of each aspect; what is not declared is left alone and not in it."""
    aspects = {
        "public_access": BLOCKED,
        "acl": [],
        "ownership": ENFORCED,
        "versioning": "Enabled",
        "encryption": encryption("aws:kms", bucket.kms_key, True) if bucket.kms_key else encryption("AES256"),
        "lifecycle": lifecycle.rules(bucket),
        "tags": dict(bucket.tags),
        "policy": policy.document(bucket),
    }
    if bucket.object_lock_days:
        aspects["object_lock"] = {"Mode": "GOVERNANCE", "Days": bucket.object_lock_days}
    return {aspect: aspects[aspect] for aspect in ASPECTS if aspect in aspects}


def plan(*, bucket: Bucket, state: State) -> list[Change]:
    """Compare. Raises BucketError where the declaration is wrong or the bucket cannot become what is declared."""
    wrong = faults(bucket)
    if wrong:
        raise BucketError(" ".join(wrong))
    if not state.exists:
        created = Change(BUCKET, None, {"name": bucket.name, "region": bucket.region}, (f"is to be created in {bucket.region}",))
        return [created, *(_change(aspect, None, value) for aspect, value in wanted(bucket).items() if value)]
    if bucket.object_lock_days and state.aspects["object_lock"] is None:
        raise BucketError(
            f"Bucket {bucket.name} has no Object Lock, and switching it on can never be undone, so this is not done by the way. Either leave"
            f" object_lock_days out, or switch it on by hand (aws s3api put-object-lock-configuration --bucket {bucket.name}"
            f" --object-lock-configuration ObjectLockEnabled=Enabled; versioning must be on) and run this again. Nothing was changed."
        )
    found = {"acl": [], **state.aspects}
    return [_change(aspect, found[aspect], value) for aspect, value in wanted(bucket).items() if found[aspect] != value]


def diff(*, bucket: Bucket, changes: list[Change]) -> list[dict[str, str]]:
    """The value of a module's ``diff``: every sentence, then each aspect before and after."""
    if not changes:
        return []
    lines = [f"~ bucket {bucket.name}, {change.aspect}: {sentence}" for change in changes for sentence in change.why]
    return [
        {"prepared": "\n".join(lines) + "\n"},
        *(
            {
                "before_header": f"{bucket.name} {change.aspect}",
                "after_header": f"{bucket.name} {change.aspect}",
                "before": _text(change.before),
                "after": _text(change.after),
            }
            for change in changes
        ),
    ]


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, indent=2, sort_keys=True) + "\n"


def _change(aspect: str, before: Any, after: Any) -> Change:
    if aspect == "lifecycle":
        why = tuple(lifecycle.sentences(before or [], after))
    elif aspect == "policy":
        why = tuple(_statements(before or {}, after))
    elif before is None:
        why = ("is to be set",)
    elif aspect == "acl":
        why = tuple(f"a grant goes: {grant}" for grant in before)
    elif isinstance(before, dict) and isinstance(after, dict):
        why = tuple(_entries(before, after))
    else:
        why = (f"is {before}, is to be {after}",)
    return Change(aspect=aspect, before=before, after=after, why=why)


def _entries(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {before.get(key, 'not set')}, is to be {after.get(key, 'not set')}" for key in sorted({*before, *after}) if before.get(key) != after.get(key)
    ]


def _statements(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Which statements come, go or differ; those without a Sid are shown whole."""
    old, new = ({str(one.get("Sid") or json.dumps(one, sort_keys=True)): one for one in document.get("Statement", [])} for document in (before, after))
    words = [f"statement {sid} comes" for sid in new if sid not in old]
    words += [f"statement {sid} goes" for sid in old if sid not in new]
    words += [f"statement {sid} differs" for sid in new if sid in old and old[sid] != new[sid]]
    return words or ["differs"]
