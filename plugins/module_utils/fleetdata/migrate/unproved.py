# Copyright: the steady.fleet developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of values that nobody has looked at yet."""

from __future__ import annotations

from dataclasses import replace

from .planned import TablePlan
from .survey import Values


def unproved(table: TablePlan) -> TablePlan:
    """What was seen of values at load says nothing of those that came since: every one is to be checked."""
    return replace(table, columns=tuple(replace(column, values=Values(rows=0, nulls=1)) for column in table.columns))
