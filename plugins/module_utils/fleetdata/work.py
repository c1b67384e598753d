# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory for what is on its way: of one run at a time, and empty before and after it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ConfigurationError

_BEGINNING = "fleetdata-work-"


@contextmanager
def held(directory: str, *, of: str) -> Iterator[None]:
    """Hold the directory, made if need be, against another run. of: what runs. What a killed run left in it goes. Raises ConfigurationError."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"{directory}: cannot be used to work in: {error.strerror}. Name another directory.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in os.listdir(directory):
            if name.startswith(_BEGINNING):
                shutil.rmtree(os.path.join(directory, name))
        yield
    except BlockingIOError:
        raise ConfigurationError(f"Another run of {of} has {directory}. Wait for it, then run again.") from None
    finally:
        os.close(file)


@contextmanager
def folder(directory: str) -> Iterator[str]:
    """A new folder in the directory, which goes with all that is in it."""
    path = tempfile.mkdtemp(prefix=_BEGINNING, dir=directory)
    try:
        yield path
    finally:
        shutil.rmtree(path)
