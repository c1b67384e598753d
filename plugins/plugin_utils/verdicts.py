# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a costly check has found good, kept by the digest of all that the check depends on: so it can be missing, but not out of date."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable


def digest(parts: Iterable[bytes]) -> str:
    """The name of a verdict on these inputs, the code that judges them included."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(b"%d:" % len(part) + part)
    return hasher.hexdigest()


def is_good(folder: str, name: str) -> bool:
    """Whether these inputs were found good before."""
    return os.path.exists(os.path.join(folder, name))


def keep_good(folder: str, name: str) -> None:
    """Note that these inputs are good; where that cannot be written, the next run checks again."""
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600))
