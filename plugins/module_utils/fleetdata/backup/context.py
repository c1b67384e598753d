# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of backups has."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .. import work
from ..limits import Progress, Silence
from ..store import Store
from .model import Backups


@dataclass(frozen=True)
class Context:
    """store: the backups' bucket. host: this host's name. clock: UTC. monotonic: seconds that never go back."""

    store: Store
    backups: Backups
    host: str
    clock: Callable[[], datetime.datetime]
    progress: Progress = field(default_factory=Silence)
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    @contextmanager
    def workplace(self, name: str) -> Iterator[str]:
        """A new folder for what is on its way; held against another run for the same name, and empty before and after."""
        directory = os.path.join(self.backups.work, name)
        with work.held(directory, of=f"the backup of {name}"), work.folder(directory) as folder:
            yield folder
