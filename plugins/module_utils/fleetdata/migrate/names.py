# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in PostgreSQL: at most 63 bytes, none twice; otherwise the very ones of the source, which are quoted wherever they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

LONGEST = 63
_OF_THE_SYSTEM = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_DIGITS = 8


class Names:
    """Names of one kind in one place: what is given is remembered, and not given again."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def give(self, wanted: str) -> str:
        """The name itself where it can be had, else one like it that is the same in every run."""
        name = shortened(wanted)
        place = 2
        while name in self._taken or not name:
            name = shortened(f"{wanted}_{place}" if wanted else f"unnamed_{place - 1}")
            place += 1
        self._taken.add(name)
        return name


def shortened(name: str) -> str:
    """A name that is too long ends with a digest of the whole, so that two with the same beginning stay two."""
    text = name.encode()
    if len(text) <= LONGEST:
        return name
    digest = hashlib.sha256(text).hexdigest()[:_DIGITS]
    return f"{text[: LONGEST - _DIGITS - 1].decode('utf-8', 'ignore')}_{digest}"


def columns() -> Names:
    """For the columns of a table: some names are PostgreSQL's own."""
    return Names(_OF_THE_SYSTEM)
