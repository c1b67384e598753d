# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of everything is drilled today: drawn by a seed, so that who has the seed draws the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Draw:
    """count: how many of each kind of thing. seed: any text."""

    count: int
    seed: str

    def of(self, things: Iterable[_T]) -> list[_T]:
        """Some of the things, in their order; all when there are no more."""
        every = list(things)
        chosen = set(sorted(range(len(every)), key=lambda at: hashlib.sha256(f"{self.seed}/{every[at]!r}".encode()).digest())[: self.count])
        return [thing for at, thing in enumerate(every) if at in chosen]
