# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes what was planned, and only as it was planned: what became another thing meanwhile, or is in use, stays.

A file is held open alone, by a lease, from the last look until it is gone; so nobody opens it in between. A directory is first given another name, under
which nobody looks for it, looked at once more, and then emptied; a run that is killed leaves it under that name, and the next one goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import FleetDataError
from . import folders, look, use
from .model import GOING, LOOKED_AT, Rule, Unit
from .proof import Proof, Prover


class InUseError(FleetDataError):
    """Something is in use, so it stays."""


class ChangedError(FleetDataError):
    """Something is not what was planned, so it stays."""


def file(*, root: int, rule: Rule, unit: Unit, prover: Prover | None, check: bool) -> Proof:
    """Prove and delete a file. root: the rule's folder, open. check: do not delete. Raises FleetDataError, OSError; then it is as it was."""
    with folders.parent(root, unit.path) as (where, name), _opened(where, name) as opened:
        if not unit.is_as(_found(os.fstat(opened), unit.path)):
            raise ChangedError(f"{rule.folder}/{unit.path} was changed since it was looked at. Run again.")
        proof = prover.prove(file=opened, path=unit.path) if prover else Proof()
        _alone(opened, rule, unit)
        for found in (os.fstat(opened), os.stat(name, dir_fd=where, follow_symlinks=False)):
            if not unit.is_as(_found(found, unit.path)):
                raise ChangedError(f"{rule.folder}/{unit.path} was changed while it was proved. Run again.")
        if not check:
            os.unlink(name, dir_fd=where)
        return proof


def directory(*, root: int, rule: Rule, unit: Unit, check: bool) -> None:
    """Delete a directory. Raises FleetDataError, OSError; then it is as it was, or its rest lies aside for the next run."""
    with folders.parent(root, unit.path) as (where, name):
        _check_directory(where, name, rule, unit)
        if check:
            return
        looked_at, going = LOOKED_AT + name, GOING + name
        for aside in (looked_at, going):
            if aside in os.listdir(where):
                raise ChangedError(f"{rule.folder}/{unit.path}: beside it lies {aside}, what is left of one before. Run again when that is gone.")
        _rename(where, name, looked_at)
        try:
            _check_directory(where, looked_at, rule, unit)
        except (FleetDataError, OSError):
            _rename(where, looked_at, name)
            raise
        _rename(where, looked_at, going)
        _remove(where, going)


def finish(*, root: int, path: str) -> None:
    """Delete what a killed run left, or give it its name again when it had not had its last look. Raises FleetDataError, OSError."""
    with folders.parent(root, path) as (where, name):
        if name.startswith(GOING):
            _remove(where, name)
        elif name[len(LOOKED_AT) :] in os.listdir(where):
            raise ChangedError(f"{path} was to go when a run was killed, and there is another of its name now. Look at both.")
        else:
            _rename(where, name, name[len(LOOKED_AT) :])


def _rename(where: int, name: str, other: str) -> None:
    os.rename(name, other, src_dir_fd=where, dst_dir_fd=where)


def _remove(where: int, name: str) -> None:
    inner = folders.enter(where, name)
    try:
        folders.empty(inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=where)


def _check_directory(where: int, name: str, rule: Rule, unit: Unit) -> None:
    inodes, oddity = look.tree(where, name)
    now = Unit(path=unit.path, key=next(iter(inodes)), inodes=inodes)
    if oddity or not unit.is_as(now):
        raise ChangedError(f"{rule.folder}/{unit.path} was changed since it was looked at. Run again.")
    seen = use.look()
    holder = seen.holder(inodes)
    if holder:
        raise InUseError(f"{holder}.")
    if seen.hidden:
        raise InUseError(f"Processes of others ({seen.hidden}) may not be looked into, so nobody knows whether it is in use. Run it as root.")


def _alone(opened: int, rule: Rule, unit: Unit) -> None:
    """Raise InUseError unless nobody else has the file open."""
    free = use.is_free(opened)
    if free:
        return
    seen = use.look()
    holder = seen.holder([unit.key], os.path.basename(unit.path))
    if holder or free is False:
        raise InUseError(f"{holder or 'a process has it open'}.")
    if seen.hidden:
        why = "its filesystem or its owner does not let the kernel tell, and processes of others may not be looked into"
        raise InUseError(f"{rule.folder}/{unit.path}: nobody knows whether it is in use, as {why}. Run it as the files' owner or as root.")


def _found(found: os.stat_result, path: str) -> Unit:
    return Unit(path=path, key=look.key(found), inodes={look.key(found): look.inode(found)})


@contextmanager
def _opened(where: int, name: str) -> Iterator[int]:
    opened = folders.open_file(where, name)
    try:
        yield opened
    finally:
        os.close(opened)
