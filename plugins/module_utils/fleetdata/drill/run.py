# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One drill: everything in scratch, which goes; a record, which stays."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Callable, Protocol

from .. import errors, work
from ..errors import ConfigurationError, StoreError
from ..reading import FAILED
from ..store import Store
from . import record
from .draw import Draw
from .model import ALTERED, LATE, LIMIT, RECORD, REFUSED, Check, Drill, Found, exit_code
from .record import Record

_STAMP = "%Y%m%dT%H%M%SZ"


class Part(Protocol):
    """One part of a drill."""

    def drill(self, *, folder: str, draw: Draw) -> Found:
        """Drill it in an empty folder. Raises FleetDataError, OSError."""


@dataclass(frozen=True)
class Shelf:
    """Where records are kept beside the host. prefix: of their keys."""

    store: Store
    prefix: str


@dataclass(frozen=True)
class Context:
    """Who drills: this host's name, the user, by what, which version of the command, and the seed. clock: UTC."""

    host: str
    user: str
    by: str
    version: str
    seed: str
    clock: Callable[[], datetime.datetime]


@dataclass(frozen=True)
class Drilled:
    """What came of a drill. path: of its record. seconds: measured. seconds_for_all: what restoring everything would take. code: the exit code."""

    checks: tuple[Check, ...]
    newest: Mapping[str, str]
    seconds: float
    seconds_for_all: float
    record: Record
    path: str
    code: int


def drill(*, declared: Drill, parts: Mapping[str, Part], shelf: Shelf, context: Context) -> Drilled:
    """Drill all parts. Raises ConfigurationError when the folder cannot be used, or another drill is going on; what else goes wrong is a check."""
    scratch = os.path.join(declared.folder, "scratch")
    with work.held(scratch, of="the drill"):
        began = context.clock()
        records = record.read(declared.folder)
        checks = [Check(RECORD, declared.folder, "", ALTERED, problem) for problem in record.problems(declared.folder, records)]
        draw = Draw(count=declared.days, seed=context.seed)
        found = {name: _drilled(name, part, scratch, draw) for name, part in parts.items()}
        checks += [check for one in found.values() for check in one.checks]
        for_all = sum(one.seconds_for_all for one in found.values())
        if for_all > declared.rto_seconds:
            reason = f"To restore everything takes {for_all:.0f} s by what was measured, and may take {declared.rto_seconds:.0f} s (rto_seconds)."
            checks.append(Check(LIMIT, "rto_seconds", "", LATE, reason))
        newest = {name: moment for one in found.values() for name, moment in one.newest.items()}
        seconds = sum(one.seconds for one in found.values())
        said = _said(declared, context, began, checks, newest=newest, seconds=seconds, for_all=for_all)
        try:
            made = record.sealed(said, after=records, stamp=began.strftime(_STAMP))
            path = record.write(declared.folder, made)
        except OSError as error:
            raise ConfigurationError(f"{declared.folder}: the record cannot be written: {error.strerror}. A drill without a record is none.") from None
        checks += record.share(store=shelf.store, prefix=shelf.prefix, host=context.host, records=[*records, made])
    return Drilled(
        checks=tuple(checks), newest=newest, seconds=seconds, seconds_for_all=for_all, record=made, path=path, code=exit_code(tuple(checks))
    )  # fmt: skip


def _drilled(name: str, part: Part, scratch: str, draw: Draw) -> Found:
    try:
        with work.folder(scratch) as folder:
            return part.drill(folder=folder, draw=draw)
    except StoreError as error:
        return Found(checks=(Check(name, "", "", FAILED, str(error)),))
    except errors.FleetDataError as error:
        return Found(checks=(Check(name, "", "", REFUSED, str(error)),))
    except OSError as error:
        return Found(checks=(Check(name, "", "", FAILED, f"{error.filename or scratch}: {error.strerror}. Nothing more of this was drilled."),))


def _said(
    declared: Drill, context: Context, began: datetime.datetime, checks: Sequence[Check], *, newest: Mapping[str, str], seconds: float, for_all: float
) -> dict[str, Any]:  # fmt: skip
    """What the record says."""
    code = exit_code(tuple(checks))
    return {
        "passed": code == errors.OK,
        "code": code,
        "host": context.host,
        "user": context.user,
        "by": context.by,
        "command": context.version,
        "seed": context.seed,
        "began": began.isoformat(),
        "ended": context.clock().isoformat(),
        "compared": sum(check.compared for check in checks),
        "rows": sum(check.rows for check in checks if check.compared),
        "checks": [asdict(check) for check in checks],
        "rto": {"measured_seconds": round(seconds, 3), "everything_seconds": round(for_all, 3), "limit_seconds": declared.rto_seconds},
        "rpo": {"newest": dict(newest), "limit_hours": declared.rpo_hours},
    }
