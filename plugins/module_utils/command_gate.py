# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that must succeed on the host; it runs again when what it judged has changed or its last success has grown old."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.steady.fleet.plugins.module_utils.host_state import files

RECORDS = "/var/lib/steady-fleet/gates"
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
_LINES = 15


class CommandError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Gate:
    """What must succeed. ``watch``: paths whose content or target makes it run again. ``hours``: how long a success counts."""

    name: str
    command: Sequence[str]
    watch: Sequence[str] = ()
    hours: float = 24.0
    timeout: float = 300.0
    records: str = RECORDS

    @property
    def record(self) -> str:
        return os.path.join(self.records, f"{self.name}.json")


def is_settled(gate: Gate, *, now: float) -> bool:
    """Whether it succeeded lately with what is there now. now: seconds since 1970."""
    try:
        with open(gate.record, encoding="utf-8") as stream:
            record = json.load(stream)
        age = now - float(record["at"])
        return bool(record["digest"] == _digest(gate)) and 0 <= age < gate.hours * 3600
    except (OSError, ValueError, KeyError, TypeError):
        return False


def run(gate: Gate, *, now: float) -> None:
    """Run the command, unless it is settled, and remember its success. Raises CommandError with what it said."""
    if is_settled(gate, now=now):
        return
    seen = _digest(gate)
    _succeed(gate)
    record = {"at": now, "digest": seen, "command": list(gate.command)}
    files.make_directories(gate.records)
    files.write_atomically(gate.record, (json.dumps(record, indent=1) + "\n").encode(), mode=0o644)


def _succeed(gate: Gate) -> None:
    shown = " ".join(gate.command)
    try:
        done = subprocess.run(
            gate.command, env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=gate.timeout, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CommandError(f"{shown} did not end within {gate.timeout:g} s") from None
    except OSError as error:
        raise CommandError(f"{shown} cannot be started ({error.strerror})") from None
    if done.returncode != 0:
        said = "\n".join(done.stdout.rstrip().splitlines()[-_LINES:])
        raise CommandError(f"{shown} ended with {done.returncode}:\n{said or '(it said nothing)'}")


def _digest(gate: Gate) -> str:
    digest = hashlib.sha256()
    for text in (*gate.command, *map(_state, gate.watch)):
        digest.update(f"{len(text)} {text}".encode())
    return digest.hexdigest()


def _state(path: str) -> str:
    """What a path is now: the content of a file, the target of a link."""
    if os.path.islink(path):
        return os.readlink(path)
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return "none"
