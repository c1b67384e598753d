# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the rules: look, plan, and for each file prove, then delete. What fails stops nothing else."""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Callable

from ..errors import DAMAGED, OK, STAYED, UNREACHABLE, ConfigurationError, FleetDataError
from ..model import Archive
from ..store import Store
from . import apply, folders, use
from .look import look
from .model import DIRECTORIES, GOING, Rule, Seen
from .plan import Plan, Step, plan
from .proof import Prover, prover

DELETED, PLANNED, TAKEN_BACK, IN_USE, CHANGED, STOPPED = "deleted", "planned", "taken_back", "in_use", "changed", "stopped"
"""What became of a file: it went; it would go; it has its name again, which a killed run had taken from it; it stays as somebody uses it, as it is another
one meanwhile, or as it is not proved or cannot be deleted."""
_TOLD = (DAMAGED, UNREACHABLE)
"""Errors whose own exit code says more than that something stays."""


@dataclass(frozen=True)
class Result:
    """What became of one file, or directory, that was to go. bytes: that the disk has back, or would have. why: words, for its going.

    uri, version_id, sha256: of the proof. reason: a sentence, unless it went. code: the exit code for it.
    """

    rule: str
    path: str
    status: str
    day: str = ""
    bytes: int = 0
    why: str = ""
    proof: str = ""
    uri: str = ""
    version_id: str = ""
    sha256: str = ""
    reason: str = ""
    code: int = OK


@dataclass(frozen=True)
class Report:
    """What became of all that was to go. refused: why nothing of a rule goes, by rule. notices: what else there is to know."""

    results: tuple[Result, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """What a run has. archive: gives the archive and its bucket; asked only where a rule needs it. host: this host's name."""

    archive: Callable[[], tuple[Archive, Store]]
    clock: Callable[[], datetime.datetime]
    host: str


def prune(*, rules: Iterable[Rule], context: Context, check: bool) -> Report:
    """Delete what the rules let go. check: write nothing, and say what would go. Raises ConfigurationError before anything is deleted."""
    chosen = list(rules)
    provers = {rule.name: prover(rule=rule, archive=context.archive, clock=context.clock, host=context.host) for rule in chosen}
    seen, refused = _look(chosen)
    results: list[Result] = []
    notices: list[str] = []
    for rule in chosen:
        if rule.name in refused:
            continue
        made = plan(rule=rule, seen=seen[rule.name], now=context.clock())
        notices += made.notices
        if made.refused:
            refused[rule.name] = made.refused
            continue
        try:
            results += _Run(rule, seen[rule.name], made, provers[rule.name], check).all()
        except (ConfigurationError, OSError) as error:
            refused[rule.name] = _sentence(rule.folder, error)
    return Report(results=tuple(results), refused=refused, notices=tuple(notices))


def _look(rules: Iterable[Rule]) -> tuple[dict[str, Seen], dict[str, str]]:
    """What there is of each rule, or why that cannot be told."""
    used = use.look()
    seen: dict[str, Seen] = {}
    refused: dict[str, str] = {}
    owners: dict[str, str] = {}
    for rule in rules:
        try:
            seen[rule.name] = look(rule=rule, use=used)
        except (ConfigurationError, OSError) as error:
            refused[rule.name] = _sentence(rule.folder, error)
            continue
        for unit in seen[rule.name].units:
            path = f"{rule.folder}/{unit.path}"
            owner = owners.setdefault(path, rule.name)
            if owner != rule.name:
                refused[owner] = refused[rule.name] = f"{path}: the rules {owner} and {rule.name} are both about it. Let one rule decide."
    return seen, refused


class _Run:
    def __init__(self, rule: Rule, seen: Seen, made: Plan, prover: Prover | None, check: bool) -> None:
        self._rule, self._seen, self._made, self._prover, self._check = rule, seen, made, prover, check

    def all(self) -> list[Result]:
        results = [self._result(step, IN_USE, reason=_ended(step.why)) for step in self._made.in_use]
        if not self._made.steps and not self._seen.aside:
            return results
        with folders.folder(self._rule.folder) as root:
            if not self._check:
                _hold(root, self._rule)
            results += self._finished(root)
            results += [self._tried(root, step) for step in self._made.steps]
        return results

    def _finished(self, root: int) -> Iterator[Result]:
        """What a killed run left goes, or is what it was again."""
        for path in self._seen.aside:
            why = "left by a run that was killed"
            status = self._done if os.path.basename(path).startswith(GOING) else TAKEN_BACK
            result = Result(self._rule.name, f"{self._rule.folder}/{path}", status, why=why, proof=self._rule.proof)
            try:
                if not self._check:
                    apply.finish(root=root, path=path)
                yield result
            except (FleetDataError, OSError) as error:
                yield _stays(result, error)

    def _tried(self, root: int, step: Step) -> Result:
        result = self._result(step, self._done, bytes=step.freed)
        try:
            if self._rule.units == DIRECTORIES:
                apply.directory(root=root, rule=self._rule, unit=step.unit, check=self._check)
                return result
            proof = apply.file(root=root, rule=self._rule, unit=step.unit, prover=self._prover, check=self._check)
            return dataclasses.replace(result, **dataclasses.asdict(proof))
        except (FleetDataError, OSError) as error:
            return _stays(result, error)

    @property
    def _done(self) -> str:
        return PLANNED if self._check else DELETED

    def _result(self, step: Step, status: str, *, bytes: int = 0, reason: str = "") -> Result:
        why = "" if reason else step.why
        return Result(
            self._rule.name, f"{self._rule.folder}/{step.unit.path}", status, step.day, bytes, why, proof=self._rule.proof, reason=reason
        )  # fmt: skip


def _stays(result: Result, error: Exception) -> Result:
    """Why it stays, and whether that is an ordinary thing."""
    status, code = STOPPED, STAYED
    if isinstance(error, apply.InUseError):
        status, code = IN_USE, OK
    elif isinstance(error, (apply.ChangedError, FileNotFoundError)):
        status, code = CHANGED, OK
    elif isinstance(error, FleetDataError) and error.code in _TOLD:
        code = error.code
    return dataclasses.replace(result, status=status, code=code, bytes=0, reason=_sentence(result.path, error))


def _hold(root: int, rule: Rule) -> None:
    """Hold the folder against another run, as long as it is open."""
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(f"Another run has {rule.folder}. Wait for it, then run again.") from None


def _sentence(where: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{where}: {os.strerror(error.errno) if error.errno else error}. It stays as it is."
    return str(error)


def _ended(words: str) -> str:
    return words if words.endswith(".") else f"{words}."
