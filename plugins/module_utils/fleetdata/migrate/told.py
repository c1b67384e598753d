# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences that a plan finds, collected as it is made."""

from __future__ import annotations

from .planned import BLOCKS, NOTICE, Difference


class Told:
    """What was told so far, in that order; a code stands for one difference only."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []

    def notice(self, code: str, table: str, what: str, *, column: str = "", rows: int = 0) -> None:
        """Worth knowing; nothing has to be done."""
        self._add(Difference(code=code, level=NOTICE, table=table, what=what, column=column, rows=rows))

    def blocks(self, code: str, table: str, what: str, *, column: str = "", rows: int = 0, setting: str = "") -> None:
        """Nothing is loaded before this is resolved. setting: what does; without one, that somebody read it and agrees."""
        self._add(Difference(code=code, level=BLOCKS, table=table, what=what, column=column, rows=rows, setting=setting or f'accept: ["{code}"]'))

    def _add(self, one: Difference) -> None:
        if one.code not in {other.code for other in self.differences}:
            self.differences.append(one)
