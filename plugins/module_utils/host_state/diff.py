# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as Ansible prints it with --diff: content for text, names for secrets, one line for everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model import FILE, Entry, Scope
from .observe import Observed
from .plan import Action, Plan

SIGNS = {"create": "+", "install": "+", "remove": "-"}


def render(*, plan: Plan, scopes: Sequence[Scope], observed: Observed) -> list[dict[str, str]]:
    """The value of a module's ``diff``. Content is shown only where it was sent (``Entry.data``)."""
    entries = {entry.path: entry for scope in scopes for entry in scope.entries}
    lines = [f"{SIGNS.get(a.action, '~')} {a.sentence()}{_secret_keys(a, entries, observed)}" for a in plan.actions]
    parts = [{"prepared": "\n".join(lines) + "\n"}] if lines else []
    return parts + [part for action in plan.actions for part in _content(action, entries, observed)]


def _content(action: Action, entries: Mapping[str, Entry], observed: Observed) -> list[dict[str, str]]:
    entry = entries.get(action.name)
    if action.kind != FILE or entry is None or entry.secret or entry.data is None or action.name not in entries:
        return []
    state = observed.paths.get(entry.path)
    before, after = _text(state.data if state else b""), _text(entry.data)
    if before is None or after is None or before == after:
        return []
    return [{"before_header": entry.path, "after_header": entry.path, "before": before, "after": after}]


def _text(data: bytes | None) -> str | None:
    try:
        return data.decode("utf-8") if data is not None else None
    except UnicodeDecodeError:
        return None


def _secret_keys(action: Action, entries: Mapping[str, Entry], observed: Observed) -> str:
    """Which KEY= lines of a secret file are new, changed or gone: never a value."""
    entry = entries.get(action.name)
    if action.kind != FILE or entry is None or not entry.secret or entry.data is None:
        return ""
    state = observed.paths.get(entry.path)
    before, after = _assignments(state.data if state else b""), _assignments(entry.data)
    words = [f"{key} is new" for key in after if key not in before]
    words += [f"{key} changes" for key in after if key in before and before[key] != after[key]]
    words += [f"{key} goes" for key in before if key not in after]
    return f" ({', '.join(words)})" if words else ""


def _assignments(data: bytes | None) -> dict[str, str]:
    lines = (data or b"").decode("utf-8", "replace").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith(("#", ";")))
    return {key.strip(): value for key, value in pairs}
