# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to systemd and steps through systemctl."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .errors import StateError

PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath"
JOURNAL_LINES = 15
# Where people, systemctl edit and systemctl set-property put what changes a unit; what packages bring lies elsewhere.
DROP_IN_ROOTS = ("/etc/systemd/system", "/etc/systemd/system.control", "/run/systemd/system", "/run/systemd/system.control")


@dataclass(frozen=True)
class UnitStatus:
    """What systemd says of a unit; all empty where it knows none of that name."""

    load: str = "not-found"
    active: str = "inactive"
    sub: str = ""
    file_state: str = ""
    stale: bool = False
    fragment: str = ""

    @property
    def exists(self) -> bool:
        return self.load not in ("not-found", "")

    @property
    def masked(self) -> bool:
        return self.load == "masked" or self.file_state.startswith("masked")

    @property
    def running(self) -> bool:
        """Active, or on its way there: a unit between two automatic restarts is neither."""
        return self.active in ("active", "reloading", "activating") and self.sub != "auto-restart"

    @property
    def enabled(self) -> bool:
        return self.file_state in ("enabled", "static", "alias", "indirect", "generated")


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program with a plain locale; StateError with its last words where it fails."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        # The run lock is inherited: a step that outlives its killed run keeps the host until it is done.
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, stdin=subprocess.DEVNULL, close_fds=False)
    except FileNotFoundError:
        raise StateError(f"{command[0]} is not on this host, and it is needed here. Declare the package that brings it.") from None
    if check and result.returncode:
        words = (result.stderr or result.stdout).strip().splitlines()[-5:]
        raise StateError(f"{' '.join(command)} failed with status {result.returncode}: {' | '.join(words) or 'it said nothing'}")
    return result


def statuses(names: Iterable[str]) -> dict[str, UnitStatus]:
    """Ask for all units in one call. Templates without an instance (``x@.service``) cannot be asked for."""
    wanted = sorted(name for name in names if "@." not in name)
    if not wanted:
        return {}
    blocks = run("systemctl", "show", "--property", PROPERTIES, "--", *wanted).stdout.strip("\n").split("\n\n")
    return {name: _status(block) for name, block in zip(wanted, blocks)}


def _status(block: str) -> UnitStatus:
    fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    return UnitStatus(
        load=fields.get("LoadState", ""),
        active=fields.get("ActiveState", ""),
        sub=fields.get("SubState", ""),
        file_state=fields.get("UnitFileState", ""),
        stale=fields.get("NeedDaemonReload") == "yes" and fields.get("LoadState") != "masked",  # no reload ends that of a masked unit with a drop-in
        fragment=fields.get("FragmentPath", ""),
    )


def drop_ins(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The drop-ins of each unit that has any, read from the directories: systemd itself knows of them only after a daemon-reload."""
    found = {}
    for name in names:
        paths = [path for root in DROP_IN_ROOTS for path in sorted(glob.glob(f"{glob.escape(f'{root}/{name}.d')}/*.conf"))]
        if paths:
            found[name] = tuple(paths)
    return found


def verify(units: Sequence[tuple[str, bytes]], *, check_programs: bool, arriving: Collection[str] = ()) -> None:
    """Let systemd read unit files before they are put in place.

    Args:
        units: name and content of each new file.
        check_programs: whether a missing program in ExecStart counts (in check mode an earlier step may still bring it).
        arriving: paths that the same plan puts in place before the units start.

    Raises:
        StateError: for each line that systemd does not accept, an unknown key included: a misspelt sandbox setting is no setting.
    """
    if not units or shutil.which("systemd-analyze") is None:
        return
    with tempfile.TemporaryDirectory(prefix="steady-verify-") as directory:
        for name, data in units:
            with open(os.path.join(directory, name), "wb") as stream:
                stream.write(data)
        paths = [os.path.join(directory, name) for name, _ in units]
        output = run("systemd-analyze", "verify", "--recursive-errors=no", "--man=no", *paths, check=False).stderr
    names = [name for name, _ in units]
    problems = [line.replace(directory + "/", "") for line in output.splitlines() if line.replace(directory + "/", "").startswith(tuple(names))]
    problems = [line for line in problems if not _is_to_come(line, arriving, check_programs=check_programs)]
    if problems:
        raise StateError(f"systemd does not accept the unit: {' | '.join(problems).rstrip('.')}. Nothing was changed. Correct the declaration of that unit.")


def _is_to_come(problem: str, arriving: Collection[str], *, check_programs: bool) -> bool:
    """Whether a line only says that a program is missing which this plan, or in check mode an earlier step, brings."""
    program = re.search(r"Command (\S+) is not executable", problem)
    if program is None:
        return False
    return not check_programs or any(program[1] == path or program[1].startswith(path + "/") for path in arriving)


def act(verb: str, unit: str) -> None:
    """Run one systemctl verb on a unit; where it fails, say so with the unit's last journal lines, values of its environment files masked."""
    if verb == "unmask":
        run("systemctl", "unmask", "--runtime", unit, check=False)
    if verb in ("start", "restart"):  # one that failed too often is given a new chance: what made it fail may just have been repaired
        run("systemctl", "reset-failed", unit, check=False)
    result = run("systemctl", verb, unit, check=False)
    if result.returncode:
        why = result.stderr.strip().splitlines()[:1] or ["it said nothing"]
        raise StateError(f"systemctl {verb} {unit} failed: {why[0]} The unit's last words:\n{journal_tail(unit)}")


def journal_tail(unit: str, *, lines: int = JOURNAL_LINES) -> str:
    """The unit's last journal lines, as text, with secrets of its environment files masked."""
    result = run("journalctl", "--unit", unit, "--lines", str(lines), "--no-pager", "--output", "cat", check=False)
    text = result.stdout.strip()
    for value in sorted(environment_values(unit), key=len, reverse=True):
        text = text.replace(value, "********")
    return text or "(its journal is empty)"


def environment_values(unit: str) -> set[str]:
    """The values in a unit's environment files that are long enough to be secrets."""
    shown = run("systemctl", "show", "--property", "EnvironmentFiles", "--", unit, check=False).stdout
    values: set[str] = set()
    for path in re.findall(r"EnvironmentFiles=(\S+)", shown):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except OSError:
            continue
        values.update(line.split("=", 1)[1].strip().strip("\"'") for line in lines if "=" in line and not line.startswith("#"))
    return {value for value in values if len(value) >= 8}
