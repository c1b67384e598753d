# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd makes of its files: the first value of a keyword counts, in the order of the Include lines."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .errors import StateError
from .model import FILE, Scope
from .observe import Observed
from .plan import Plan

ROOT = "/etc/ssh/sshd_config"
DEPTH = 16
# Every line of these counts, not only the first.
COLLECTED = frozenset("acceptenv allowgroups allowusers denygroups denyusers hostcertificate hostkey listenaddress port setenv subsystem".split())


@dataclass(frozen=True)
class Setting:
    """One line that holds for every connection, and where it stands."""

    keyword: str
    value: str
    path: str
    line: int


def refuse_overruled(*, plan: Plan, scopes: Sequence[Scope], observed: Observed) -> None:
    """Raise StateError where a declared file of sshd's would not take effect, because sshd reads another value first or never reads it."""
    gone = {action.name: "" for action in plan.actions if action.action == "remove"}
    for scope in scopes:
        for entry in scope.entries:
            if entry.kind == FILE and entry.proof and (entry.path == ROOT or entry.path.startswith(ROOT + ".d/")):
                state = observed.paths.get(entry.path)
                data = entry.data if entry.data is not None else _text(entry.path).encode() if state and state.digest == entry.digest else None
                if data is not None and os.path.exists(ROOT):
                    problem = overruled(path=entry.path, text=data.decode("utf-8", "replace"), others=gone)
                    if problem:
                        raise StateError(f"{scope.name}: {problem}")


def overruled(*, path: str, text: str, root: str = ROOT, others: Mapping[str, str] | None = None) -> str:
    """The first setting in ``text``, as ``path`` is to hold it, that sshd would not obey, in a sentence; empty if it obeys all of them.

    ``others`` stands for files that change with it, by path.
    """
    first: dict[str, Setting] = {}
    ours: list[Setting] = []
    for setting in settings(root=root, overlay={**(others or {}), path: text}):
        first.setdefault(setting.keyword, setting)
        if setting.path == path:
            ours.append(setting)
    if not ours and any(_words(line) for line in text.splitlines()):
        return (
            f"sshd does not read {path}: no Include line of {root} leads there. Put 'Include {os.path.dirname(path)}/*.conf' at its top. Nothing was changed."
        )
    for setting in ours:
        winner = first[setting.keyword]
        if winner.value.lower() != setting.value.lower() and setting.keyword not in COLLECTED:
            return (
                f"sshd obeys '{winner.keyword} {winner.value}' of {winner.path} line {winner.line}, which it reads before {path} with"
                f" '{setting.keyword} {setting.value}'. Remove that line on the host, or declare its value. Nothing was changed."
            )
    return ""


def settings(*, root: str = ROOT, overlay: Mapping[str, str] | None = None, depth: int = 0) -> Iterator[Setting]:
    """Every line outside of Match blocks, in the order in which sshd reads them. ``overlay`` stands for files that are to come."""
    over = overlay or {}
    text = over[root] if root in over else _text(root)
    for number, line in enumerate(text.splitlines(), start=1):
        words = _words(line)
        if not words:
            continue
        keyword = words[0].lower()
        if keyword == "match":
            return  # up to the end of this file
        if keyword != "include":
            yield Setting(keyword, " ".join(words[1:]), root, number)
        elif depth < DEPTH:
            for pattern in words[1:]:
                for included in _included(pattern, over):
                    yield from settings(root=included, overlay=over, depth=depth + 1)


def _included(pattern: str, overlay: Mapping[str, str]) -> list[str]:
    pattern = pattern if pattern.startswith("/") else os.path.join("/etc/ssh", pattern)
    coming = [path for path in overlay if os.path.dirname(path) == os.path.dirname(pattern) and fnmatchcase(path, pattern)]
    return sorted({*glob.glob(pattern), *coming})


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    if words and "=" in words[0]:
        words[:1] = words[0].split("=", 1)
    return [word for word in words if word not in ("=", "")]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""
