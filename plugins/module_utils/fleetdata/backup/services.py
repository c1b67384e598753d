# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd that are stopped for a while."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ConfigurationError, FleetDataError

_SECONDS = 300


def systemctl(verb: str, units: Sequence[str]) -> str:
    """What systemd says against it, nothing when it is done. A unit's sockets go with it: else the next request would start it again in between."""
    try:
        done = _run(verb, "--", *_sockets(units), *units)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""


def _sockets(units: Sequence[str]) -> list[str]:
    """Those that start one of the units when somebody connects. What is not in use on this host, such as a disabled one, is left alone."""
    found = _run("show", "--property=TriggeredBy", "--value", "--", *units).stdout.split()
    return [name for name in found if name.endswith(".socket") and _run("is-enabled", "--quiet", "--", name).returncode == 0]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS)


@dataclass(frozen=True)
class Services:
    """names: of the units. ask: does something with them, and says what is against it."""

    names: tuple[str, ...] = ()
    ask: Callable[[str, Sequence[str]], str] = systemctl

    def __post_init__(self) -> None:
        for name in self.names:
            if not re.fullmatch(r"[A-Za-z0-9@_.:\\-]{1,255}", name):
                raise ConfigurationError(f"{name!r} is not the name of a unit such as catscan.service.")

    def stop(self) -> None:
        """Stop them. Raises FleetDataError, after they were started again; so does a signal that interrupts it."""
        try:
            refused = self.ask("stop", self.names) if self.names else ""
            if refused:
                raise FleetDataError(f"{', '.join(self.names)} could not be stopped ({refused}). Nothing was replaced. See systemctl status, then run again.")
        except BaseException:
            self.start()
            raise

    def start(self) -> None:
        """Start them. Raises FleetDataError."""
        refused = self.ask("start", self.names) if self.names else ""
        if refused:
            raise FleetDataError(f"{', '.join(self.names)} could not be started ({refused}). See systemctl status, and start it by hand.")
